"""The parts that a data set is prepared in: TFRecord files that are whole or not there."""

import dataclasses
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Shard:
    """The frames `start` to `stop` of a split, number `index` of its `of` shards."""

    split: str
    index: int
    of: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def file_name(self) -> str:
        """Its name until the data set is whole: not one that a reader looks for."""
        return f"{self.split}-{self.index:05d}-of-{self.of:05d}.shard"


def plan_shards(lengths: dict[str, int], frames_a_shard: int) -> list[Shard]:
    """The shards of all splits, in order; the last one of a split may be shorter."""
    return [
        Shard(split, index, -(-length // frames_a_shard), start, start + frames)
        for split, length in lengths.items()
        for index, start in enumerate(range(0, length, frames_a_shard))
        for frames in [min(frames_a_shard, length - start)]
    ]


def local_folder(path) -> Path:
    """The path, or a `ValueError` if it is in a cloud storage, where shards cannot be written."""
    if "://" in os.fspath(path):
        raise ValueError(
            f"Expected data_dir on this machine to prepare a data set in; received {path}."
        )
    return Path(path)


def write_shard(path: Path, records: Iterable[bytes]) -> None:
    """Writes records under a name of this process's own, then gives the whole file its name.

    Two processes that write the same shard so end with the one or the other's, not with a mixture.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with tf.io.TFRecordWriter(os.fspath(partial)) as writer:
            for record in records:
                writer.write(record)
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def lend_shard(path: Path, target: Path) -> None:
    """Gives a shard a second name; where the file system cannot do that, a copy."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
