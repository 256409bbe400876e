"""A preparation may be interrupted at any time: what it finished stays, nothing half is read."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numbered_frames
import numpy as np
import pytest
import tensorflow_datasets as tfds
from numbered_frames import Numbered
from tensorflow_datasets.core import read_only_builder

from keras_lwm.datasets.records import Records

NAMES = [f"train/{index}" for index in range(10)] + [f"val/{index}" for index in range(3)]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def make(tmp_path, log):
    return lambda **options: Numbered(log, **{"data_dir": tmp_path / "data", **options})


def reads(log):
    """The frames read since the last call, in order."""
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names


def records(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.tfrecord*")}


def assert_whole(builder, tmp_path):
    """As an uninterrupted preparation leaves it, bit by bit, and nothing else beside it."""
    other = Numbered(tmp_path / "other log", data_dir=tmp_path / "other")
    other.download_and_prepare()
    assert records(builder.data_path) == records(other.data_path)
    assert os.listdir(builder.data_path.parent) == ["1.0.0"]
    names = [
        sample["name"].decode()
        for split in ("train", "val")
        for sample in builder.as_dataset(split=split).as_numpy_iterator()
    ]
    assert names == NAMES
    again = tfds.builder_from_directory(builder.data_dir)
    assert again.info.splits["train"].shard_lengths == [4, 4, 2]
    assert again.info.splits["val"].num_examples == 3


def assert_no_data_set(builder):
    """None that TFDS finds, and no file that looks like one's."""
    assert not builder.is_prepared() and not builder.data_path.exists()
    with pytest.raises(tfds.core.DatasetNotFoundError):
        read_only_builder.builder_from_files("numbered", data_dir=builder.data_dir_root)
    assert not list(Path(builder.data_dir_root).rglob("*.tfrecord*"))


def stop():
    raise KeyboardInterrupt


def test_frames_are_stored_in_order_and_found_by_number(make, log, tmp_path):
    builder = make()
    builder.download_and_prepare()
    assert reads(log) == NAMES
    assert_whole(builder, tmp_path)
    stored = Records(builder, "train")
    frames = numbered_frames._Frames("train", 10, log, {})
    for index in (9, 0, 5):
        sample = builder.info.features.deserialize_example_np(stored[index])
        for key in ("depth", "label", "image"):
            np.testing.assert_array_equal(sample[key], frames[index][key])
    reads(log)
    make().download_and_prepare()
    assert reads(log) == []


def test_killed_preparation_goes_on(make, log, tmp_path):
    child = subprocess.Popen(
        [sys.executable, numbered_frames.__file__, tmp_path / "data", log, "train/9"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        while "train/9" not in (log.read_text() if log.exists() else ""):
            assert child.poll() is None
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert reads(log) == NAMES[:10]
    builder = make()
    assert_no_data_set(builder)
    builder.download_and_prepare()
    assert reads(log) == NAMES[8:]
    assert_whole(builder, tmp_path)


def test_interrupted_preparation_leaves_whole_shards_and_goes_on(make, log, tmp_path, capfd):
    with pytest.raises(KeyboardInterrupt):
        make(at={"train/6": stop}).download_and_prepare()
    assert_no_data_set(make())
    (unfinished,) = make().data_path.parent.iterdir()
    assert os.listdir(unfinished) == ["train-00000-of-00003.shard"]
    with pytest.raises(KeyboardInterrupt):
        make(at={"val/0": stop}).download_and_prepare()
    assert reads(log) == [*NAMES[:7], *NAMES[4:11]]
    capfd.readouterr()
    make().download_and_prepare()
    bar = capfd.readouterr().err
    # Ten of them were there before.
    assert re.fullmatch(r"Preparing [^\n]+: 13 of 13 frames, 0:00:\d\d\n", bar)
    assert reads(log) == NAMES[10:]
    assert_whole(make(), tmp_path)


def test_frame_that_cannot_be_read_ends_in_its_sentence(make, log, tmp_path):
    def refuse():
        raise ValueError("Cannot read train/5.")

    with pytest.raises(ValueError, match=r"^Cannot read train/5\.$"):
        make(at={"train/5": refuse}).download_and_prepare()
    assert_no_data_set(make())
    make().download_and_prepare()
    assert reads(log) == [*NAMES[:6], *NAMES[4:]]
    assert_whole(make(), tmp_path)


@pytest.mark.parametrize("change", ["source", "number"])
def test_what_was_made_of_other_frames_is_not_used(make, log, tmp_path, change):
    source = tmp_path / "source"
    source.write_text("frames")
    numbers = {"train": 11, "val": 3} if change == "number" else None
    with pytest.raises(KeyboardInterrupt):
        make(source=source, numbers=numbers, at={"val/1": stop}).download_and_prepare()
    if change == "source":
        source.write_text("other frames")
    reads(log)
    make(source=source).download_and_prepare()
    assert reads(log) == NAMES
    assert_whole(make(), tmp_path)


def test_source_that_changes_while_it_is_read(make, tmp_path):
    source = tmp_path / "source"
    source.write_text("frames")
    changed = make(source=source, at={"val/2": lambda: source.write_text("other frames")})
    with pytest.raises(ValueError, match="numbered/1.0.0 have changed while they were read"):
        changed.download_and_prepare()
    assert_no_data_set(changed)
    removed = make(source=source, at={"val/2": source.unlink})
    with pytest.raises(ValueError, match="have changed"):
        removed.download_and_prepare()


def test_two_at_once_end_in_one_data_set(make, tmp_path):
    builders = [make(), make()]
    both_begun = threading.Barrier(2)
    for builder in builders:
        builder._at["train/0"] = both_begun.wait
    failures = []

    def prepare(builder):
        try:
            builder.download_and_prepare()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=prepare, args=(builder,)) for builder in builders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for builder in builders:
        assert_whole(builder, tmp_path)


def test_one_that_is_overtaken_stops_and_uses_what_is_there(make, log, tmp_path):
    slow = make(at={"train/6": lambda: make().download_and_prepare()})
    slow.download_and_prepare()
    assert reads(log) == [*NAMES[:7], *NAMES[4:], "train/7"]
    assert_whole(slow, tmp_path)


def test_file_system_without_links(make, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    make().download_and_prepare()
    assert_whole(make(), tmp_path)


def test_tfds_options(make, log):
    config = tfds.download.DownloadConfig(max_examples_per_split=2)
    builder = make()
    builder.download_and_prepare(download_config=config)
    assert reads(log) == ["train/0", "train/1", "val/0", "val/1"]
    assert builder.info.splits["train"].num_examples == 2
    mode = tfds.GenerateMode.REUSE_CACHE_IF_EXISTS
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(download_mode=mode))
    assert reads(log) == NAMES


def test_refused_in_a_sentence(make):
    with pytest.raises(ValueError, match=r"tfrecord.*received 'array_record'"):
        make().download_and_prepare(file_format="array_record")
    with pytest.raises(ValueError, match=r"split 'val' of numbered; found 0"):
        make(numbers={"train": 2, "val": 0}).download_and_prepare()
    with pytest.raises(ValueError, match=r"received nowhere, which is empty"):
        config = tfds.download.DownloadConfig(manual_dir="nowhere")
        _NeedsFilesByHand(data_dir=make().data_dir_root).download_and_prepare(
            download_config=config
        )


class _NeedsFilesByHand(Numbered):
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Unpack it there."

    def __init__(self, **options):
        super().__init__("no log", **options)

    def frames(self, dl_manager):
        return self.manual_folder(dl_manager)
