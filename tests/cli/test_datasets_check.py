"""`keras-lwm datasets check` tells what it found, draws it, and exits with 1 where it is bad."""

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rgbd_frames import write_random_folder

from keras_lwm_cli.datasets import datasets


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "frames"
    path.mkdir()
    write_random_folder(path, number=3, val=1, size=(12, 16))
    return path


@pytest.fixture
def check(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*arguments):
        return CliRunner().invoke(datasets, ["check", *map(str, arguments)])

    return run


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def test_a_clean_folder(folder, check, tmp_path):
    before = files(folder)
    answer = check(folder, "--json", "report.json")
    assert answer.exit_code == 0, answer.output
    reading = "Read as: --depth-unit 0.001 --first-id 0 --void-ids 255 (inferred; pass them"
    assert reading in answer.output
    assert "frames       4: train 3, val 1" in answer.output
    assert "Clean: found no error in 4 frames." in answer.output
    assert json.loads((tmp_path / "here" / "report.json").read_text())["clean"] is True
    with Image.open(tmp_path / "here" / "check_frames.png") as picture:
        assert np.asarray(picture.convert("RGB")).std() > 0
    assert files(folder) == before


def test_planted_errors(folder, check):
    (folder / "label" / "frame1.png").unlink()
    (folder / "rgb" / "frame2.png").write_text("no picture")
    answer = check(folder)
    assert answer.exit_code == 1
    assert "'frame1', but there is no label/frame1" in answer.output
    assert "Cannot read the picture rgb/frame2.png" in answer.output
    assert "Found 2 errors in 2 files." in answer.output


def test_options_are_passed_on(folder, check):
    answer = check(folder, "--depth-unit", 0.002, "--first-id", 0, "--void-ids", 255)
    assert "Read as: --depth-unit 0.002 --first-id 0 --void-ids 255 (as given)" in answer.output
    answer = check(folder, "--first-id", 1, "--splits", "val")
    assert "--depth-unit, --void-ids inferred" in answer.output
    assert "frames       1: val 1" in answer.output
    assert check(folder, "--depth-unit", 1).exit_code == 1
    assert check(folder, "--depth-unit", 1, "--unusual-depth").exit_code == 0


def test_the_picture_never_falls_among_the_data_unasked(folder, check, monkeypatch, tmp_path):
    monkeypatch.chdir(folder / "rgb")
    before = files(folder)
    answer = check("..")
    assert "No picture: it would be written among the data" in answer.output
    assert files(folder) == before
    assert check("..", "--sheet", tmp_path / "sheet.png").exit_code == 0
    assert (tmp_path / "sheet.png").exists()
    assert check("..", "--sheet", "own.png").exit_code == 0
    assert (folder / "rgb" / "own.png").exists()


def test_a_prepared_data_set(check, tmp_path):
    answer = check("rooms/tiny", "--data-dir", tmp_path / "data")
    assert answer.exit_code == 1
    assert "prepare it with `keras-lwm datasets build rooms/tiny`" in answer.output
    arguments = ["build", "rooms/tiny", "--data-dir", str(tmp_path / "data")]
    assert CliRunner().invoke(datasets, arguments).exit_code == 0
    answer = check("rooms/tiny", "--data-dir", tmp_path / "data")
    assert answer.exit_code == 0, answer.output
    assert "frames       16: train 8, validation 4, test 4" in answer.output
    assert (tmp_path / "here" / "check_rooms_tiny.png").exists()


def test_without_matplotlib_it_reports_all_the_same(folder, check, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "keras_lwm.report", raising=False)
    answer = check(folder)
    assert answer.exit_code == 0, answer.output
    assert "Clean: found no error in 4 frames." in answer.output
    assert "No picture: Drawing (keras_lwm.report) needs a package" in answer.output
    answer = check(folder, "--sheet", tmp_path / "sheet.png")
    assert answer.exit_code == 1
    assert "Error: Drawing" in answer.output and "keras_lwm[report]" in answer.output
    assert "Clean" not in answer.output


def test_what_does_not_go_together_is_refused(folder, check, tmp_path):
    for arguments, words in (
        (["nowhere"], "Expected a folder of frames or one of"),
        (["rooms/tiny", "--first-id", 1], "it takes no --first-id"),
        ([folder, "--data-dir", tmp_path], "its check takes no --data-dir"),
        ([folder, "--sheet", tmp_path / "no" / "sheet.png"], "there is no folder"),
        ([folder, "--depth-unit", 0], "above 0; received depth_unit=0.0"),
        (["rooms/huge"], "Unknown config 'huge'"),
    ):
        answer = check(*arguments)
        assert answer.exit_code and words in " ".join(answer.output.split()), answer.output
