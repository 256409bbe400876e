"""tf.data: read, decode, augment, batch, prefetch; the same from the same seed, however parallel.

Both functions serve `(image (B, H, W, 3) uint8, {"label": (B, H, W) uint8, 255 = void, or uint16,
65535 = void, beyond 255 classes, "depth": (B, H, W, 1) float32 metres, 0 = not measured})`.

A sample with a label id outside the classes, or whose image, depth and label do not fit together,
ends the iteration in a `tf.errors.InvalidArgumentError` that names the sample.
"""

import collections
from collections.abc import Sequence

import numpy as np

from keras_lwm.augmentation import Augmentation
from keras_lwm.extras import imports_of

with imports_of("tensorflow", "Reading batches by tf.data (keras_lwm.pipeline)"):
    import tensorflow as tf
    import tensorflow_datasets as tfds

from keras_lwm.datasets.python_functions import numpy_function
from keras_lwm.datasets.records import Records, split_info
from keras_lwm.datasets.sample import require_samples
from keras_lwm.devices import WHOLE, Share
from keras_lwm.order import check_step, epoch_order, full_batches, sample_seed
from keras_lwm.samples import (
    check_depth_unit,
    check_one_size,
    check_sample,
    spread_indices,
    typical_depth,
)
from keras_lwm.void import check_num_classes, label_dtype, void_id

_MAPS = ("image", "depth", "label")
_NO_END = np.iinfo(np.int64).max
_VOID_FRAME = -1  # In place of a sample's index.


def training_dataset(
    builder: tfds.core.DatasetBuilder,
    split: str = "train",
    *,
    batch_size: int,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    initial_epoch: int = 0,
    initial_step: int = 0,
    unusual_depth: bool = False,
    share: Share = WHOLE,
    parallel_calls: int = tf.data.AUTOTUNE,
) -> tf.data.Dataset:
    """Endless training batches, each epoch in its own order and with its own augmentation.

    Samples that fill no batch are left out of that epoch. `initial_epoch=k, initial_step=s` serves
    exactly what an uninterrupted run is served from there on; what lies before is not read.

    Args:
        builder: a TFDS builder of samples in the library's form; prepared here if it is not yet.
        split: a split's name, or an expression such as `"train[:10%]"`.
        batch_size: samples a batch.
        augmentation: an `Augmentation`; needs a `crop` where the frames differ in size.
        seed: of order and augmentation.
        initial_epoch: the epoch to begin with, as in `fit`.
        initial_step: the step of that epoch to begin with.
        unusual_depth: accept a median depth below 0.1 m or above 80 m; a builder that was made with
            `unusual_depth=True` accepts it already.
        share: the part of every batch to serve, where several processes train together; the others
            are not read.
        parallel_calls: threads that decode and augment. Changes the speed, never the samples.

    Raises:
        ValueError: for an unknown split, a batch that the split cannot fill or devices cannot
            share, a step that an epoch does not have, frames of different size without a crop, or
            depth that does not look like metres.

    Examples:
        >>> model.fit(
        ...     training_dataset(builder, batch_size=4, augmentation=Augmentation(crop=(240, 320))),
        ...     steps_per_epoch=steps_per_epoch(builder, "train", batch_size=4),
        ...     epochs=20,
        ... )
    """
    reader = _Reader(builder, split)
    steps = full_batches(len(reader), batch_size)
    check_step(initial_step, steps)
    share.check(batch_size)
    own_size = batch_size // share.count
    if not (unusual_depth or getattr(builder, "unusual_depth", False)):
        _check_depth_unit(reader, split)
    if augmentation is None or augmentation.crop is None:
        size = _one_size(reader)
    else:
        size = augmentation.crop

    def order(epoch):
        indices = epoch_order(seed, int(epoch), len(reader))[: steps * batch_size]
        batches = indices.astype(np.int64).reshape(steps, batch_size)
        return np.concatenate([share.of(batch) for batch in batches])

    def epoch_of_indices(epoch):
        indices = numpy_function(order, [epoch], tf.int64)
        indices = tf.data.Dataset.from_tensor_slices(tf.ensure_shape(indices, [steps * own_size]))
        return indices.map(lambda index: (epoch, index))

    def augmented(sample, epoch, index):
        if augmentation is None:
            return sample
        return augmentation(sample, sample_seed(seed, int(epoch), int(index)))

    def load(epoch, index):
        return reader.read(index, size, augmented, epoch, index)

    samples = tf.data.Dataset.range(initial_epoch, _NO_END).flat_map(epoch_of_indices)
    samples = samples.skip(initial_step * own_size)
    samples = samples.map(load, num_parallel_calls=parallel_calls, deterministic=True)
    return samples.batch(own_size, drop_remainder=True).prefetch(2)


