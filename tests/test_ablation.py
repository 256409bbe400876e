"""The ablation: paired rows, figures with intervals, cells that are trained once."""

import contextlib
import importlib
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from coloured_frames import write_frames
from scipy import stats
from tiny_encoder import tiny_encoder

from keras_lwm import mining
from keras_lwm.ablation import BASELINE, ROWS, Frames, pack_frames, runner
from keras_lwm.ablation.cell import build, train_cell
from keras_lwm.ablation.frames import keep_labels, read_frames, scene_numbers
from keras_lwm.ablation.report import markdown, summarise
from keras_lwm.ablation.runner import AblationFolder, child_environment, train_cells
from keras_lwm.atomic_write import write_json

ROOT = Path(__file__).parents[1]
RESULTS = sorted((ROOT / "docs/results").glob("*/ablation.json"))
assert RESULTS
TINY = ["--size", "40", "50", "--crop", "32", "32", "--views", "2", "--epochs", "1"]
TINY += ["--batch-size", "2", "--channels", "4", "--score-split", "val", "--seeds", "1"]
OPTIONS = {
    **{"precision": "float32", "backbone": "efficientnet_lite0", "weights": None},
    **{"variant": "light", "channels": 4, "initial_depth": 2.0, "train_encoder": False},
}


@pytest.fixture
def parsed(monkeypatch):
    """What the recipe's options come to for some words of a command line."""
    monkeypatch.syspath_prepend(ROOT / "recipes")
    main = importlib.import_module("ablation").main
    return lambda words: main.make_context("ablation", list(words)).params


def test_rows_of_one_seed_start_from_the_same_values():
    """Heads that a row does not train are built all the same, so nothing else changes."""
    first, again, other = (build(OPTIONS, 3, seed)[1].get_weights() for seed in (0, 0, 1))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any((one != two).any() for one, two in zip(first, other, strict=True))


def test_rows_train_the_outputs_they_name():
    outputs = dict.fromkeys(("segmentation", "side_8", "side_16", "side_32", "depth"))
    assert set(ROWS["cross_entropy"].kept_outputs(outputs)) == {"segmentation"}
    assert set(outputs) - set(ROWS["side_outputs"].kept_outputs(outputs)) == {"depth"}
    assert set(outputs) - set(ROWS["teacher"].kept_outputs(outputs)) == {"depth"}
    without_depth = {"cross_entropy", "side_outputs", "teacher", "teacher_2", "self_trained"}
    for name in set(ROWS) - without_depth:
        assert ROWS[name].kept_outputs(outputs) == outputs


def test_each_row_builds_its_weighting_from_the_ablations_options():
    options = {"strength": 0.3, "gathering": "binned", "depth_range": (1.0, 9.0), "gamma": None}
    for row in ROWS.values():
        weighting = mining.get(row.weighting, **row.weighting_options(options, seed=2))
        if row.weighting != "uniform":
            # The rivals as published, whatever the strength of the method.
            assert weighting.strength == (1.0 if row.weighting in ("focal", "ohem") else 0.3)
        if row.weighting == "shuffled":
            assert weighting.seed == 2
    assert mining.get("focal", **ROWS["focal"].weighting_options(options, 0)).gamma == 2.0
    assert ROWS["dse_window"].weighting_options(options, 0)["gathering"] == "window"
    assert ROWS["both"].curriculum_options({"start": 0.2}) == {"start": 1.0, "end": 1.0}
    assert ROWS["full"].curriculum_options({"start": 0.2}) == {"start": 0.2}


def test_a_share_of_the_frames_keeps_its_labels():
    frames = Frames(*(np.ones((10, 1, 1, *end), "uint8") for end in ((3,), (), (1,))))
    for share, kept in ((0.25, [0, 4, 8]), (0.5, [0, 2, 4, 6, 8]), (0.01, [0]), (1.0, range(10))):
        part = keep_labels(frames, share)
        assert list(np.flatnonzero(part.labels[:, 0, 0] == 1)) == list(kept)
        assert set(part.labels.ravel()) <= {1, 255}
        assert part.images is frames.images and part.depths is frames.depths


