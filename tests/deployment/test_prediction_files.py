from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_lwm.deployment.prediction_files import (
    coloured_mask,
    is_prediction,
    overlay,
    write_png,
    write_predictions,
)
from keras_lwm.description import Description
from keras_lwm.large_images.memory import ImageTooLargeError

PALETTE = ((0, 0, 0), (200, 100, 50), (255, 255, 255))
CLASS_IDS = np.array([[0, 1, 2], [2, 2, 1]], "uint8")
IMAGE = np.random.default_rng(0).integers(0, 256, (2, 3, 3)).astype("uint8")


class EqualRed:
    """A predictor that sees class 1 where an image is bright red."""

    description = Description(("dark, or", "red", "unseen"), PALETTE)

    def __call__(self, image):
        return (image[..., 0] > 100).astype("uint8")


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(IMAGE).save(folder / "one.png")
    Image.fromarray(IMAGE[:, :2]).save(folder / "sub" / "one.png")
    (folder / "broken.png").write_text("hello")
    return {
        folder / "one.png": Path("one"),
        folder / "broken.png": Path("broken"),
        folder / "sub" / "one.png": Path("sub/one"),
    }


def test_a_mask_holds_ids_and_shows_colours(tmp_path):
    write_png(tmp_path / "mask.png", coloured_mask(CLASS_IDS, PALETTE))
    with Image.open(tmp_path / "mask.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), CLASS_IDS)
        np.testing.assert_array_equal(np.asarray(mask.convert("RGB")), np.array(PALETTE)[CLASS_IDS])


def test_a_class_without_a_colour_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1, one a colour; received ids from 0 to 2"):
        coloured_mask(CLASS_IDS, PALETTE[:2])


@pytest.mark.parametrize("opacity", [0, 0.25, 1])
def test_an_overlay_mixes_image_and_colours(opacity):
    expected = (1 - opacity) * IMAGE + opacity * np.array(PALETTE)[CLASS_IDS]
    mixed = overlay(IMAGE, CLASS_IDS, PALETTE, opacity)
    np.testing.assert_allclose(np.asarray(mixed), expected, atol=0.5)


def test_every_image_gets_its_pictures_and_a_broken_one_is_reported(images, tmp_path):
    out = tmp_path / "out"
    done = dict(write_predictions(EqualRed(), images, out))
    broken = tmp_path / "images" / "broken.png"
    assert done.pop(broken) == f"{broken} cannot be read as an image (no known image format)."
    assert list(done.values()) == [None, None]
    written = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    kinds = ("ids", "mask", "overlay")
    expected = {f"{place}_{kind}.png" for place in ("one", "sub/one") for kind in kinds}
    assert written == expected | {"classes.csv"}
    with Image.open(out / "sub" / "one_ids.png") as ids:
        assert ids.mode == "L"
        np.testing.assert_array_equal(np.asarray(ids), IMAGE[:, :2, 0] > 100)
    assert (out / "classes.csv").read_text() == (
        'id,name,red,green,blue\n0,"dark, or",0,0,0\n1,red,200,100,50\n2,unseen,255,255,255\n'
    )


def test_only_what_is_asked_for_is_written(images, tmp_path):
    list(write_predictions(EqualRed(), images, tmp_path / "out", ["mask"]))
    written = sorted(path.name for path in (tmp_path / "out").rglob("*.png"))
    assert written == ["one_mask.png", "one_mask.png"]


def test_an_image_too_large_for_the_memory_is_reported_and_the_others_are_done(images, tmp_path):
    class Little(EqualRed):
        def __call__(self, image):
            if image.shape[1] > 2:
                raise ImageTooLargeError("Expected more.")
            return super().__call__(image)

    done = dict(write_predictions(Little(), images, tmp_path / "out", ["mask"]))
    one = tmp_path / "images" / "one.png"
    assert done[one] == f"{one} is too large. Expected more."
    assert done[one.parent / "sub" / "one.png"] is None
    assert (tmp_path / "out" / "sub" / "one_mask.png").exists()


def test_predictions_are_known_by_name_and_place():
    assert is_prediction("out/a/one_mask.png", "out")
    assert not is_prediction("out/a/one.png", "out")
    assert not is_prediction("elsewhere/one_mask.png", "out")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(ValueError, match="folder for the predictions; received the file .*out"):
        next(write_predictions(EqualRed(), {}, tmp_path / "out"))
