"""What made depth is worth: depth is hidden and made again, and cells are compared in pairs."""

import importlib
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from deployment.small_refinenet import small_refinenet
from PIL import Image
from rgbd_frames import random_frame, write_frame, write_lists
from scipy import stats

from keras_lwm.ablation import depth_sources
from keras_lwm.ablation.depth_sources import hide_depth, made_depth_errors, train_sources
from keras_lwm.ablation.frames import read_frames
from keras_lwm.ablation.source_report import SOURCES, compare_sources, markdown, method_gains
from keras_lwm.atomic_write import write_json
from keras_lwm.rgbd_folder import FolderOptions, Layout
from keras_lwm.rgbd_folder.made_depth import read_record

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs/results/made_depth/made_depth.json"
NAMES = [f"room/{index}" for index in range(5)]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "frames"
    for seed, name in enumerate([*NAMES, "v"]):
        write_frame(path, name, *random_frame(seed, (32, 48)))
    write_lists(path, train=NAMES, val=["v"])
    return path


def test_every_so_many_th_frame_keeps_its_depth(folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    out = tmp_path / "out" / "some"
    hide_depth(folder, out, "train", keep_every=2)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    layout, whole = (
        Layout(out, FolderOptions(splits=("train", "val", "with_depth"))),
        Layout(folder),
    )
    kept = [frame.name for frame in layout.frames["train"] if frame.depth is not None]
    assert kept == [frame.name for frame in layout.frames["with_depth"]] == NAMES[::2]
    assert layout.frames["val"][0].depth is not None
    for one, other in zip(layout.frames["train"], whole.frames["train"], strict=True):
        assert one.image.read_bytes() == other.image.read_bytes()
        assert one.depth is None or one.depth.samefile(other.depth)
    (out / "mark").touch()
    hide_depth(folder, out, "train", keep_every=2)
    assert (out / "mark").exists()


def test_errors_of_made_depth_are_over_pixels_that_both_have(folder, tmp_path):
    made = tmp_path / "made"
    (made / "room").mkdir(parents=True)
    pairs = []
    for index, name in enumerate(NAMES[1:3]):
        true = random_frame(index + 1, (32, 48))[2]
        own = np.rint(true * 1.2 + 100 * (true == 0)).astype(np.uint16)
        own[:4] = 0
        Image.fromarray(own).save(made / f"{name}.png")
        pairs.append((true[(true > 0) & (own > 0)] / 1000, own[(true > 0) & (own > 0)] / 1000))
    true, own = np.concatenate(pairs, axis=1)
    errors = made_depth_errors(folder, made, 0.001)
    assert errors["frames"] == 2
    assert errors["abs_rel"] == pytest.approx(np.mean(np.abs(own - true) / true), rel=1e-4)
    assert errors["rmse"] == pytest.approx(np.sqrt(np.mean((own - true) ** 2)), rel=1e-4)
    assert errors["delta_1.25"] == 1


SCORES = {
    **dict.fromkeys(("mean_iou", "mean_accuracy", "pixel_accuracy"), 0.5),
    **{"frequency_weighted_iou": 0.5, "frames": 1, "subsets": {}, "classes": []},
    "depth": {"abs_rel": 0.2, "rmse": 0.7, "delta_1.25": 0.6},
}


def write_cells(folder, rows, seeds, workers=1, loaders=1):
    """In place of training: any network and the same scores."""
    for row in rows:
        for seed in range(seeds):
            if folder.cell_path(row, seed).exists():
                continue
            trained.append((folder.path.name, row, seed))
            small_refinenet().save(folder.network_path(row, seed))
            write_json(folder.cell_path(row, seed), {"scores": SCORES, "seconds": 60.0})


trained = []
LABELS = {"first_id": 0, "void_ids": ()}


def test_depth_is_made_once_and_each_source_is_trained_once(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(depth_sources, "train_cells", write_cells)
    trained.clear()
    options = {"data": folder, "train_split": "train", "epochs": 2, "depth_unit": 0.001}
    options |= {"size": (32, 48)}
    out, rows = tmp_path / "out", ["multi_task", "full"]
    folders, errors = train_sources(out, options, 2, rows, seeds=2)
    assert errors["frames"] == 2 and list(folders) == list(SOURCES)
    assert trained[0] == ("depth_network", "multi_task", 0)
    cells = [(source, row, seed) for seed in (0, 1) for source in SOURCES for row in rows]
    assert trained[1:] == cells
    network = json.loads((out / "depth_network" / "options.json").read_text())
    assert (network["epochs"], network["train_split"]) == (4, "with_depth")
    assert folders["measured"].options["data"] == str(folder)
    for source in ("some", "made"):
        assert folders[source].options["data"] == str(out / "frames")
    assert folders["some"].options["made_depth"] is None
    frames, *_ = read_frames(["train"], {**folders["made"].options, **LABELS})
    assert (frames["train"].depths.max(axis=(1, 2, 3)) > 0).all()
    frames, *_ = read_frames(["train"], {**folders["some"].options, **LABELS})
    kept = frames["train"].depths.max(axis=(1, 2, 3)) > 0
    assert kept.tolist() == [True, False, True, False, True]
    assert not read_record(out / "frames" / "made_depth").relative
    trained.clear()
    again, same = train_sources(out, options, 2, rows, seeds=2)
    assert not trained and same == errors


def test_differences_are_paired_by_seed():
    random = np.random.default_rng(0)
    values = {source: random.normal(20, 1, 3) for source in SOURCES}
    cells = {
        source: {seed: {"mIoU": value} for seed, value in enumerate(of_source)}
        for source, of_source in values.items()
    }
    summary = compare_sources(cells)
    for one, other, found in (
        ("some", "measured", summary["some"]["figures"]["mIoU"]),
        ("made", "measured", summary["made"]["figures"]["mIoU"]),
        ("made", "some", summary["made"]["to_some"]["mIoU"]),
    ):
        pairs = values[one] - values[other]
        low, high = stats.ttest_1samp(pairs, 0).confidence_interval(0.95)
        assert found["difference"] == pytest.approx(pairs.mean())
        assert found["interval"] == pytest.approx((high - low) / 2)
    assert "difference" not in summary["measured"]["figures"]["mIoU"]
    better = {
        source: {seed: {"mIoU": figures["mIoU"] + 1} for seed, figures in seeds.items()}
        for source, seeds in cells.items()
    }
    gains = method_gains({"multi_task": cells, "full": better}, ["multi_task", "full"])
    assert all(gain["mIoU"]["difference"] == pytest.approx(1) for gain in gains["full"].values())


def test_the_recorded_tables_are_those_of_the_recorded_figures():
    recorded, text = json.loads(RESULTS.read_text()), RESULTS.with_suffix(".md").read_text()
    made = markdown(
        *(recorded[name] for name in ("rows", "gains", "command", "made_depth", "options"))
    )
    assert text.startswith(made)


def test_the_recorded_command_still_means_the_recorded_options(monkeypatch, tmp_path):
    recorded = json.loads(RESULTS.read_text())
    monkeypatch.syspath_prepend(ROOT / "recipes")
    words = shlex.split(recorded["command"].replace("FOLDER", str(tmp_path)))[2:]
    options = importlib.import_module("made_depth").main.make_context("made_depth", words).params
    options = json.loads(json.dumps(options, default=str))
    for name in set(recorded["options"]) - {"data", "backend", "made_depth"}:
        assert options[name] == recorded["options"][name], name
