"""Differences over seeds and scenes drawn anew: beside plain loops, and where ends are known."""

import json

import numpy as np
import pytest
from scipy import stats

from keras_lwm.ablation import AblationFolder, write_tables
from keras_lwm.ablation.bootstrap import difference_interval, drawn, drawn_scores
from keras_lwm.ablation.counts import FrameCounts, counts_by_scene
from keras_lwm.ablation.report import add_bootstrap, summarise
from keras_lwm.ablation.student import quantile
from keras_lwm.atomic_write import write_json
from keras_lwm.metrics.scores import MEANS, segmentation_scores

CLASSES, VOID = 4, 255


def labels_and_predictions(random, right):
    """One frame whose pixels are right with this probability; its last class may not occur."""
    label = random.integers(0, CLASSES - random.integers(0, 2), (6, 7)).astype("uint8")
    other = random.integers(0, CLASSES, label.shape)
    class_ids = np.where(random.random(label.shape) < right, label, other).astype("int32")
    label[random.random(label.shape) < 0.1] = VOID
    return label, class_ids


def frames(seed, count=7, right=0.5):
    random = np.random.default_rng(seed)
    return [labels_and_predictions(random, right) for _ in range(count)]


def saved_counts(path, pairs, scenes):
    counts = FrameCounts(CLASSES)
    for index, (label, class_ids) in enumerate(pairs):
        counts(index, label, class_ids)
    counts.save(path, np.array(scenes))
    return counts_by_scene(path)


def scores_of(pairs):
    """The scores of frames, each as often as it is in the list: pixel by pixel."""
    matrix = [[0] * CLASSES for _ in range(CLASSES)]
    for label, class_ids in pairs:
        for one, other in zip(label.flat, class_ids.flat, strict=True):
            if one != VOID:
                matrix[one][other] += 1
    return segmentation_scores(matrix)


SCENES = [5, 5, 2, 9, 2, 5, 9]


def test_scores_of_a_draw_are_those_of_its_scenes_frames(tmp_path):
    pairs = frames(0)
    counts = saved_counts(tmp_path / "a.npz", pairs, SCENES)
    assert counts.shape == (3, 3, CLASSES)
    found = drawn_scores(counts, draws=8)
    for draw, times in enumerate(drawn(3, 0, draws=8)):
        assert times.sum() == 3
        chosen = [
            pair
            for scene, often in zip((2, 5, 9), times, strict=True)
            for own, pair in zip(SCENES, pairs, strict=True)
            if own == scene
            for _ in range(often)
        ]
        expected = scores_of(chosen)
        for name in MEANS:
            assert found[name][draw] == pytest.approx(expected[name], rel=1e-12)


def test_the_interval_is_of_means_over_seeds_that_are_drawn_too():
    random = np.random.default_rng(3)
    one, other = ({seed: random.normal(size=50) for seed in (0, 1, 4)} for _ in range(2))
    means = []
    for draw, times in enumerate(drawn(3, 1, draws=50)):
        chosen = [seed for seed, often in zip((0, 1, 4), times, strict=True) for _ in range(often)]
        means.append(sum(one[seed][draw] - other[seed][draw] for seed in chosen) / 3)
    expected = np.percentile(means, (2.5, 97.5))
    assert difference_interval({**one, 7: means}, other) == pytest.approx(tuple(expected))
    assert difference_interval({1: one[0]}, {2: one[0]}) is None


def test_draws_are_as_far_apart_as_the_scenes_are():
    """Of a mean over many scenes the bootstrap's interval is the normal one."""
    values = np.random.default_rng(0).integers(20, 80, 400)
    counts = np.zeros((400, 3, 2), "int64")
    counts[:, 0, 0], counts[:, 1, 0] = values, 100
    low, high = np.percentile(drawn_scores(counts)["pixel_accuracy"], (2.5, 97.5))
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 100 / 20, rel=0.08)
    assert (high + low) / 2 == pytest.approx(values.mean() / 100, abs=2e-3)


def test_rows_that_are_alike_differ_by_nothing_and_a_better_one_is_clear_of_it(tmp_path):
    rows = {"multi_task": 0.4, "ohem": 0.4, "full": 0.7, "distilled": 0.7, "distilled_blind": 0.4}
    counts = {
        row: {
            seed: saved_counts(tmp_path / "a.npz", frames(seed, 20, right), range(20))
            for seed in (0, 1)
        }
        for row, right in rows.items()
    }
    cells = {row: {seed: dict.fromkeys(("mIoU", "PixAcc"), 1.0) for seed in (0, 1)} for row in rows}
    summary = summarise(cells)
    add_bootstrap(summary, counts)
    assert "bootstrap" not in summary["multi_task"]["figures"]["mIoU"]
    for name in ("mIoU", "PixAcc"):
        assert summary["ohem"]["figures"][name]["bootstrap"] == [0, 0]
        low, high = summary["full"]["figures"][name]["bootstrap"]
        assert 0 < low < high
        assert summary["multi_task"]["method_gain"][name]["bootstrap"] == [low, high]
        gains = summary["distilled"]["control_gains"]["distilled_blind"]
        assert gains[name]["bootstrap"] == [low, high]


def write_cell(folder, row, seed, right):
    pairs = frames(seed, right=right)
    scores = {**scores_of(pairs), "frames": len(pairs), "subsets": {}}
    saved_counts(folder.counts_path(row, seed), pairs, SCENES)
    write_json(folder.cell_path(row, seed), {"scores": scores, "seconds": 60.0})


OPTIONS = {"data": "frames", "size": (6, 7), "score_split": "val", "train_encoder": True}


def test_tables_have_both_intervals(tmp_path):
    folder, rows = AblationFolder(tmp_path, {**OPTIONS, "epochs": 1}), ["multi_task", "full"]
    for seed in (0, 1):
        write_cell(folder, "multi_task", seed, 0.4)
        write_cell(folder, "full", seed, 0.6)
    text = write_tables(folder, rows, 2, "python x")
    tables = json.loads((tmp_path / "ablation.json").read_text())
    figure = tables["rows"]["full"]["figures"]["PixAcc"]
    low, high = figure["bootstrap"]
    around = f"{figure['difference']:+.2f} ± {figure['interval']:.2f} [{low:+.2f}, {high:+.2f}]"
    assert f"{figure['mean']:.2f} ({around})" in text
    assert "2000 draws of seed 0" in text and "7 frames in 3 scenes of val" in text
    assert low <= figure["difference"] <= high


def test_a_cell_without_the_counts_of_its_frames_is_named(tmp_path):
    folder = AblationFolder(tmp_path, {**OPTIONS, "epochs": 1})
    write_cell(folder, "full", 0, 0.5)
    folder.counts_path("full", 0).unlink()
    with pytest.raises(ValueError, match="full-0.npz; there is no such file: remove .*full-0.json"):
        write_tables(folder, ["full"], 1, "python x")


def test_students_t_is_scipys():
    for freedom in range(1, 40):
        for probability in (0.05, 0.5, 0.95, 0.999):
            expected = stats.t.ppf((1 + probability) / 2, freedom)
            assert quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)
