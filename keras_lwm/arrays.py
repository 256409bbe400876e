"""Training batches from arrays in memory, without TensorFlow."""

import keras
import numpy as np

from keras_lwm.augmentation import Augmentation
from keras_lwm.order import check_step, epoch_order, full_batches, sample_seed
from keras_lwm.samples import check_depth_unit, check_one_size, check_sample, typical_depth
from keras_lwm.void import check_num_classes, label_dtype


class ArrayBatches(keras.utils.PyDataset):
    """Endless training batches from arrays: what `pipeline.training_dataset` serves, bit by bit.

    Every epoch has its own order and its own augmentation, both functions of `seed` and the epoch
    alone. Samples that fill no batch are left out of that epoch.

    Args:
        images: (N, H, W, 3) uint8 RGB, or a sequence of N images of any sizes.
        labels: (N, H, W) integer class ids, 255 = void (65535 beyond 255 classes), or a sequence.
        depths: (N, H, W, 1) metres, 0 = not measured, or a sequence; `None`: nothing is measured.
        num_classes: 2 to 65535; label ids must lie below.
        batch_size: samples a batch.
        augmentation: an `Augmentation`; needs a `crop` where the images differ in size.
        seed: of order and augmentation.
        initial_epoch: the epoch to begin with, as in `fit`.
        initial_step: the step of that epoch to begin with.
        unusual_depth: accept a median depth below 0.1 m or above 80 m.
        **workers: `workers`, `use_multiprocessing`, `max_queue_size` of `keras.utils.PyDataset`.

    Each item is `(image (B, H, W, 3) uint8, {"label": (B, H, W) uint8, "depth": (B, H, W, 1)
    float32})`; beyond 255 classes, labels are uint16.

    Raises:
        ValueError: if a sample's arrays do not fit together or hold a label id outside the classes,
            if depth does not look like metres, or if an epoch has no step `initial_step`.

    Examples:
        >>> batches = ArrayBatches(images, labels, depths, num_classes=13, batch_size=4)
        >>> model.fit(batches, steps_per_epoch=batches.steps_per_epoch, epochs=20)
    """

    def __init__(
        self,
        images,
        labels,
        depths=None,
        *,
        num_classes: int,
        batch_size: int,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        initial_epoch: int = 0,
        initial_step: int = 0,
        unusual_depth: bool = False,
        **workers,
    ):
        super().__init__(**workers)
        check_num_classes(num_classes)
        if len(labels) != len(images) or (depths is not None and len(depths) != len(images)):
            raise ValueError(
                f"Expected as many labels and depths as images, {len(images)}; received "
                f"{len(labels)} labels and {'no' if depths is None else len(depths)} depths."
            )
        self.images, self.labels, self.depths = images, labels, depths
        self.label_dtype = label_dtype(num_classes)
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self.initial_epoch = initial_epoch
        self.initial_step = initial_step
        self.steps_per_epoch = full_batches(len(images), batch_size)
        check_step(initial_step, self.steps_per_epoch)
        for index in range(len(images)):
            check_sample(self._sample(index), num_classes, f"array index {index}")
        if augmentation is None or augmentation.crop is None:
            check_one_size({np.shape(image)[:2] for image in images})
        if depths is not None and not unusual_depth:
            self._check_depth_unit()

    @property
    def num_batches(self) -> None:
        """`None`: the batches never end, so `fit` needs `steps_per_epoch`."""
        return None

    def __getitem__(self, step: int):
        epoch, batch = divmod(self.initial_step + step, self.steps_per_epoch)
        epoch += self.initial_epoch
        order = epoch_order(self.seed, epoch, len(self.images))
        chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        samples = [self._augmented(epoch, int(index)) for index in chosen]
        image, label, depth = (
            np.stack([sample[key] for sample in samples]) for key in ("image", "label", "depth")
        )
        return image, {"label": label, "depth": depth}

    def _augmented(self, epoch, index):
        sample = self._sample(index)
        sample["label"] = sample["label"].astype(self.label_dtype)
        if self.augmentation is None:
            return sample
        return self.augmentation(sample, sample_seed(self.seed, epoch, index))

    def _check_depth_unit(self):
        typical = typical_depth(lambda index: self._sample(index)["depth"], len(self.images))
        if typical is not None:
            median, index = typical
            check_depth_unit(median, f"Array index {index}")

    def _sample(self, index):
        image = np.asarray(self.images[index])
        if self.depths is None:
            depth = np.zeros((*image.shape[:2], 1), np.float32)
        else:
            depth = np.asarray(self.depths[index], np.float32)
        return {"image": image, "depth": depth, "label": np.asarray(self.labels[index])}
