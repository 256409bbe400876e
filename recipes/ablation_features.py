"""Features of a frozen encoder, computed once for several augmented views of every frame."""

import click
import keras
import numpy as np

from keras_lwm.arrays import ArrayBatches
from keras_lwm.atomic_write import write_json
from keras_lwm.order import epoch_order, full_batches

STRIDES = ("stride_4", "stride_8", "stride_16", "stride_32")
TARGETS = ("label", "depth")


class Views:
    """The frozen encoder's features of `number` augmented views of the training frames.

    All rows and seeds train on the same views, epoch e on view e modulo their number. Features are
    kept in half precision in files, which processes share.

    Args:
        folder: where the files are; one that was left unfinished is computed again.
        number: of views.
    """

    def __init__(self, folder, number):
        self.folder = folder
        self.number = number
        self._done = folder / "done.json"

    def compute(self, extractor, frames, augmentation, num_classes):
        """Computes what is not there yet, in batches of single frames, with progress shown."""
        if self._done.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        count = len(frames.images)
        batches = ArrayBatches(
            frames.images,
            frames.labels,
            frames.depths,
            num_classes=num_classes,
            batch_size=1,
            augmentation=augmentation,
        )
        arrays = {}
        with click.progressbar(range(self.number * count), label="Encoding the views") as steps:
            for step in steps:
                image, targets = batches[step]
                features = extractor.predict_on_batch(image.astype("float32"))
                view, index = step // count, int(epoch_order(0, step // count, count)[step % count])
                for name, values in {**features, **targets}.items():
                    if name not in arrays:
                        arrays[name] = self._new_array(name, values, count)
                    arrays[name][view, index] = values[0]
        for name in STRIDES:
            if not np.isfinite(arrays[name]).all():
                raise ValueError(f"Expected features that half precision can hold in {name}.")
        write_json(self._done, {"views": self.number, "frames": count})

    def _new_array(self, name, values, count):
        dtype = {"label": "uint8", "depth": "float32"}.get(name, "float16")
        shape = (self.number, count, *values.shape[1:])
        return np.lib.format.open_memmap(self._path(name), "w+", dtype, shape)

    def _path(self, name):
        return self.folder / f"{name}.npy"

    def arrays(self):
        """{name: (views, frames, h, w, channels)}, read from the files where needed."""
        return {name: np.load(self._path(name), mmap_mode="r") for name in (*STRIDES, *TARGETS)}


class FeatureBatches(keras.utils.PyDataset):
    """Batches of features and targets; the same order as `ArrayBatches` has for this seed."""

    def __init__(self, views, batch_size, seed):
        super().__init__()
        self.arrays = views.arrays()
        self.views, self.count = self.arrays["label"].shape[:2]
        self.batch_size = batch_size
        self.seed = seed
        self.steps_per_epoch = full_batches(self.count, batch_size)

    @property
    def num_batches(self):
        return None

    def __getitem__(self, step):
        epoch, batch = divmod(step, self.steps_per_epoch)
        order = epoch_order(self.seed, epoch, self.count)
        chosen = np.sort(order[batch * self.batch_size : (batch + 1) * self.batch_size])
        taken = {name: values[epoch % self.views, chosen] for name, values in self.arrays.items()}
        features = {name: taken[name].astype("float32") for name in STRIDES}
        return features, {name: taken[name] for name in TARGETS}


def feature_inputs(extractor):
    """One `keras.Input` a feature map of the encoder, of any height and width."""
    return {
        name: keras.Input((None, None, maps.shape[-1]), name=name)
        for name, maps in extractor.output.items()
    }
