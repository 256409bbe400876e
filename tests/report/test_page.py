"""The page of a run: every number is the run's, and the file stands by itself."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from page_parts import Page
from small_run import NAMES

from keras_lwm.ablation import BASELINE
from keras_lwm.report.page import run_page, write_ablation_page, write_page

RESULTS = Path(__file__).parents[2] / "docs/results"


@pytest.fixture(scope="module")
def page(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert write_page(path, [trained.path]) == path
    return Page(path)


def history(run):
    with open(run / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_curves_are_those_of_the_history(trained, page):
    rows = history(trained.path)
    lines = {
        ("Loss", "training"): "loss",
        ("Loss", "validation"): "val_loss",
        ("Loss by output", "segmentation"): "segmentation_loss",
        ("Loss by output", "side 8"): "side_8_loss",
        ("Loss by output", "depth"): "depth_loss",
        ("mIoU", "validation"): "val_mean_iou",
        ("mIoU", "training"): "mean_iou",
        ("Coefficient", ""): "coefficient",
        ("Learning rate", ""): "learning_rate",
        ("Skipped steps", ""): "skipped_steps",
    }
    for (title, name), column in lines.items():
        [trace] = [t for t in page.figures[title]["data"] if t["name"] == name]
        assert trace["x"] == [1, 2]
        assert trace["y"] == [float(row[column]) for row in rows]
    assert rows[0]["learning_rate"] > rows[1]["learning_rate"]


def test_scores_are_those_of_the_evaluation(trained, page):
    scores = trained.scores
    overall = [scores[name] for name in ("mean_iou", "mean_accuracy", "pixel_accuracy")]
    assert page.row("single scale")[:3] == [f"{100 * score:.2f}" for score in overall]
    for name, part in scores["subsets"].items():
        assert page.row(name)[0] == f"{100 * part['mean_iou']:.2f}"
    [bars] = page.figures["Near boundaries, and by distance"]["data"]
    assert bars["x"] == [100 * part["mean_iou"] for part in scores["subsets"].values()]
    for row in scores["classes"]:
        assert page.row(row["name"])[0] == f"{100 * row['iou']:.2f}"
    [bars] = page.figures["IoU by class"]["data"]
    shown = dict(zip(bars["y"], bars["x"], strict=True))
    expected = {row["name"]: 100 * row["iou"] for row in scores["classes"]}
    # plotly.js would take the tags of a name for its own.
    assert {name.replace("&lt;", "<").replace("&amp;", "&"): v for name, v in shown.items()} == (
        expected
    )
    assert bars["x"] == sorted(bars["x"], reverse=True)


def test_the_confusion_matrix_is_normalised_by_rows_and_keeps_its_counts(trained, page):
    [trace] = page.figures["Confusion matrix: mine"]["data"]
    counts = np.array(trained.scores["confusion_matrix"])
    assert trace["customdata"] == counts.tolist()
    np.testing.assert_allclose(trace["z"], counts / counts.sum(axis=1, keepdims=True))


def test_each_chosen_frame_has_a_slider_and_all_its_views(trained, page):
    views = ("image", "label", "prediction", "error", "depth", "predicted depth", "DPE", "DSE")
    for frame in trained.chosen:
        name = f"room_{frame['index']}"
        for view in (*views, "loss weight"):
            assert page.images[f"{view} of frame {name}"].startswith("data:image/webp;base64,")
        assert f"{100 * frame['mean_iou']:.1f} %" in page.text
    sliders = [slider["max"] for slider in page.sliders]
    assert sliders == ["8"] * (1 + len(trained.chosen))


def test_weight_maps_and_their_spread_are_shown_by_epoch(trained, page):
    for frame in (1, 2):
        for epoch in (1, 2):
            picture = page.images[f"loss weight of training frame {frame} after epoch {epoch}"]
            assert picture.startswith("data:image/png;base64,")
    first, last = page.figures["Spread of the loss weight: mine"]["data"]
    kept = json.loads((trained.path / "report" / "weight_maps" / "epoch_0002.json").read_text())
    np.testing.assert_allclose(last["y"], np.array(kept["counts"]) / sum(kept["counts"]))
    assert max(first["y"]) == 1.0


def test_weights_that_are_all_1_are_not_shown(trained, tmp_path):
    shutil.copytree(trained.path, tmp_path / "uniform")
    options = json.loads((tmp_path / "uniform" / "options.json").read_text())
    options["weighting"] = "uniform"
    (tmp_path / "uniform" / "options.json").write_text(json.dumps(options))
    text = write_page(tmp_path / "page.html", [tmp_path / "uniform"]).read_text()
    assert "What the method looks at" not in text and "no weight maps" not in text
    assert (
        "What the method looks at"
        in write_page(tmp_path / "other.html", [trained.path]).read_text()
    )


def test_bins_are_shown_by_class_and_distance(trained, page):
    kept = json.loads((trained.path / "report" / "bins.json").read_text())
    for title in ("DSE", "DPE"):
        [trace] = page.figures[f"{title}, by class and distance"]["data"]
        assert trace["z"] == kept["tables"][title]
        assert len(trace["y"]) == len(NAMES) and len(trace["x"]) == len(trace["z"][0])


def test_it_says_how_to_run_it_again(page):
    assert "python recipes/mine.py" in page.text
    assert "At the library's own defaults: bins." in page.text


def test_the_page_stands_by_itself_and_its_scripts_find_what_they_ask_for(trained, tmp_path):
    path = write_page(tmp_path / "a.html", [trained.path])
    text, page = path.read_text(), Page(path)
    assert path.stat().st_size < 20e6 and "default-src 'none'" in text
    assert [link for link in page.links if not link.startswith(("data:", "#"))] == []
    assert len(set(page.ids)) == len(page.ids)
    asked = set(re.findall(r'querySelector\("#(\w+)"\)', text[text.rindex("<script>") :]))
    assert asked and asked <= set(page.ids)


def test_names_are_shown_and_not_run(trained, tmp_path):
    shutil.copytree(trained.path, tmp_path / "x&y")
    text = write_page(tmp_path / "a.html", [tmp_path / "x&y"]).read_text()
    assert "<h1>x&amp;y</h1>" in text and "<b>chair</b>" not in text
    assert "a &lt;b&gt;chair&lt;/b&gt;" in text


def test_several_runs_lie_over_each_other_and_differ_from_the_first(trained, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(trained.path, other)
    path = other / "scores" / "single_scale" / "scores.json"
    scores = json.loads(path.read_text())
    scores["mean_iou"] += 0.05
    for index, row in enumerate(scores["classes"]):
        row["iou"] -= 0.01 * index
    path.write_text(json.dumps(scores))
    page = Page(write_page(tmp_path / "a.html", [trained.path, other]))
    assert page.row("other minus mine, points")[0] == "+5.00"
    [bars] = page.figures["IoU by class, minus that of mine"]["data"]
    assert bars["name"] == "other"
    np.testing.assert_allclose(bars["x"], [-0.0, -1.0, -2.0, -3.0], atol=1e-9)
    names = {trace["name"] for trace in page.figures["Loss"]["data"]}
    assert names == {
        f"{run}, {kind}" for run in ("mine", "other") for kind in ("training", "validation")
    }
    assert len(page.figures["Coefficient"]["data"]) == 2
    assert {"Confusion matrix: mine", "Confusion matrix: other"} <= set(page.figures)


def test_that_runs_were_scored_on_other_frames_is_said(trained, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(trained.path, other)
    said = "says nothing of the runs"
    assert said not in Page(write_page(tmp_path / "a.html", [trained.path, other])).text
    path = other / "report" / "frames" / "frames.json"
    frames = json.loads(path.read_text())
    path.write_text(json.dumps({**frames, "split": "test of garden/1.0.0"}))
    text = Page(write_page(tmp_path / "b.html", [trained.path, other])).text
    count = frames["count"]
    assert f"other was scored on {count} frames of test of garden/1.0.0, mine on {count} " in text
    assert said in text


def test_frames_of_more_runs_than_a_page_has_room_for_are_left_out(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(run_page, "_MOST_PICTURE_BYTES", 1)
    other = tmp_path / "other"
    shutil.copytree(trained.path, other)
    page = Page(write_page(tmp_path / "a.html", [trained.path, other]))
    assert "other has a page of its own for its frames" in page.text
    assert "Frames of mine" in page.text and "Frames of other" not in page.text


def test_a_run_that_has_not_ended_has_a_page_that_says_what_is_missing(trained, tmp_path):
    run = tmp_path / "young"
    run.mkdir()
    shutil.copy(trained.path / "options.json", run)
    page = Page(write_page(tmp_path / "a.html", [run]))
    assert "young holds no history, no scores, no pictures of test frames" in page.text
    shutil.copy(trained.path / "history.csv", run)
    page = Page(write_page(tmp_path / "a.html", [run]))
    assert "Loss" in page.figures and "young holds no scores" in page.text


@pytest.mark.parametrize("recorded", sorted(RESULTS.glob("*/ablation.json")), ids=str)
def test_an_ablations_page_has_its_differences_and_intervals(recorded, tmp_path):
    rows = json.loads(recorded.read_text())["rows"]
    out = tmp_path / "a.html"
    page = Page(write_ablation_page(out, rows, "python x", "3 frames", BASELINE))
    for name in ("mIoU", "PixAcc"):
        [trace] = page.figures[name]["data"]
        for row, x, half in zip(trace["y"], trace["x"], trace["error_x"]["array"], strict=True):
            figure = rows[row]["figures"][name]
            assert (x, half) == (
                figure["difference"],
                figure["interval"] or 0,
            )  # One seed has none.
        assert set(trace["y"]) == set(rows) - {BASELINE}
    [trace] = page.figures[f"IoU by class, minus that of {BASELINE}"]["data"]
    for class_name, line in zip(trace["y"], trace["z"], strict=True):
        for row, value in zip(trace["x"], line, strict=True):
            assert value == rows[row]["figures"][f"IoU, {class_name}"]["difference"]
    mean = rows[BASELINE]["figures"]["mIoU"]["mean"]
    assert f"{mean:.2f}" in page.text and "python x" in page.text


def test_what_is_refused_ends_in_one_sentence_and_writes_nothing(trained, tmp_path):
    out = tmp_path / "a.html"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"of a run; received .*empty, which is a folder without"):
        write_page(out, [tmp_path / "empty"])
    with pytest.raises(ValueError, match=r"of a run; received .*nowhere, which is no folder"):
        write_page(out, [tmp_path / "nowhere"])
    with pytest.raises(ValueError, match="one comes twice"):
        write_page(out, [trained.path, trained.path])
    broken = tmp_path / "broken"
    shutil.copytree(trained.path, broken)
    (broken / "history.csv").write_text("epoch,loss\n0,low\n")
    with pytest.raises(ValueError, match=r"broken/history.csv is not readable as a table"):
        write_page(out, [broken])
    (broken / "history.csv").unlink()
    (broken / "report" / "bins.json").write_text("{")
    with pytest.raises(ValueError, match=r"bins.json is not readable as JSON"):
        write_page(out, [broken])
    (broken / "report" / "bins.json").unlink()
    next((broken / "report" / "frames").glob("*.webp")).unlink()
    with pytest.raises(ValueError, match=r"Expected the picture .*webp of a run; No such file"):
        write_page(out, [broken])
    (broken / "report" / "frames" / "frames.json").write_text("[]")
    with pytest.raises(ValueError, match=r"as keras_lwm writes them in .*broken; received others"):
        write_page(out, [broken])
    assert not out.exists()
    with pytest.raises(ValueError, match="Expected a file for the page.*empty is a folder"):
        write_page(tmp_path / "empty", [trained.path])
    with pytest.raises(ValueError, match="Expected a path on this machine's file systems"):
        write_page("gs://bucket/report.html", [trained.path])
    out.write_text("earlier")
    with pytest.raises(ValueError, match=r"written to .*a.html/report.html \(File exists"):
        write_page(out / "report.html", [trained.path])
    assert out.read_text() == "earlier"