def test_the_recipe_trains_every_row_that_is_not_taught_unless_some_are_chosen(parsed):
    untaught = [name for name, row in ROWS.items() if row.teacher is None]
    assert parsed(["--data", "-"])["rows"].split(",") == untaught


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_recorded_commands_still_mean_the_recorded_options(parsed, path):
    recorded = json.loads(path.read_text())
    assert recorded["command"].startswith("python recipes/ablation.py ")
    options = json.loads(json.dumps(parsed(shlex.split(recorded["command"])[2:])))
    other = {"data", "backend"}  # FOLDER, and Keras' own choice
    other |= set() if "FOLDER" in recorded["command"] else {"void_ids"}  # of a folder's files
    for name in set(recorded["options"]) - other:
        assert options[name] == recorded["options"][name], name


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_recorded_tables_are_those_of_the_recorded_figures(path):
    recorded, text = json.loads(path.read_text()), path.with_suffix(".md").read_text()
    setting = text.partition("`; ")[2].partition(". Mean over seeds")[0]
    # What mIoU meant when they were made is said beside the tables.
    paragraphs = text.split("\n\n")
    text = "\n\n".join(p for p in paragraphs if not p.startswith("These runs counted mIoU"))
    assert markdown(recorded["rows"], recorded["command"], setting) == text


def test_differences_are_paired_and_their_interval_is_students():
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


def test_a_row_is_compared_with_its_controls_where_they_are_there():
    values = {"distilled": [24.0, 25.0], "distilled_blind": [23.0, 23.5], "dse_window": [24.0]}
    cells = {
        row: {seed: {"mIoU": value} for seed, value in enumerate(each)}
        for row, each in values.items()
    }
    summary = summarise(cells)
    gains = summary["distilled"]["control_gains"]
    assert set(gains) == {"distilled_blind"}
    assert gains["distilled_blind"]["mIoU"]["difference"] == pytest.approx(1.25)
    assert "control_gains" not in summary["dse_window"]
    both = summarise({**cells, "self_trained": {1: {"mIoU": 22.0}}})
    assert both["distilled"]["control_gains"]["self_trained"]["mIoU"]["difference"] == 3.0
    assert "| `distilled` minus `self_trained` | +3.00 |" in markdown(both, "", "")
    assert "| `distilled` minus `distilled_blind` | +1.25 ± " in markdown(summary, "", "")
    assert {control for row in ROWS.values() for control in row.controls} <= set(ROWS)


def test_the_encoder_is_trained_where_that_is_asked_for(parsed):
    options = parsed(["--data", "-"])
    encoder, layer_names = tiny_encoder()
    options |= {"train_encoder": True, "backbone": (encoder, layer_names), "weights": None}
    options |= {"channels": 4, "epochs": 1, "batch_size": 2, "crop": (32, 32), "encoder_rate": 0.5}
    random = np.random.default_rng(0)
    frames = Frames(
        random.integers(0, 256, (4, 40, 50, 3)).astype("uint8"),
        random.integers(0, 3, (4, 40, 50)).astype("uint8"),
        random.uniform(1, 9, (4, 40, 50, 1)).astype("float32"),
    )
    before = encoder.get_weights()
    names = ["wall", "floor", "sofa"]
    result, network = train_cell("full", 0, options, frames, frames, names)
    assert any((one != two).any() for one, two in zip(before, encoder.get_weights(), strict=True))
    assert result["scores"]["frames"] == 4 and np.isfinite(result["history"]["loss"]).all()
    json.dumps(result, allow_nan=False)
    assert set(network.predict_on_batch(frames.images[:1])) >= {"segmentation", "depth"}

    _, teacher = train_cell("teacher", 0, options, frames, frames, names)
    assert teacher.input_shape == (None, None, None, 4)
    options |= {"backbone": tiny_encoder()}  # Not the teacher's.
    result, _ = train_cell("distilled", 0, options, frames, frames, names, teacher=teacher)
    assert np.isfinite(result["history"]["loss"]).all()


def test_depth_is_seen_in_scoring_as_in_training(parsed):
    """Frames are larger than crops; the camera is not another for it."""
    options = parsed(["--data", "-"])
    options |= {"train_encoder": True, "backbone": tiny_encoder(), "weights": None, "channels": 4}
    options |= {"epochs": 1, "batch_size": 2, "crop": (32, 40)}
    random = np.random.default_rng(0)
    frames = Frames(
        random.integers(0, 256, (2, 48, 64, 3)).astype("uint8"),
        random.integers(0, 3, (2, 48, 64)).astype("uint8"),
        random.uniform(1, 9, (2, 48, 64, 1)).astype("float32"),
    )
    _, network = train_cell("teacher", 0, options, frames, frames, ["wall", "floor", "sofa"])
    assert network.get_layer("depth_picture").focal_length == pytest.approx(0.8 * 40)


