"""The ablation: paired rows, figures with intervals, cells that are trained once."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from coloured_frames import write_frames
from scipy import stats

ROOT = Path(__file__).parents[1]
TINY = ["--size", "40", "50", "--crop", "32", "32", "--views", "2", "--epochs", "1"]
TINY += ["--batch-size", "2", "--channels", "4", "--score-split", "val", "--seeds", "1"]
OPTIONS = {
    **{"precision": "float32", "backbone": "efficientnet_lite0", "weights": None},
    **{"variant": "light", "channels": 4, "initial_depth": 2.0, "train_encoder": False},
}


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    return importlib.import_module


def test_rows_of_one_seed_start_from_the_same_values(recipe):
    """Heads that a row does not train are built all the same, so nothing else changes."""
    cell = recipe("ablation_cell")
    first, again, other = (cell.build(OPTIONS, 3, seed)[2].get_weights() for seed in (0, 0, 1))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any((one != two).any() for one, two in zip(first, other, strict=True))


def test_rows_train_the_outputs_they_name(recipe):
    rows, cell = recipe("ablation_rows").ROWS, recipe("ablation_cell")
    outputs = dict.fromkeys(("segmentation", "side_8", "side_16", "side_32", "depth"))
    assert set(cell.kept_outputs(outputs, rows["cross_entropy"])) == {"segmentation"}
    assert "depth" not in cell.kept_outputs(outputs, rows["side_outputs"])
    for name in set(rows) - {"cross_entropy", "side_outputs"}:
        assert cell.kept_outputs(outputs, rows[name]) == outputs


def test_each_row_builds_its_weighting_from_the_ablations_options(recipe):
    from keras_lwm import mining

    rows = recipe("ablation_rows")
    options = dict.fromkeys({name for names in rows.TAKES.values() for name in names})
    options |= {"strength": 0.3, "gathering": "binned", "depth_range": (1.0, 9.0)}
    for row in rows.ROWS.values():
        chosen = rows.weighting_options(row, options, seed=2)
        weighting = mining.get(row.weighting, **chosen)
        if row.weighting in ("lwm", "shuffled", "pixel_error", "error_window"):
            assert weighting.strength == 0.3
    assert rows.curriculum_options(rows.ROWS["both"], {}) == {"start": 1.0, "end": 1.0}


def test_differences_are_paired_and_their_interval_is_students(recipe):
    summarise = recipe("ablation_report").summarise
    baseline, row = [20.0, 24.0, 22.0], [21.0, 24.5, 23.5]
    cells = {
        "multi_task": {seed: {"mIoU": value} for seed, value in enumerate(baseline)},
        "full": {seed: {"mIoU": value} for seed, value in enumerate(row)},
    }
    figure = summarise(cells)["full"]["figures"]["mIoU"]
    pairs = np.subtract(row, baseline)
    low, high = stats.ttest_1samp(pairs, 0).confidence_interval(0.95)
    assert figure["difference"] == pytest.approx(pairs.mean())
    assert figure["interval"] == pytest.approx((high - low) / 2)
    gain = summarise(cells)["multi_task"]["method_gain"]
    assert set(gain) == {"mIoU"} and gain["mIoU"] == pytest.approx(
        {"difference": pairs.mean(), "interval": (high - low) / 2}
    )
    alone = summarise({"full": {0: {"mIoU": 1.0}}, "multi_task": {1: {"mIoU": 2.0}}})
    assert "difference" not in alone["full"]["figures"]["mIoU"]


def tiny_encoder():
    image = maps = keras.Input((None, None, 3))
    for stride in (2, 4, 8, 16, 32):
        convolution = keras.layers.Conv2D(4, 3, 2, "same", activation="relu", name=f"at_{stride}")
        maps = convolution(maps)
    return keras.Model(image, maps), {stride: f"at_{stride}" for stride in (4, 8, 16, 32)}


def test_the_encoder_is_trained_where_that_is_asked_for(recipe):
    cell, frames = recipe("ablation_cell"), recipe("ablation_frames")
    options = recipe("ablation").main.make_context("ablation", ["--data", "-"]).params
    encoder, places = tiny_encoder()
    options |= {"train_encoder": True, "backbone": (encoder, places), "weights": None}
    options |= {"channels": 4, "epochs": 1, "batch_size": 2, "crop": (32, 32), "encoder_rate": 0.5}
    random = np.random.default_rng(0)
    part = frames.Frames(
        random.integers(0, 256, (4, 40, 50, 3)).astype("uint8"),
        random.integers(0, 3, (4, 40, 50)).astype("uint8"),
        random.uniform(1, 9, (4, 40, 50, 1)).astype("float32"),
    )
    before = encoder.get_weights()
    names = ["wall", "floor", "sofa"]
    result, network = cell.train_cell(
        "full", 0, options, {"train": part, "score": part}, None, names
    )
    assert any((one != two).any() for one, two in zip(before, encoder.get_weights(), strict=True))
    assert result["scores"]["frames"] == 4 and np.isfinite(result["history"]["loss"]).all()
    assert set(network.predict_on_batch(part.images[:1])) >= {"segmentation", "depth"}


def run_ablation(folder, out, *options):
    command = [sys.executable, ROOT / "recipes" / "ablation.py", "--data", folder, "--out", out]
    command += ["--backend", keras.backend.backend(), "--depth-unit", "0.001"]
    command += ["--first-id", "1", "--void-ids", "0", *TINY, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, text=True, capture_output=True)


def test_it_goes_on_with_the_cells_that_are_missing(tmp_path):
    frames, out = tmp_path / "frames", tmp_path / "ablation"
    write_frames(frames)
    done = run_ablation(frames, out, "--rows", "multi_task")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    first = (out / "cells" / "multi_task-0.json").read_bytes()

    done = run_ablation(frames, out, "--rows", "multi_task,full", "--gathering", "window")
    assert done.returncode == 1 and "gathering='binned'" in done.stderr

    done = run_ablation(frames, out, "--rows", "multi_task,full")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "(1 of 1 cells" in done.stdout and "| `full` | 1 |" in done.stdout
    assert (out / "cells" / "multi_task-0.json").read_bytes() == first
    tables = json.loads((out / "ablation.json").read_text())
    assert set(tables["rows"]) == {"multi_task", "full"}
    assert tables["options"]["backend"] == keras.backend.backend()
    assert tables["command"].startswith("python recipes/ablation.py --data FOLDER --")
    assert "--void-ids 0 --size 40 50 " in tables["command"]
    assert tables["command"].endswith("--seeds 1 --rows multi_task,full")
    assert str(tmp_path) not in (out / "ablation.json").read_text()
    assert (out / "ablation.png").exists() and (out / "ablation.md").exists()


def test_frames_that_were_packed_are_read_back_as_they_were(tmp_path, recipe):
    frames = recipe("ablation_frames")
    write_frames(tmp_path / "frames")
    size, splits = (40, 50), ["train", "val"]
    first, names, palette = frames.read_frames(
        tmp_path / "frames", splits, size, 0.001, first_id=1, void_ids=(0,)
    )
    frames.write_frames(tmp_path / "packed", first, names, palette)
    again, *described = frames.read_frames(
        tmp_path / "packed", splits, size, 0.001, first_id=0, void_ids=(255,)
    )
    assert described == [names, palette]
    for split in splits:
        np.testing.assert_array_equal(again[split].labels, first[split].labels)
        np.testing.assert_allclose(again[split].depths, first[split].depths, atol=5.1e-4)
        difference = np.abs(again[split].images.astype(int) - first[split].images)
        assert difference.mean() < 5  # JPEG, of noise


def test_cells_side_by_side_share_the_cores(recipe):
    shared_machine = recipe("ablation").shared_machine
    cores = len(os.sched_getaffinity(0))
    assert shared_machine(1) == dict(os.environ)
    for workers, threads in ((2, max(1, cores // 2)), (10 * cores, 1)):
        assert shared_machine(workers)["TF_NUM_INTRAOP_THREADS"] == str(threads)
        assert shared_machine(workers)["OMP_NUM_THREADS"] == str(threads)
