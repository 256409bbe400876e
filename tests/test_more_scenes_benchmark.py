"""An ablation's networks on more scenes: what is counted, put together, and compared."""

import os

import click
import keras
import numpy as np
import pytest
from benchmark_modules import module
from keras import layers

from keras_lwm.ablation import AblationFolder, Frames

more_scenes = module("more_scenes")


def pixels(random, scenes):
    """Counts (scenes, 3, C) in which what is right is labelled and predicted."""
    right = random.integers(1, 50, (scenes, 4))
    return np.stack([right, *(right + random.integers(0, 50, (2, scenes, 4)))], axis=1)


def test_scores_of_both_are_those_of_all_scenes_together():
    random = np.random.default_rng(0)
    one, other = ({"multi_task": {0: pixels(random, scenes)}} for scenes in (3, 2))
    both = more_scenes.joined(one, other)
    total = np.concatenate([one["multi_task"][0], other["multi_task"][0]]).sum(axis=0)
    right, labelled, predicted = total.astype(float)
    found = more_scenes.cells_of(both)["multi_task"][0]
    assert found["PixAcc"] == pytest.approx(100 * right.sum() / labelled.sum())
    assert found["mIoU"] == pytest.approx(100 * (right / (labelled + predicted - right)).mean())


def test_differences_are_to_the_baseline_and_to_controls():
    random = np.random.default_rng(0)
    rows = ("multi_task", "distilled", "distilled_blind")
    counts = {row: {seed: pixels(random, 5) for seed in range(3)} for row in rows}
    found = more_scenes.differences(counts)
    scores = more_scenes.cells_of(counts)
    assert set(found) == {
        "`distilled` minus `multi_task`",
        "`distilled_blind` minus `multi_task`",
        "`distilled` minus `distilled_blind`",
    }
    for pair, figures in found.items():
        row, other = pair.replace("`", "").split(" minus ")
        pairs = [scores[row][seed]["mIoU"] - scores[other][seed]["mIoU"] for seed in range(3)]
        assert figures["mIoU"]["difference"] == pytest.approx(np.mean(pairs))
        low, high = figures["mIoU"]["bootstrap"]
        assert low <= figures["mIoU"]["difference"] <= high and figures["mIoU"]["interval"] > 0


def test_rows_that_share_no_seed_have_no_difference():
    random = np.random.default_rng(0)
    counts = {"multi_task": {0: pixels(random, 5)}, "distilled": {1: pixels(random, 5)}}
    assert more_scenes.differences(counts) == {}


@pytest.fixture
def ablation(tmp_path):
    """An ablation of two cells, whose "networks" are no more than files."""
    folder = AblationFolder(tmp_path, {"train_split": "train", "score_split": "val"})
    random = np.random.default_rng(0)
    for row in ("multi_task", "class_error"):
        folder.cell_path(row, 0).write_text("{}")
        folder.network_path(row, 0).write_text("")
        np.savez(folder.counts_path(row, 0), counts=pixels(random, 4), scenes=[0, 0, 1, 2])
    return folder


@pytest.fixture
def counted(monkeypatch):
    """The files that were counted, which have two frames of two scenes each."""
    files = []

    def count_frames(network, frames, class_names, path, **options):
        files.append(path.name)
        np.savez(path, counts=pixels(np.random.default_rng(1), 2), scenes=[0, 1])

    monkeypatch.setattr(more_scenes, "count_frames", count_frames)
    monkeypatch.setattr("keras.saving.load_model", lambda path, compile: None)
    monkeypatch.setattr(
        "keras_lwm.ablation.frames.read_frames", lambda splits, options: ({"tune": None}, [], [])
    )
    return files


def test_what_was_counted_is_not_counted_again_unless_it_was_trained_again(ablation, counted):
    counts = more_scenes.counts_of(ablation, "tune")
    assert {name: len(rows["multi_task"][0]) for name, rows in counts.items()} == {
        "val": 3,
        "tune": 2,
    }
    assert sorted(counted) == ["class_error-0.npz", "multi_task-0.npz"]
    network = ablation.network_path("multi_task", 0)
    ablation.network_path("class_error", 0).unlink()  # Nothing asks for it any more.
    later = (ablation.path / "more_scenes/tune/multi_task-0.npz").stat().st_mtime + 10
    os.utime(network, (later, later))
    more_scenes.counts_of(ablation, "tune")
    assert sorted(counted) == ["class_error-0.npz", "multi_task-0.npz", "multi_task-0.npz"]


def test_networks_that_are_not_there_are_named_before_anything_is_counted(ablation, counted):
    ablation.network_path("class_error", 0).unlink()
    with pytest.raises(click.ClickException, match="not there: class_error-0.keras"):
        more_scenes.counts_of(ablation, "tune")
    assert not counted


def test_frames_are_counted_by_scene(tmp_path):
    from keras_lwm.ablation.counts import counts_by_scene

    image = keras.Input((None, None, 3))
    maps = layers.Conv2D(2, 1, kernel_initializer="zeros", name="logits")
    network = keras.Model(image, {"segmentation": maps(image)})
    maps.bias.assign([1.0, 0.0])  # All is of class 0.
    labels = np.zeros((3, 8, 8), "uint8")
    labels[1], labels[2, :4] = 1, 255
    frames = Frames(
        np.zeros((3, 8, 8, 3), "uint8"),
        labels,
        np.ones((3, 8, 8, 1), "float32"),
        np.array([5, 5, 9]),
    )
    more_scenes.count_frames(network, frames, ["a", "b"], tmp_path / "counts.npz")
    expected = [[[64, 0], [64, 64], [128, 0]], [[32, 0], [32, 0], [32, 0]]]
    np.testing.assert_array_equal(counts_by_scene(tmp_path / "counts.npz"), expected)


def test_unusual_depth_is_counted_where_the_ablation_says_that_it_is_right(tmp_path):
    image = keras.Input((None, None, 3))
    outputs = {
        "segmentation": layers.Conv2D(2, 1, name="logits")(image),
        "depth": layers.Conv2D(1, 1, activation="softplus", name="metres")(image),
    }
    network, path = keras.Model(image, outputs), tmp_path / "counts.npz"
    depths = np.full((1, 8, 8, 1), 2000.0, "float32")
    frames = Frames(np.ones((1, 8, 8, 3), "uint8"), np.zeros((1, 8, 8), "uint8"), depths)
    with pytest.raises(ValueError, match="depth"):
        more_scenes.count_frames(network, frames, ["a", "b"], path)
    more_scenes.count_frames(network, frames, ["a", "b"], path, unusual_depth=True)
    assert path.exists()
