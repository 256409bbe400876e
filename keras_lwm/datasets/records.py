"""Random access to the records of a prepared TFDS split.

tf.data reads records in order and shuffles them in a buffer. A whole epoch's order, the same
whatever the threads do, needs the n-th record at once.

The framing of a TFRecord file is documented at
https://www.tensorflow.org/tutorials/load_data/tfrecord: length (uint64), its checksum (uint32),
the record, its checksum (uint32), all little-endian.
"""

import io
import struct

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_lwm.pictures import open_picture_file

_HEADER = struct.Struct("<QI")
_FOOTER_BYTES = 4


class Records:
    """The encoded examples of `split` (a split's name, or an expression such as `train[:10%]`).

    Raises:
        ValueError: if the builder has no such split, is not stored as TFRecord, or if a file of it
            ends too early.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str):
        if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
            raise ValueError(
                f"Expected the data set {builder.info.full_name} to be stored as tfrecord; "
                f"received {builder.info.file_format.value}."
            )
        self._spans = []
        for file in split_info(builder, split).file_instructions:
            spans = _record_spans(file.filename, file.skip + file.take)
            self._spans.extend((file.filename, *span) for span in spans[file.skip :])

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> bytes:
        path, start, length = self._spans[index]
        with tf.io.gfile.GFile(path, "rb") as file:
            file.seek(start)
            return file.read(length)

    def image_size(self, index: int) -> tuple[int, int]:
        """Height and width of an example's image, found without decoding it."""
        example = tf.train.Example.FromString(self[index])
        encoded = example.features.feature["image"].bytes_list.value[0]
        try:
            picture = open_picture_file(io.BytesIO(encoded))
        except Exception as error:
            # Which error a damaged picture leads to is up to the reader of its format.
            path, *_ = self._spans[index]
            raise ValueError(
                f"Cannot read the image of example {index} of the split, in {path}: {error}."
            ) from error
        return picture.height, picture.width

    def example(self, index: np.ndarray) -> bytes:
        """`self[index]`, as `tf.numpy_function` calls it."""
        return self[int(index)]


def split_info(builder: tfds.core.DatasetBuilder, split: str) -> tfds.core.SplitInfo:
    """The builder's `SplitInfo`, or a `ValueError` that lists the splits there are."""
    try:
        return builder.info.splits[split]
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"The data set {builder.info.full_name} has no split {split!r}: expected one of "
            f"{sorted(builder.info.splits)}."
        ) from error


def _record_spans(path: str, count: int) -> list[tuple[int, int]]:
    """Start and length in bytes of the first `count` records of a file."""
    spans = []
    start = 0
    with tf.io.gfile.GFile(path, "rb") as file:
        size = file.size()
        for _ in range(count):
            file.seek(start)
            header = file.read(_HEADER.size)
            if len(header) == _HEADER.size:
                length, _ = _HEADER.unpack(header)
                start += _HEADER.size
                spans.append((start, length))
                start += length + _FOOTER_BYTES
            if len(header) < _HEADER.size or start > size:
                raise ValueError(
                    f"{path} ends after {size} bytes, before its record {len(spans)} of {count}: "
                    "delete the data set's folder and prepare it again."
                )
    return spans
