"""Features of a frozen encoder, computed once for several augmented views of every frame."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_lwm.ablation.frames import Frames
from keras_lwm.arrays import ArrayBatches
from keras_lwm.atomic_write import write_json
from keras_lwm.augmentation import Augmentation
from keras_lwm.networks import DepthPicture
from keras_lwm.order import epoch_order, full_batches
from keras_lwm.progress_bar import ProgressBar

STRIDES = ("stride_4", "stride_8", "stride_16", "stride_32")
TARGETS = ("label", "depth")


class Views:
    """The frozen encoder's features of `number` augmented views of the training frames.

    All rows and seeds train on the same views, epoch e on view e modulo their number. Features are
    kept in half precision in files, which processes share.

    Args:
        folder: where the files are; one that was left unfinished is computed again.
        number: of views.
        of_depth: whether they are those of `DepthPicture` of the frames' depth, for networks that
            see it, rather than of the images, with the targets.
    """

    def __init__(self, folder: Path, number: int, of_depth: bool = False):
        self.folder = folder
        self.number = number
        self.of_depth = of_depth
        self.names = tuple(f"depth_{name}" for name in STRIDES) if of_depth else STRIDES + TARGETS
        self._done = folder / "done.json"

    def compute(
        self,
        extractor: keras.Model,
        frames: Frames,
        augmentation: Augmentation,
        num_classes: int,
        unusual_depth: bool = False,
    ) -> None:
        """Computes the features unless they are there, in batches of single frames.

        Raises:
            ValueError: half precision cannot hold the features.
        """
        if self._done.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        count = len(frames)
        batches = ArrayBatches(
            frames.images,
            frames.labels,
            frames.depths,
            num_classes=num_classes,
            batch_size=1,
            augmentation=augmentation,
            unusual_depth=unusual_depth,
        )
        arrays = {}
        what = "the depth of " if self.of_depth else ""
        text = f"Encoding {self.number} views of {what}{count} frames"
        picture = DepthPicture()
        with ProgressBar(range(self.number * count), text, "images") as steps:
            for step in steps:
                image, targets = batches[step]
                seen = picture(targets["depth"]) if self.of_depth else image.astype("float32")
                features = extractor.predict_on_batch(seen)
                kept = {f"depth_{name}": maps for name, maps in features.items()}
                kept = kept if self.of_depth else {**features, **targets}
                view, index = divmod(step, count)
                index = int(epoch_order(0, view, count)[index])
                for name, values in kept.items():
                    if name not in arrays:
                        arrays[name] = self._new_array(name, values, count)
                    arrays[name][view, index] = values[0]
        for name in set(self.names) - set(TARGETS):
            if not np.isfinite(arrays[name]).all():
                raise ValueError(
                    f"Expected features within the range of half precision; received others in "
                    f"{name} of {extractor.name}."
                )
        write_json(self._done, {"views": self.number, "frames": count})

    def _new_array(self, name, values, count):
        dtype = values.dtype if name in TARGETS else "float16"
        shape = (self.number, count, *values.shape[1:])
        return np.lib.format.open_memmap(self._path(name), "w+", dtype, shape)

    def _path(self, name):
        return self.folder / f"{name}.npy"

    def arrays(self) -> dict[str, np.ndarray]:
        """{name: (views, frames, h, w, channels)}, read from the files where needed."""
        return {name: np.load(self._path(name), mmap_mode="r") for name in self.names}


class ViewBatches(keras.utils.PyDataset):
    """Batches of features and targets; the same order as `ArrayBatches` has for this seed.

    Args:
        views: of the images and targets, and perhaps of depth.
        batch_size, seed: as there.
    """

    def __init__(self, views: Sequence[Views], batch_size: int, seed: int):
        super().__init__()
        self.arrays = {name: maps for one in views for name, maps in one.arrays().items()}
        self.views, self.count = self.arrays["label"].shape[:2]
        self.batch_size = batch_size
        self.seed = seed
        self.steps_per_epoch = full_batches(self.count, batch_size)

    @property
    def num_batches(self) -> None:
        """None: the batches never end."""
        return None

    def __getitem__(self, step: int) -> tuple[dict, dict]:
        epoch, batch = divmod(step, self.steps_per_epoch)
        order = epoch_order(self.seed, epoch, self.count)
        chosen = np.sort(order[batch * self.batch_size : (batch + 1) * self.batch_size])
        taken = {name: values[epoch % self.views, chosen] for name, values in self.arrays.items()}
        targets = {name: taken.pop(name) for name in TARGETS}
        return {name: maps.astype("float32") for name, maps in taken.items()}, targets