def evaluation_dataset(
    builder: tfds.core.DatasetBuilder,
    split: str,
    *,
    batch_size: int = 1,
    frames: int | Sequence[int] | None = None,
    share: Share = WHOLE,
    parallel_calls: int = tf.data.AUTOTUNE,
) -> tf.data.Dataset:
    """All samples of a split once, as they are, at full resolution.

    Padding would change what a network sees at the border, so frames of different size never share
    a batch: each batch holds the next frames of one size, and may be smaller than `batch_size`.
    Where all frames have one size, they come in the order of the split. To learn the sizes, it
    reads every record once before the first batch, at about 0.1 ms a record of 100 KB.

    Args:
        frames: serve no more than so many, evenly spread over the split, or those of these indices
            in the split, in this order; None: all of them. The others are not read.
        share: the part of every batch to serve, where several processes score together. Each gets
            as many frames as any other, some of which may be of void, which counts in no score; the
            order may be another one.
        builder, split, batch_size, parallel_calls: see `training_dataset`, errors too.
    """
    reader = _Reader(builder, split)
    indices = _indices(len(reader), frames)
    sizes = reader.sizes(indices)
    if share.count > 1:
        return _shared_evaluation(reader, indices, sizes, batch_size, share, parallel_calls)
    sizes = collections.Counter(sizes)
    size = next(iter(sizes)) if len(sizes) == 1 else (None, None)

    def load(index):
        return reader.read(index, size)

    samples = tf.data.Dataset.from_tensor_slices(np.array(indices, np.int64))
    samples = samples.map(load, num_parallel_calls=parallel_calls, deterministic=True)
    if len(sizes) == 1:
        return samples.batch(batch_size).prefetch(2)
    batches = samples.group_by_window(
        key_func=lambda image, _: tf.reduce_sum(tf.shape(image, tf.int64)[:2] * [2**32, 1]),
        reduce_func=lambda _, frames: frames.batch(batch_size),
        window_size=batch_size,
    )
    number = sum(-(-frames // batch_size) for frames in sizes.values())
    return batches.apply(tf.data.experimental.assert_cardinality(number)).prefetch(2)


def _indices(number, frames):
    if frames is None:
        return range(number)
    return spread_indices(number, frames) if isinstance(frames, int) else list(frames)


def _shared_evaluation(reader, indices, sizes, batch_size, share, parallel_calls):
    share.check(batch_size)
    frames = []
    for size in dict.fromkeys(sizes):
        own = [index for index, other in zip(indices, sizes, strict=True) if other == size]
        own += [_VOID_FRAME] * (-len(own) % batch_size)
        for batch in np.array(own, np.int64).reshape(-1, batch_size):
            frames += [(index, *size) for index in share.of(batch)]
    one_size = next(iter(sizes)) if len(set(sizes)) == 1 else (None, None)

    def load(frame):
        return tf.cond(
            frame[0] == _VOID_FRAME,
            lambda: reader.void(frame[1:], one_size),
            lambda: reader.read(frame[0], one_size),
        )

    samples = tf.data.Dataset.from_tensor_slices(np.array(frames, np.int64))
    samples = samples.map(load, num_parallel_calls=parallel_calls, deterministic=True)
    return samples.batch(batch_size // share.count, drop_remainder=True).prefetch(2)


def steps_per_epoch(builder: tfds.core.DatasetBuilder, split: str, batch_size: int) -> int:
    """How many batches of `training_dataset` make one epoch; arguments as there."""
    builder.download_and_prepare()
    return full_batches(split_info(builder, split).num_examples, batch_size)


def sample_names(
    builder: tfds.core.DatasetBuilder, split: str, indices: Sequence[int]
) -> list[str]:
    """The names of the samples at these indices of a builder's split; else the index itself."""
    builder.download_and_prepare()
    records = Records(builder, split)
    return [records.name(index) or str(index) for index in indices]


def fingerprint(builder: tfds.core.DatasetBuilder, split: str) -> str:
    """The number of samples of a builder's split, and a digest of them in order, in a line."""
    builder.download_and_prepare()
    return Records(builder, split).fingerprint()


class _Reader:
    """Samples of a prepared split by their index, decoded and checked, inside tf.data."""

    def __init__(self, builder, split):
        builder.download_and_prepare()
        self._features = builder.info.features
        require_samples(builder)
        self._num_classes = len(builder.info.metadata["class_names"])
        check_num_classes(self._num_classes, builder.info.full_name)
        self._label_dtype = label_dtype(self._num_classes)
        self._split = split
        self._records = Records(builder, split)

    def __len__(self):
        return len(self._records)

    def sizes(self, indices) -> list[tuple[int, int]]:
        return [self._records.image_size(index) for index in indices]

    def depth(self, index: int) -> np.ndarray:
        """The depth at `index`, at once and alone: (H, W, 1) metres."""
        sample = self._features.deserialize_example(
            self._records[index], decoders={"image": tfds.decode.SkipDecoding()}
        )
        return sample["depth"].numpy()

    def void(self, size, known_size):
        """A frame of void of a size, (2,) integers; (height, width) as far as they are known."""
        label = tf.fill(size, tf.constant(void_id(self._num_classes), self._label_dtype))
        empty = [
            tf.zeros(tf.concat([size, [n]], 0), kind) for n, kind in ((3, "uint8"), (1, "float32"))
        ]
        return _as_sample(*empty, label, known_size)

    def read(self, index, size, change=None, *numbers):
        """Inputs and targets of the sample at `index`, once `change(sample, *numbers)` is made.

        Args:
            index, numbers: scalar integer tensors.
            size: (height, width) of what comes out, as far as they are known.
            change: a function on a sample of NumPy arrays, called after the sample was checked.
        """

        def check_and_change(image, depth, label, name, *numbers):
            label = label[..., 0] if label.ndim == 3 else label
            sample = dict(zip(_MAPS, (image, depth, label), strict=True))
            message = ""
            try:
                check_sample(sample, self._num_classes, f"{name.decode()} of {self._split}")
            except ValueError as error:
                message = str(error)
            sample["label"] = label.astype(self._label_dtype, copy=False)
            if change is not None and not message:
                sample = change(sample, *numbers)
            return *(sample[key] for key in _MAPS), message

        record = numpy_function(self._records.example, [index], tf.string)
        sample = self._features.deserialize_example(tf.ensure_shape(record, []))
        name = sample.get("name", tf.strings.as_string(index))
        image, depth, label, message = numpy_function(
            check_and_change,
            [*(sample[key] for key in _MAPS), name, *numbers],
            [tf.uint8, tf.float32, tf.dtypes.as_dtype(self._label_dtype), tf.string],
        )
        # An exception in Python would reach the user as a page of traces around this sentence.
        with tf.control_dependencies([tf.debugging.Assert(tf.equal(message, ""), [message])]):
            return _as_sample(image, depth, label, size)


def _as_sample(image, depth, label, size):
    return tf.ensure_shape(image, (*size, 3)), {
        "label": tf.ensure_shape(label, size),
        "depth": tf.ensure_shape(depth, (*size, 1)),
    }


def _one_size(reader):
    sizes = set(reader.sizes(range(len(reader))))
    check_one_size(sizes)
    return next(iter(sizes))


def _check_depth_unit(reader, split):
    typical = typical_depth(reader.depth, len(reader))
    if typical is not None:
        median, index = typical
        check_depth_unit(median, f"Sample {index} of {split}")
