"""Random access to the records of a prepared TFDS split.

tf.data reads records in order and shuffles them in a buffer. A whole epoch's order, the same
whatever the threads do, needs the n-th record at once.

The framing of a TFRecord file is documented at
https://www.tensorflow.org/tutorials/load_data/tfrecord: length (uint64), its checksum (uint32),
the record, its checksum (uint32), all little-endian.
"""

import hashlib
import io
import itertools
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
            path = tfds.core.Path(file.filename)
            spans = _record_spans(path, file.skip + file.take)
            self._spans.extend((path, *span) for span in spans[file.skip :])

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> bytes:
        path, start, length = self._spans[index]
        # TensorFlow's own files read half a megabyte at a time, which takes longer than the record.
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    def image_size(self, index: int) -> tuple[int, int]:
        """Height and width of an example's image, found without decoding it.

        About 0.1 ms for a record of 100 KB, so that all of a split may be asked for.
        """
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

    def name(self, index: int) -> str:
        """The `name` of an example, empty where it has none."""
        values = tf.train.Example.FromString(self[index]).features.feature["name"].bytes_list.value
        return values[0].decode("utf-8", "replace") if values else ""

    def fingerprint(self) -> str:
        """The number of records and a digest of their contents and order, in one line.

        It reads the records' checksums alone.
        """
        digest = hashlib.sha256()
        for path, spans in itertools.groupby(self._spans, key=lambda span: span[0]):
            with path.open("rb") as file:
                for _, start, length in spans:
                    file.seek(start + length)
                    digest.update(struct.pack("<Q", length) + file.read(_FOOTER_BYTES))
        return f"{len(self)} frames, sha256 {digest.hexdigest()[:32]}"

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


def _record_spans(path: tfds.core.Path, count: int) -> list[tuple[int, int]]:
    """Start and length in bytes of the first `count` records of a file."""
    spans = []
    start = 0
    size = path.stat().length
    with path.open("rb") as file:
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
