"""Made depth is whole, marked, of one model, and never where measured depth lies."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_lwm.made_depth import made_by
from keras_lwm.made_depth.files import MadeFiles
from keras_lwm.rgbd_folder.made_depth import ScaleShift, read_record

MODEL = {"name": "bright.onnx", "digest": "ab12", "kind": "relative depth", "size": [6, 8]}
ALIGNMENT = ScaleShift(2.0, 0.5, 3, 1200, 0.1)


def begun(folder, relative=False, alignment=ALIGNMENT, model=MODEL):
    files = MadeFiles(folder, model)
    files.begin(relative, alignment)
    return files


def test_files_hold_thousandths_and_say_what_they_are(tmp_path):
    files = begun(tmp_path)
    depth = np.array([[0.5004, 0], [7.1, 65.5351]], np.float32)
    files.write("kitchen/a", depth)
    path = tmp_path / "made_depth" / "kitchen" / "a.png"
    with Image.open(path) as picture:
        assert picture.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(picture), [[500, 0], [7100, 65535]])
    moved = shutil.copy(path, tmp_path / "elsewhere.png")
    told = (
        "made by bright.onnx, in metres; over 3 measured frames it is off by 10.5 % at the median"
    )
    assert made_by(path) == made_by(moved) == told
    assert not any((tmp_path / "made_depth").rglob("*.partial*"))


def test_what_is_farther_than_16_bits_hold_is_none(tmp_path):
    files = begun(tmp_path)
    files.write("a", np.array([[65.536, np.inf, 3.0]]))
    with Image.open(files.path("a")) as picture:
        np.testing.assert_array_equal(np.asarray(picture), [[0, 0, 3000]])


def test_a_measured_file_says_nothing(tmp_path):
    Image.fromarray(np.ones((2, 2), np.uint16)).save(tmp_path / "a.png")
    assert made_by(tmp_path / "a.png") is None
    (tmp_path / "b.png").write_text("hello")
    with pytest.raises(ValueError, match=r"Cannot read the picture .*b\.png"):
        made_by(tmp_path / "b.png")


def test_the_record_is_read_back(tmp_path):
    assert read_record(tmp_path / "made_depth") is None
    begun(tmp_path)
    record = read_record(tmp_path / "made_depth")
    assert (dict(record.model), record.relative, record.alignment) == (MODEL, False, ALIGNMENT)
    again = MadeFiles(tmp_path, MODEL)
    assert again.record == record
    written = json.loads((tmp_path / "made_depth" / "made.json").read_text())
    assert written["unit"] == "0.001 metres"


def test_relative_files_say_so(tmp_path):
    files = begun(tmp_path, relative=True, alignment=None)
    files.write("a", np.ones((2, 2)))
    assert made_by(files.path("a")) == "made by bright.onnx, relative"
    record = read_record(tmp_path / "made_depth")
    assert record.relative and record.alignment is None
    assert record.as_dict()["unit"] == "0.001 multiples of the image's median"


@pytest.mark.parametrize("name, value", [("digest", "cd34"), ("size", None), ("kind", "metres")])
def test_another_model_or_option_is_refused(tmp_path, name, value):
    begun(tmp_path)
    with pytest.raises(
        ValueError,
        match=f"with {name}={MODEL[name]!r}; received {name}={value!r}".replace("[", r"\["),
    ):
        MadeFiles(tmp_path, {**MODEL, name: value})


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "model": 3, "alignment": null}']
)
def test_a_damaged_record_is_named(tmp_path, text):
    begun(tmp_path)
    path = tmp_path / "made_depth" / "made.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"Expected a record of made depth, version 1, in .*json"):
        read_record(tmp_path / "made_depth")
    path.unlink()
    assert read_record(tmp_path / "made_depth") is None
    (tmp_path / "made_depth" / "a.png").touch()
    with pytest.raises(ValueError, match=r"made\.json to say how the files beside it were made"):
        MadeFiles(tmp_path, MODEL)


def test_what_cannot_be_written_is_named(tmp_path):
    """A file where a folder is to be: also for root, who may write anywhere."""
    (tmp_path / "made_depth").touch()
    with pytest.raises(ValueError, match="Cannot write made depth to .*made_depth: File exists"):
        MadeFiles(tmp_path, MODEL)
    files = begun(tmp_path / "other")
    (files.folder / "room").touch()
    with pytest.raises(ValueError, match=r"Cannot write made depth to .*room.a\.png: "):
        files.write("room/a", np.ones((2, 2)))


HOLDER = """
import sys, time
from pathlib import Path
from keras_lwm.run_folder.lock import lock_folder
lock = lock_folder(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused(tmp_path):
    (tmp_path / "made_depth").mkdir()
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "made_depth")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "locked\n"
            with pytest.raises(ValueError, match="in use by process .*or make depth in another"):
                MadeFiles(tmp_path, MODEL)
        finally:
            holder.kill()