def run_ablation(folder, out, *options, path=()):
    command = [sys.executable, ROOT / "recipes" / "ablation.py", "--data", folder, "--out", out]
    command += ["--backend", keras.backend.backend(), "--depth-unit", "0.001"]
    command += ["--first-id", "1", "--void-ids", "0", *TINY, *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    return subprocess.run(command, env=environment, text=True, capture_output=True)


def test_it_goes_on_with_the_cells_that_are_missing(tmp_path):
    frames, out = tmp_path / "frames", tmp_path / "ablation"
    write_frames(frames)
    (tmp_path / "absent").mkdir()
    absent = "raise ModuleNotFoundError('No module named matplotlib')"
    (tmp_path / "absent" / "matplotlib.py").write_text(absent)
    done = run_ablation(frames, out, "--rows", "multi_task", path=[tmp_path / "absent"])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.splitlines()[-1].startswith("Neither figure nor page: Drawing ")
    assert (out / "ablation.md").exists() and not (out / "ablation.html").exists()
    first = (out / "cells" / "multi_task-0.json").read_bytes()

    # The row that is taught waits for its teacher, which the frozen encoder shows depth as well.
    done = run_ablation(frames, out, "--rows", "multi_task,distilled,teacher", "--workers", "2")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    told = done.stdout.index("teacher seed 0: "), done.stdout.index("distilled seed 0: ")
    assert told == tuple(sorted(told)) and "(2 of 2 cells" in done.stdout[told[1] :]
    assert "| `distilled` | 1 |" in done.stdout
    distilled = json.loads((out / "cells" / "distilled-0.json").read_text())
    assert distilled["history"]["distillation_loss"][0] > 0
    assert (out / "cells" / "multi_task-0.json").read_bytes() == first
    tables = json.loads((out / "ablation.json").read_text())
    assert set(tables["rows"]) == {"multi_task", "distilled", "teacher"}
    assert tables["options"]["backend"] == keras.backend.backend()
    assert tables["command"].startswith("python recipes/ablation.py --data FOLDER --")
    assert "--void-ids 0 --size 40 50 " in tables["command"]
    assert tables["command"].endswith("--rows multi_task,distilled,teacher --workers 2")
    assert str(tmp_path) not in (out / "ablation.json").read_text()
    assert (out / "ablation.png").exists() and (out / "ablation.md").exists()
    # The rooms are of one frame each, and there is one to score: no other set of them is drawn.
    assert "bootstrap" not in (out / "ablation.json").read_text()
    assert "IoU by class, minus that of multi_task" in (out / "ablation.html").read_text()


def test_a_folder_of_other_options_is_refused(tmp_path):
    options = {"gathering": "binned", "crop": (32, 32)}
    with pytest.raises(ValueError, match="Expected an ablation in .*; found no options.json"):
        AblationFolder(tmp_path)
    AblationFolder(tmp_path, options)
    assert AblationFolder(tmp_path, options).options == {"gathering": "binned", "crop": [32, 32]}
    with pytest.raises(ValueError, match="has gathering='binned'; received gathering='window'"):
        AblationFolder(tmp_path, {**options, "gathering": "window"})


def test_a_folder_of_options_that_read_no_data_is_free_for_others(tmp_path):
    common = {"train_encoder": True, "train_split": "train", "score_split": "val", "size": (40, 50)}
    folder = AblationFolder(tmp_path, {**common, "data": str(tmp_path)})
    with pytest.raises(ValueError):
        train_cells(folder, [BASELINE], seeds=1)
    write_frames(tmp_path / "frames")
    read = {"depth_unit": 0.001, "first_id": 1, "void_ids": (0,)}
    options = {**common, **read, "data": str(tmp_path / "frames")}
    unknown = {"train_encoder": False, "backbone": "vgg", "weights": None, "views": 2}
    folder = AblationFolder(tmp_path, {**options, **unknown})
    for _ in range(2):
        with pytest.raises(ValueError, match="Unknown backbone 'vgg'"):
            folder.prepare([BASELINE])
    folder = AblationFolder(tmp_path, options)
    folder.prepare([BASELINE])
    with pytest.raises(ValueError, match="has train_encoder=True; received train_encoder=False"):
        AblationFolder(tmp_path, {"train_encoder": False})


def test_where_no_cell_is_complete_there_are_no_tables(tmp_path):
    write_frames(tmp_path / "frames")
    command = [sys.executable, ROOT / "recipes" / "ablation.py", "--data", tmp_path / "frames"]
    command += ["--out", tmp_path / "out", "--depth-unit", "0.001", "--first-id", "1"]
    command += ["--void-ids", "0", "--size", "40", "50", "--train-encoder", "--minutes", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": keras.backend.backend()}
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "No cell is complete, so there are no tables."


def test_unknown_rows_are_refused_before_anything_is_trained(tmp_path):
    folder = AblationFolder(tmp_path, {"train_encoder": True})
    with pytest.raises(ValueError, match=f"among .*{BASELINE}.*; received plain, easy"):
        train_cells(folder, ["plain", BASELINE, "easy"], seeds=1)


def test_a_row_without_its_teacher_is_refused(tmp_path):
    folder = AblationFolder(tmp_path, {"train_encoder": True})
    with pytest.raises(ValueError, match="teaches distilled among the rows; teacher is missing"):
        train_cells(folder, [BASELINE, "distilled"], seeds=2)


@pytest.fixture
def unprepared(monkeypatch):
    monkeypatch.setattr(AblationFolder, "prepare", lambda self, rows: None)


def test_a_cell_that_fails_ends_in_what_it_printed(tmp_path, monkeypatch, unprepared):
    monkeypatch.setattr(sys, "executable", "false")
    folder = AblationFolder(tmp_path, {"train_encoder": True})
    with pytest.raises(ChildProcessError, match=f"{BASELINE}, seed 0, failed; .*{BASELINE}-0.log"):
        train_cells(folder, [BASELINE], seeds=1)


def test_a_cell_ends_when_what_started_it_is_gone(tmp_path):
    os.mkfifo(tmp_path / "options.json")  # its text never comes
    command = [sys.executable, "-m", "keras_lwm.ablation", tmp_path, BASELINE, "0", "1"]
    environment, writer = {**os.environ, "PYTHONPATH": str(ROOT)}, None
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as child:
        while writer is None and child.poll() is None:
            with contextlib.suppress(OSError):  # nobody reads yet
                writer = os.open(tmp_path / "options.json", os.O_WRONLY | os.O_NONBLOCK)
            time.sleep(0.1)
        child.stdin.close()
        try:
            assert child.wait(timeout=60) == 1
        finally:
            os.close(writer)


def trains_in_place(monkeypatch, seconds, failing=()):
    """In place of children: cells that are complete at once; returns the list of them."""
    trained, now = [], [0.0]

    def train(folder, environment, row, seed, loaders):
        if row in failing:
            raise ChildProcessError(f"The cell {row}, seed {seed}, failed")
        trained.append((row, seed))
        now[0] += seconds
        write_json(folder.cell_path(row, seed), {"scores": {"mean_iou": 0.5}})
        return seconds

    monkeypatch.setattr(runner, "_train_in_child", train)
    monkeypatch.setattr(runner.time, "monotonic", lambda: now[0])
    return trained


def test_no_cell_is_begun_that_would_end_too_late(tmp_path, monkeypatch, unprepared, capsys):
    trained, complete = trains_in_place(monkeypatch, seconds=100), []
    folder, rows = AblationFolder(tmp_path, {"train_encoder": True}), ["multi_task", "full"]
    train_cells(
        folder, rows, seeds=3, minutes=6.5, after_cell=lambda: complete.append(len(trained))
    )
    assert trained == [("multi_task", 0), ("full", 0), ("multi_task", 1)]
    assert complete == [1, 2, 3]
    assert "3 of 6 cells are left for another time: one takes up to 1.7" in capsys.readouterr().out
    train_cells(folder, rows, seeds=3)
    assert len(trained) == len(set(trained)) == 6


def test_the_other_rows_are_trained_when_one_fails(tmp_path, monkeypatch, unprepared):
    trained = trains_in_place(monkeypatch, seconds=1, failing=["full"])
    folder = AblationFolder(tmp_path, {"train_encoder": True})
    with pytest.raises(ChildProcessError, match="full, seed 0, failed"):
        train_cells(folder, ["full", "dpe", "ohem"], seeds=2)
    assert trained == [("dpe", 0), ("ohem", 0), ("dpe", 1), ("ohem", 1)]


def test_options_that_are_given_win_over_the_settings(parsed):
    frozen, gpu = (parsed(["--data", "-", "--setting", name]) for name in ("frozen", "gpu"))
    assert frozen == {**parsed(["--data", "-"]), "setting": "frozen"}
    assert sorted(gpu["rows"].split(",")) == sorted(frozen["rows"].split(","))
    assert gpu["train_encoder"] and gpu["epochs"] > frozen["epochs"]
    own = parsed(["--epochs", "3", "--data", "-", "--setting", "gpu", "--backend", "torch"])
    assert own == {**gpu, "epochs": 3, "backend": "torch"}


def test_scenes_are_told_by_folders_or_by_gaps_in_numbers():
    def groups(names, tells):
        return scene_numbers(names, tells).tolist()

    assert groups(["b/1", "a/1", "b/2", "c"], "folders") == [1, 0, 1, 2]
    # One folder tells nothing.
    assert groups(["a/1", "a/2"], "folders") == groups(["x", "y"], "folders") == [0, 1]
    assert groups(["0007", "0004_sofa", "0003", "0009", "0008_b"], "numbers") == [1, 0, 0, 1, 1]
    with pytest.raises(ValueError, match="begin with numbers; received the frame 'a/sofa_1'"):
        scene_numbers(["1", "a/sofa_1"], "numbers")


def test_frames_that_were_packed_are_read_back_as_they_were(tmp_path):
    folder, packed, splits = tmp_path / "frames", tmp_path / "packed", ("train", "val")
    write_frames(folder)
    options = {"data": folder, "size": (40, 50), "depth_unit": 0.001, "first_id": 1}
    options |= {"void_ids": (0,), "train_split": "train", "score_split": "val"}
    for name in ("a", "b"):
        for file in folder.glob(f"*/{name}.png"):
            file.rename(file.with_stem(f"000{ord(name) - 97}"))
    (folder / "train.txt").write_text("0000\n0001\n")
    first, *described = read_frames(splits, options)
    assert first["train"].scenes.tolist() == [0, 1]
    pack_frames(packed, options)
    options |= {"data": packed, "first_id": 0, "void_ids": ()}
    again, *described_again = read_frames(splits, options)
    assert described_again == described
    for split in splits:
        np.testing.assert_array_equal(again[split].labels, first[split].labels)
        np.testing.assert_allclose(again[split].depths, first[split].depths, atol=5.1e-4)
        difference = np.abs(again[split].images.astype(int) - first[split].images)
        assert difference.mean() < 5  # JPEG, of noise
        np.testing.assert_array_equal(again[split].scenes, first[split].scenes)


def test_a_data_set_by_name_gives_the_frames_of_its_folder(tmp_path, monkeypatch):
    from keras_lwm import datasets

    write_frames(tmp_path / "frames")
    reading = {"depth_unit": 0.001, "first_id": 1, "void_ids": (0,)}
    builder = datasets.load_builder(
        "rgbd_folder", folder=tmp_path / "frames", data_dir=tmp_path / "data", **reading
    )
    monkeypatch.setattr(datasets, "load_builder", lambda name: {"frames": builder}[name])
    options = {"size": (20, 25), **reading}
    by_name, *_ = read_frames(["train"], {**options, "data": "frames"})
    by_folder, *_ = read_frames(["train"], {**options, "data": tmp_path / "frames"})
    for kind in ("images", "labels", "depths"):
        one, two = getattr(by_name["train"], kind), getattr(by_folder["train"], kind)
        np.testing.assert_array_equal(one, two)


def test_cells_side_by_side_share_the_cores():
    cores = len(os.sched_getaffinity(0))
    threads = {"OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"}
    alone = child_environment(1)
    assert alone["KERAS_BACKEND"] == keras.backend.backend()
    assert {name: alone.get(name) for name in threads} == {n: os.environ.get(n) for n in threads}
    assert child_environment(2)["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    for workers, number in ((2, max(1, cores // 2)), (10 * cores, 1)):
        assert {child_environment(workers)[name] for name in threads} == {str(number)}
