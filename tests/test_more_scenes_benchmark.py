"""An ablation's networks on more scenes: what is counted, put together, and compared."""

import keras
import numpy as np
import pytest
from benchmark_modules import module
from keras import layers

from keras_lwm.ablation import Frames

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


def test_what_has_one_of_both_is_left_out():
    random = np.random.default_rng(0)
    one = {"multi_task": {0: pixels(random, 3), 1: pixels(random, 3)}}
    assert set(more_scenes.joined(one, {"multi_task": {1: pixels(random, 2)}})["multi_task"]) == {1}


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
