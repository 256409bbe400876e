"""`keras-lwm predict`: what it writes, what it says, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from evaluation import oracle
from PIL import Image

import keras_lwm_cli
from keras_lwm.description import Description
from keras_lwm.run_folder.models import save_model
from keras_lwm_cli import main

PALETTE = [(1, 2, 3), (40, 50, 60), (200, 0, 0), (0, 0, 250)]
DESCRIPTION = Description(["wall", "floor", "chair", "lamp"], PALETTE)
IMAGE = np.random.default_rng(0).integers(0, 256, (9, 13, 3)).astype("uint8")
CLASS_IDS = oracle.logits_of(IMAGE).argmax(axis=-1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_model(oracle.network(depth=True), folder / "best.keras", {}, DESCRIPTION)
    return folder


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(IMAGE).save(folder / "one.png")
    Image.fromarray(IMAGE[:7, :5]).save(folder / "sub" / "two.png")
    return folder


def predict(*arguments):
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def ids_of(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_folders_are_predicted_into_pictures(run, photos, tmp_path):
    out = tmp_path / "out"
    answer = predict(run, photos, "--out", out)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == f"2 of 2 images in {out}: ids, mask, overlay\n"
    np.testing.assert_array_equal(ids_of(out / "one_ids.png"), CLASS_IDS)
    np.testing.assert_array_equal(ids_of(out / "one_mask.png"), CLASS_IDS)
    expected = oracle.logits_of(IMAGE[:7, :5]).argmax(axis=-1)
    np.testing.assert_array_equal(ids_of(out / "sub" / "two_ids.png"), expected)
    colours = np.array(PALETTE)[CLASS_IDS]
    np.testing.assert_allclose(ids_of(out / "one_overlay.png"), (IMAGE + colours) / 2, atol=0.5)
    assert "2,chair,200,0,0" in (out / "classes.csv").read_text()


def test_a_broken_image_is_told_and_the_others_are_done(run, photos, tmp_path):
    (photos / "broken.jpg").write_text("hello")
    answer = predict(run, photos / "*.*", "--out", tmp_path / "out", "--only", "ids")
    assert answer.exit_code == 1
    broken = f"Error: {photos / 'broken.jpg'} cannot be read as an image (no known image format)."
    assert broken in answer.stderr
    assert answer.stdout == f"1 of 2 images in {tmp_path / 'out'}: ids\n"
    assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["one_ids.png"]


def test_what_was_written_among_the_images_is_no_image_the_next_time(run, photos):
    for _ in range(2):
        answer = predict(run, photos, "--out", photos, "--only", "mask", "--only", "ids")
        assert answer.stdout == f"2 of 2 images in {photos}: mask, ids\n"


def test_what_cannot_be_used_is_told_before_anything_is_written(run, photos, tmp_path):
    for arguments, told in (
        ([tmp_path / "none", photos], f"there is nothing at {tmp_path / 'none'}."),
        (
            [run, tmp_path / "none"],
            f"no image or video, folder or pattern of images or videos {tmp_path / 'none'}.",
        ),
        ([run, photos / "*.gif"], "found none"),
    ):
        answer = predict(*arguments, "--out", tmp_path / "out")
        assert answer.exit_code == 1
        assert answer.stderr.startswith("Error: ") and told in answer.stderr
        assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert predict(run, photos).exit_code == 2
    assert predict(run, photos, "--out", photos / "one.png").exit_code == 2


def test_the_backend_asked_for_is_used(run, photos, tmp_path):
    import keras

    backend = keras.backend.backend()
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    importable = [str(Path(keras_lwm_cli.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "keras_lwm_cli", "predict", run, photos / "one.png"]
    subprocess.run(
        [*command, "--out", tmp_path / "out", "--backend", backend],
        env={**environment, "PYTHONPATH": os.pathsep.join(importable)},
        check=True,
    )
    np.testing.assert_array_equal(ids_of(tmp_path / "out" / "one_ids.png"), CLASS_IDS)
