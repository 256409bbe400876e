"""The page of a run in a browser: nothing fails, every slider moves, nothing is asked of a network.

The browser is Chromium, out of the package PyQt6-WebEngine.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import NAMES, TEST_FRAMES

from keras_lwm.report.page import write_page


def in_a_browser(page, folder):
    answer = folder / "answer.json"
    command = [sys.executable, Path(__file__).with_name("browser.py"), page, answer]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(answer.read_text())


@pytest.fixture(scope="module")
def told(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    return in_a_browser(write_page(folder / "report.html", [trained.path]), folder)


def test_nothing_fails_and_nothing_is_asked_of_a_network(told):
    assert told["console"] == [] and told["outside"] == []


def test_it_fits_a_phone_and_a_wide_screen(told):
    for width, laid_out in told["sizes"].items():
        assert laid_out["width"] <= int(width)
        assert laid_out["charts"] > 15 and laid_out["empty"] == 0
        assert laid_out["links"] >= 7 and laid_out["images"] == 0 and laid_out["font"] >= 12


def test_light_and_dark_colour_everything_plots_as_well(told):
    light, dark = (told["colours"][theme] for theme in ("light", "dark"))
    for colours in (light, dark):
        assert colours["plot"] == colours["ink"] != colours["ground"]
    assert light["ground"] != dark["ground"] and light["ink"] == "rgb(27, 31, 36)"


def test_every_slider_moves_by_the_keyboard(told, trained):
    of_all, *of_frames = told["sliders"]
    assert of_all == ["image", "0", "label", "1"]
    assert of_frames == [["label", "1", "prediction", "2"]] * len(trained.chosen)


def test_all_frames_can_be_set_at_once(told, trained):
    assert told["shown"] == [["prediction"]] * len(trained.chosen)


def test_pointing_at_a_frame_names_label_and_prediction(told, trained):
    _, label, _ = TEST_FRAMES[trained.chosen[0]["index"]]
    height, width = label.shape
    for lines, (across, down) in zip(told["pointed"], ((0.25, 0.25), (0.9, 0.6)), strict=True):
        class_id = label[int(down * height), int(across * width)]
        name = "void" if class_id == 255 else NAMES[class_id]
        assert lines[0] == f"label: {name}" and lines[1].startswith("prediction: ")


def test_several_runs_and_a_run_without_pictures_fail_nowhere(trained, tmp_path):
    young = tmp_path / "young"
    young.mkdir()
    for name in ("options.json", "history.csv"):
        (young / name).write_bytes((trained.path / name).read_bytes())
    page = write_page(tmp_path / "two.html", [young, trained.path])
    told = in_a_browser(page, tmp_path)
    assert told["console"] == [] and all(size["empty"] == 0 for size in told["sizes"].values())
