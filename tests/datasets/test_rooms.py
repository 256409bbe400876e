"""The rooms' frames: the same on every run, no room in two splits, and what TFDS stores of them."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_lwm.datasets.rooms import (
    CLASS_NAMES,
    PALETTE,
    Rooms,
    frames,
    rooms_dataset_builder,
    workers,
)
from keras_lwm.datasets.rooms.catalogue import VOID
from keras_lwm.datasets.rooms.splits import SIZES, SPLITS, RoomTask, render_room, room_tasks
from keras_lwm.datasets.rooms.workers import render_rooms


@pytest.fixture(scope="module")
def rendered():
    return {split: list(frames(split, "tiny")) for split in SPLITS}


def assert_same(one, other):
    assert one["name"] == other["name"]
    for key in ("image", "depth", "label"):
        np.testing.assert_array_equal(one[key], other[key], err_msg=f"{key} of {one['name']}")


def test_samples_have_the_form_of_the_library(rendered):
    for split, samples in rendered.items():
        assert len(samples) == SIZES["tiny"].frame_count(split)
        for sample in samples:
            assert sample["image"].shape == (48, 64, 3) and sample["image"].dtype == np.uint8
            assert sample["depth"].shape == (48, 64, 1) and sample["depth"].dtype == np.float32
            assert sample["label"].shape == (48, 64) and sample["label"].dtype == np.uint8
            assert np.isin(sample["label"], [*range(13), VOID]).all()
            assert np.isfinite(sample["depth"]).all() and (sample["depth"] >= 0).all()
            assert 15 < sample["image"].mean() < 240
            assert len(np.unique(sample["label"])) >= 4


def test_depth_is_mostly_measured_and_labels_are_mostly_known(rendered):
    samples = [sample for split in rendered.values() for sample in split]
    unmeasured = np.mean([sample["depth"] == 0 for sample in samples])
    unknown = np.mean([sample["label"] == VOID for sample in samples])
    assert 0.01 < unmeasured < 0.25
    assert 0.001 < unknown < 0.1


def test_frames_are_the_same_on_every_run(rendered):
    for sample, again in zip(rendered["test"], frames("test", "tiny"), strict=True):
        assert_same(sample, again)


def test_frames_of_one_room_differ(rendered):
    for first, second in itertools.pairwise(rendered["train"]):
        assert not np.array_equal(first["image"], second["image"])


def test_other_processes_render_the_same_and_name_the_room_that_fails(rendered):
    tasks = room_tasks("validation", "tiny") + room_tasks("test", "tiny")
    broken = RoomTask("train", 1, "nonsense")
    answers = render_rooms([*tasks, broken], workers=2)
    expected = iter(rendered["validation"] + rendered["test"])
    for task in tasks:
        answered, samples = next(answers)
        assert answered == task
        for sample in samples:
            assert_same(sample, next(expected))
    assert next(expected, None) is None
    with pytest.raises(RuntimeError, match="nonsense"):
        next(answers)


def test_a_worker_that_dies_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_CHILD", tmp_path / "nothing.py")
    with pytest.raises(RuntimeError, match="room=0.*ended before it answered"):
        list(render_rooms(room_tasks("test", "tiny"), workers=2))


def test_the_renderer_loads_neither_keras_nor_tensorflow():
    code = (
        "import sys; from child import register_bare_packages; register_bare_packages(); "
        "import keras_lwm.datasets.rooms.workers; "
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    folder = Path(workers.__file__).parent
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]", answer.stderr


def test_rooms_are_never_shared_between_splits():
    seeds = [
        tuple(task.seed)
        for config in ("default",)
        for s in SPLITS
        for task in room_tasks(s, config)
    ]
    assert len(seeds) == len(set(seeds)) == sum(SIZES["default"].rooms.values())


def test_unknown_names_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"train.*received 'val'"):
        next(frames("val", "tiny"))
    with pytest.raises(ValueError, match=r"default.*received 'huge'"):
        next(frames("train", "huge"))
    with pytest.raises(ValueError, match="nonsense"):
        render_room(RoomTask("train", 0, "nonsense"))


def test_what_the_builder_stores_is_what_was_rendered(rendered, tmp_path):
    builder = Rooms(config="tiny", data_dir=tmp_path)
    builder.download_and_prepare()
    assert tuple(builder.info.metadata["class_names"]) == CLASS_NAMES
    assert [tuple(colour) for colour in builder.info.metadata["palette"]] == list(PALETTE)
    for split in SPLITS:
        stored = list(builder.as_dataset(split=split).as_numpy_iterator())
        assert builder.info.splits[split].num_examples == len(rendered[split])
        for sample, expected in zip(stored, rendered[split], strict=True):
            assert_same(
                {**sample, "name": sample["name"].decode(), "label": sample["label"][..., 0]},
                expected,
            )


def test_only_rooms_of_missing_shards_are_rendered(tmp_path, monkeypatch):
    monkeypatch.setattr(Rooms, "FRAMES_A_SHARD", 3)
    asked = []

    def interrupted(tasks):
        for task, samples in render_rooms(tasks):
            if task == RoomTask("train", 2, "tiny"):
                raise KeyboardInterrupt
            yield task, samples

    def recorded(tasks):
        asked.extend(tasks)
        yield from render_rooms(tasks)

    builder = Rooms(config="tiny", data_dir=tmp_path)
    monkeypatch.setattr(rooms_dataset_builder, "render_rooms", interrupted)
    with pytest.raises(KeyboardInterrupt):
        builder.download_and_prepare()
    monkeypatch.setattr(rooms_dataset_builder, "render_rooms", recorded)
    builder.download_and_prepare()
    tasks = [task for split in SPLITS for task in room_tasks(split, "tiny")]
    assert asked == tasks[1:]
    names = [sample["name"] for sample in builder.as_dataset(split="train").as_numpy_iterator()]
    assert names == [
        f"train/room_{room:04d}/camera_{camera}".encode() for room in range(4) for camera in (0, 1)
    ]
