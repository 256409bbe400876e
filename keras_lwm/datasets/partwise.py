"""Data sets that are prepared part by part, so that an interrupted preparation can go on."""

import abc
import contextlib
import dataclasses
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

from keras_lwm.local_paths import local_path
from keras_lwm.map_ahead import map_ahead
from keras_lwm.progress_bar import ProgressBar


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

    def frames(self) -> list[tuple[str, int]]:
        """(split, index) of its frames."""
        return [(self.split, index) for index in range(self.start, self.stop)]

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


# Threads that encode frames, most of which is compressing them, and how many frames wait for them.
_ENCODERS = min(16, os.cpu_count() or 1)


class PartwiseBuilder(tfds.core.GeneratorBasedBuilder):
    """A TFDS builder whose splits have a known number of frames, each to be read by its index.

    A subclass gives `_info` (with `disable_shuffling=True`: frames keep their order) and `frames`;
    if the frames come from files, also `source_files`.

    Preparation writes shards of `FRAMES_A_SHARD` frames, each whole or not at all, into a folder
    `VERSION.unfinished-...` beside the folder that the data set will have. When all are there, TFDS
    gives them their final place at once; until then no reader finds a data set. An interrupted
    preparation, even a killed one, goes on with the shards that are missing, unless the sources or
    the number of frames have changed since. Several processes may prepare the same at once.
    """

    FRAMES_A_SHARD = 32

    # TFDS demands them of a subclass, for the preparation that is replaced here.
    _split_generators = _generate_examples = None

    @abc.abstractmethod
    def frames(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Sequence]:
        """Split -> its frames: `len()` is quick, `[i]` reads frame i as an example of the features.

        What `[i]` is may be something else, if `read` makes examples of it.

        Raises:
            ValueError: in one sentence, for what is missing; `[i]` for a file that it cannot use.
        """

    def source_files(self, dl_manager: tfds.download.DownloadManager) -> Iterable[Path]:
        """The files that the frames are made of: a change of size or time begins anew."""
        return ()

    def read(
        self, frames: dict[str, Sequence], wanted: Sequence[tuple[str, int]]
    ) -> Generator[dict]:
        """The examples of the wanted (split, index), in their order.

        To be overridden where it pays to read several at once.
        """
        return (frames[split][index] for split, index in wanted)

    def manual_folder(self, dl_manager: tfds.download.DownloadManager) -> Path:
        """The folder of files that were fetched by hand, as `MANUAL_DOWNLOAD_INSTRUCTIONS` tell.

        Raises:
            ValueError: if there is none, or nothing in it.
        """
        try:
            return Path(dl_manager.manual_dir)
        except AssertionError as error:
            raise ValueError(
                f"Expected the files of {self.name} that are fetched by hand "
                f"({self.MANUAL_DOWNLOAD_INSTRUCTIONS}) in a folder given as manual_dir; received "
                f"{dl_manager._manual_dir}, which is empty or not there."
            ) from error

    def _log_download_bytes(self) -> None:
        # TFDS would tell of a download of unknown size.
        print(f"Preparing {self.info.full_name} in {self.data_dir}", flush=True)

    def _log_download_done(self) -> None:
        pass

    def download_and_prepare(
        self, *, download_config: tfds.download.DownloadConfig | None = None, **options
    ) -> None:
        """Prepares the data set, unless it is; goes on where an earlier call was interrupted.

        Args:
            download_config: among others `manual_dir`, the folder of files fetched by hand.
                With `beam_options`, or a `beam_runner`, the workers of Apache Beam write the
                shards, the same to the byte; the data set and its sources have to lie where all of
                them find them.
            **options: as TFDS takes them, except for another `file_format` than TFRecord.

        Raises:
            ValueError: for a source that is missing or cannot be used; it names the file.
        """
        config = download_config or tfds.download.DownloadConfig()
        try:
            # TFDS's cloud storage has none of these data sets.
            super().download_and_prepare(
                download_config=config.replace(try_download_gcs=False), **options
            )
        except (OSError, tf.errors.OpError):
            # Another process may have finished first, and removed what all have worked on.
            if not self.data_path.exists():
                raise
            self.info.read_from_directory(self.data_path)
        self._remove_unfinished()

    def _download_and_prepare(self, dl_manager, download_config):
        if self.info.file_format != tfds.core.FileFormat.TFRECORD:
            raise ValueError(
                f"Expected file_format='tfrecord'; received {self.info.file_format.value!r}."
            )
        limit = download_config.max_examples_per_split
        if limit == 0:
            return
        frames = self.frames(dl_manager)
        lengths = {split: len(of_split) for split, of_split in frames.items()}
        for split, length in lengths.items():
            if not length:
                raise ValueError(f"Expected frames in the split {split!r} of {self.name}; found 0.")
        if limit is not None:
            lengths = {split: min(length, limit) for split, length in lengths.items()}
        shards = plan_shards(lengths, self.FRAMES_A_SHARD)
        sources = _state_of_files(self.source_files(dl_manager))
        folder = self._unfinished_folder(shards, sources)
        folder.mkdir(parents=True, exist_ok=True)
        missing = [shard for shard in shards if not (folder / shard.file_name).exists()]
        if download_config.beam_options is None and download_config.beam_runner is None:
            self._write_missing(folder, shards, missing, frames)
        elif missing:
            # Only here, as it needs a package that nothing else does.
            from keras_lwm.datasets.beam import write_shards

            write_shards(self, missing, folder, download_config)
        if _state_of_files(self.source_files(dl_manager)) != sources:
            raise ValueError(
                f"Files of {self.info.full_name} have changed while they were read: prepare it "
                "again."
            )
        self._gather(folder, shards)

    def _unfinished_folder(self, shards: list[Shard], sources: str) -> Path:
        state = hashlib.sha256(repr((shards, sources)).encode()).hexdigest()[:16]
        return local_path(self.data_path.parent) / f"{self.version}.unfinished-{state}"

    def _remove_unfinished(self):
        """Removes what this and interrupted preparations of the finished data set have left."""
        version = re.escape(str(self.version))
        leftover = re.compile(rf"{version}\.unfinished-\w+|incomplete\.\w+_{version}")
        for path in self.data_path.parent.iterdir():
            if leftover.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def frames_of_worker(self, download_config) -> dict[str, Sequence]:
        """The `frames` of a builder that shares a preparation with others."""
        return self.frames(self._make_download_manager(None, download_config))

    def write_shard(self, folder: Path, shard: Shard, frames: dict[str, Sequence]) -> None:
        """Reads the frames of one shard and writes it."""
        with contextlib.closing(self.read(frames, shard.frames())) as examples:
            write_shard(folder / shard.file_name, map(self._record, examples))

    def _write_missing(self, folder, shards, missing, frames):
        wanted = [frame for shard in missing for frame in shard.frames()]
        total = sum(map(len, shards))
        with (
            ProgressBar(
                None, f"Preparing {self.info.full_name}", "frames", total, total - len(wanted)
            ) as bar,
            ThreadPoolExecutor(_ENCODERS) as encoders,
            contextlib.closing(self.read(frames, wanted)) as examples,
        ):
            for shard in missing:
                records = self._records(examples, len(shard), encoders, bar)
                write_shard(folder / shard.file_name, records)

    def _records(self, examples, number, encoders, bar):
        """The next `number` examples as records: read one by one, encoded several at once."""
        of_shard = (next(examples) for _ in range(number))
        for record in map_ahead(encoders, self._record, of_shard, _ENCODERS):
            yield record
            bar.update()

    def _record(self, example: dict) -> bytes:
        record = self.info.features.serialize_example(example)
        # Its parts come in an order that differs from process to process; this one does not.
        return tf.train.Example.FromString(record).SerializeToString(deterministic=True)

    def _gather(self, folder, shards):
        """Puts the shards, under TFDS's names for them, where TFDS expects them."""
        template = tfds.core.ShardedFileTemplate(
            dataset_name=self.name,
            data_dir=self.data_path,
            filetype_suffix=self.info.file_format.file_suffix,
        )
        by_split = {}
        for shard in shards:
            names = template.replace(split=shard.split)
            target = names.sharded_filepath(shard_index=shard.index, num_shards=shard.of)
            lend_shard(folder / shard.file_name, Path(target))
            by_split.setdefault(shard.split, []).append(shard)
        self.info.set_splits(
            tfds.core.SplitDict(
                tfds.core.SplitInfo(
                    name=split,
                    shard_lengths=[len(shard) for shard in of_split],
                    num_bytes=sum((folder / shard.file_name).stat().st_size for shard in of_split),
                    filename_template=template.replace(split=split),
                )
                for split, of_split in by_split.items()
            )
        )


def _state_of_files(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        status = path.stat() if path.exists() else None
        state = status and (status.st_size, status.st_mtime_ns)
        digest.update(repr((os.fspath(path), state)).encode())
    return digest.hexdigest()
