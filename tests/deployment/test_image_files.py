import numpy as np
import pytest
from PIL import Image

from keras_lwm.deployment.image_files import read_image, rgb_image

# Asymmetric, so that no rotation or mirroring of it is itself.
PICTURE = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype("uint8")
GREY = PICTURE[..., 0]
AS_RGB = np.stack([GREY] * 3, axis=-1)


def saved(tmp_path, name, picture, **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colours_of_any_mode_become_rgb(tmp_path, mode):
    few_colours = (PICTURE // 128 * 255).astype("uint8")  # which a palette and CMYK can hold
    picture = Image.fromarray(few_colours).convert(mode)
    path = saved(tmp_path, "picture.tif" if mode == "CMYK" else "picture.png", picture)
    np.testing.assert_array_equal(read_image(path), few_colours)
    np.testing.assert_array_equal(rgb_image(picture), few_colours)


def test_transparency_is_left_out(tmp_path):
    alpha = np.full((4, 6, 1), 0, "uint8")
    path = saved(tmp_path, "a.png", Image.fromarray(np.concatenate([PICTURE, alpha], axis=-1)))
    np.testing.assert_array_equal(read_image(path), PICTURE)
    grey = Image.fromarray(np.stack([GREY, alpha[..., 0]], axis=-1))
    assert grey.mode == "LA"
    np.testing.assert_array_equal(rgb_image(grey), AS_RGB)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    path = saved(tmp_path, f"deep.{suffix}", Image.fromarray(GREY.astype("uint16") * 257))
    np.testing.assert_array_equal(read_image(path), AS_RGB)


def test_grey_and_black_and_white(tmp_path):
    np.testing.assert_array_equal(rgb_image(Image.fromarray(GREY)), AS_RGB)
    bits = Image.fromarray(GREY > 100)
    np.testing.assert_array_equal(
        read_image(saved(tmp_path, "b.png", bits))[..., 1] > 0, GREY > 100
    )


# What a camera stores of the scene PICTURE, by the EXIF orientation that it notes.
ORIENTATIONS = {
    1: PICTURE,
    2: PICTURE[:, ::-1],
    3: PICTURE[::-1, ::-1],
    4: PICTURE[::-1],
    6: np.rot90(PICTURE),
    8: np.rot90(PICTURE, -1),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_image_is_turned_as_a_person_sees_it(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(ORIENTATIONS[orientation]))
    np.testing.assert_array_equal(read_image(saved(tmp_path, "e.png", stored, exif=exif)), PICTURE)


def test_arrays_of_all_forms():
    assert rgb_image(PICTURE).dtype == "uint8"
    np.testing.assert_array_equal(rgb_image(GREY), AS_RGB)
    np.testing.assert_array_equal(rgb_image(GREY[..., None]), AS_RGB)
    rgba = np.concatenate([PICTURE, GREY[..., None]], axis=-1)
    np.testing.assert_array_equal(rgb_image(rgba), PICTURE)
    for dtype in ("float64", "int64"):
        floats = rgb_image(PICTURE.astype(dtype))
        assert floats.dtype == "float32"
        np.testing.assert_array_equal(floats, PICTURE)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (PICTURE[None], r"one image, .* received an array of shape \(1, 4, 6, 3\)"),
        (PICTURE[..., :2], r"shape \(4, 6, 2\)"),
        (PICTURE[:0], "at least one pixel"),
        (PICTURE > 3, "numbers 0 to 255; received bool"),
        (PICTURE.astype("uint16") * 257, "numbers 0 to 255; received values from"),
        (PICTURE - 300.0, "received values from -"),
        (PICTURE + np.nan, "received values from nan to nan"),
    ],
)
def test_arrays_that_are_no_image_are_told(array, told):
    with pytest.raises(ValueError, match=told):
        rgb_image(array)


def test_files_that_are_no_image_are_told(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("hello")
    with pytest.raises(ValueError, match=r"text.png cannot be read as an image \(no known image"):
        read_image(text)
    whole = saved(tmp_path, "whole.jpg", Image.fromarray(PICTURE).resize((99, 80))).read_bytes()
    for suffix in ("jpg", "png"):
        path = saved(tmp_path, f"whole.{suffix}", Image.fromarray(PICTURE).resize((99, 80)))
        whole = path.read_bytes()
        (tmp_path / f"cut.{suffix}").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match=rf"cut.{suffix} cannot be read as an image \("):
            read_image(tmp_path / f"cut.{suffix}")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        read_image(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.png")


@pytest.mark.parametrize("values", [GREY.astype("float32"), GREY.astype("int32") * 2**20])
def test_values_without_a_white_are_told(tmp_path, values):
    path = saved(tmp_path, "deep.tif", Image.fromarray(values))
    with pytest.raises(ValueError, match=r"8 or 16 bits a channel; received .*deep.tif with val"):
        read_image(path)
