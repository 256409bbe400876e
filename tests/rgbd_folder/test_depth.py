"""What stored numbers mean, compared with loops over pixels; and options that mean nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from keras_lwm.rgbd_folder.depth import DepthReading, unrotated

INTRINSICS = (500.0, 400.0, 1.5, 0.25)
CAMERAS = {
    "intrinsics": INTRINSICS,
    "field_of_view": 60.0,
    "focal_length": 3.0,
}
STORED = st.one_of(
    arrays.arrays(np.uint16, (2, 3)),
    arrays.arrays(np.int32, (2, 3)),
    arrays.arrays(np.float32, (2, 3), elements=st.floats(width=32)),
    arrays.arrays(np.float16, (2, 3), elements=st.floats(width=16)),
)
READINGS = st.builds(
    DepthReading,
    unit=st.floats(1e-4, 100),
    offset=st.sampled_from([0.0, -0.5, 1.25]),
    none=st.sampled_from([(), (65535,), (0.5, -1, 7), (1e9, 1e30)]),
    largest=st.sampled_from([None, 10.0]),
) | st.builds(
    lambda kind, camera, **rest: DepthReading(
        kind=kind,
        baseline=0.25 if kind == "disparity" else None,
        **{camera: CAMERAS[camera]},
        **rest,
    ),
    kind=st.sampled_from(["distance", "disparity"]),
    camera=st.sampled_from(sorted(CAMERAS)),
    unit=st.floats(1e-4, 100),
    offset=st.sampled_from([0.0, -0.5]),
)


def camera_of(reading, width, height):
    if reading.intrinsics:
        return reading.intrinsics
    focal_length = reading.focal_length
    if reading.field_of_view:
        focal_length = (width / 2) / math.tan(reading.field_of_view / 2 * math.pi / 180)
    return focal_length, focal_length, (width - 1) / 2, (height - 1) / 2


def metres_of_a_pixel(reading, stored, row, column, size):
    """One pixel, in single precision."""
    if stored == 0 or stored in reading.none or not math.isfinite(stored):
        return 0
    value = np.float32(stored) * np.float32(reading.unit) + np.float32(reading.offset)
    fx, fy, cx, cy = (
        camera_of(reading, size[1], size[0])[:4] if reading.kind != "depth" else [1] * 4
    )
    if reading.kind == "distance":
        value /= np.float32(math.hypot((column - cx) / fx, (row - cy) / fy, 1))
    if reading.kind == "disparity":
        value = np.float32(fx * reading.baseline) / value if value else np.float32(0)
    if not math.isfinite(value) or value < np.finfo(np.float32).tiny:
        return 0
    if reading.largest is not None and value > reading.largest:
        return 0
    return value


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(deadline=None, max_examples=200)
@given(READINGS, STORED)
def test_metres_are_those_of_a_loop(reading, stored):
    metres = reading.metres(without_none(stored, reading.none), "a file")
    assert (metres.shape, metres.dtype) == (stored.shape, np.float32)
    for (row, column), value in np.ndenumerate(stored):
        expected = metres_of_a_pixel(reading, value, row, column, stored.shape)
        np.testing.assert_allclose(metres[row, column], expected, rtol=3e-7)


def without_none(stored, none):
    absent = 0 if stored.dtype.kind != "f" else np.nan
    return np.array(
        [[absent if value in none else value for value in row] for row in stored], stored.dtype
    )


def test_a_unit_alone_is_one_product_in_single_precision(tmp_path):
    stored = np.random.default_rng(0).integers(0, 2**16, (50, 60)).astype(np.uint16)
    Image.fromarray(stored).save(tmp_path / "depth.png")
    metres = DepthReading(unit=0.001).read(tmp_path / "depth.png")
    expected = stored.astype(np.float32) * np.float32(0.001)
    assert metres.tobytes() == expected.tobytes()


def test_floats_are_metres_and_integers_are_refused(tmp_path):
    np.save(tmp_path / "depth.npy", np.array([[1.5, -2, np.nan], [np.inf, 0, 1e-40]]))
    metres = DepthReading().read(tmp_path / "depth.npy")
    np.testing.assert_array_equal(metres, np.array([[1.5, 0, 0], [0, 0, 0]], np.float32))
    np.save(tmp_path / "depth.npy", np.array([[1, 2]]))
    sentence = r"depth\.npy counts units of unknown length: set depth_unit to the metres per unit"
    with pytest.raises(ValueError, match=sentence):
        DepthReading().read(tmp_path / "depth.npy")
    with pytest.raises(ValueError, match="to the pixels per unit, such as depth_unit=1/256"):
        DepthReading(kind="disparity", baseline=1, focal_length=1).read(tmp_path / "depth.npy")


@pytest.mark.parametrize(
    ("dtype", "none", "expected"),
    [
        ("uint16", (65535, 7), [[0, 0, 3], [0, 0, 9]]),
        ("uint16", (7.5, -1, 1e6), [[0, 7, 3], [65535, 7, 9]]),
        ("int64", (-1, 7), [[0, 0, 3], [65535, 0, 9]]),
        ("float32", (65535, 7), [[0, np.nan, 3], [np.nan, np.nan, 9]]),
        ("uint8", (255,), [[0, 7, 3], [0, 7, 9]]),
    ],
)
def test_numbers_keep_their_dtype_and_lose_what_means_none(dtype, none, expected, tmp_path):
    values = np.array([[0, 7, 3], [65535, 7, 9]]).astype(dtype)
    np.save(tmp_path / "depth.npy", values)
    numbers = DepthReading(none=none).numbers(tmp_path / "depth.npy")
    assert numbers.dtype == dtype
    np.testing.assert_array_equal(numbers, np.array(expected, dtype))
    np.testing.assert_array_equal(DepthReading().numbers(tmp_path / "depth.npy"), values)


def test_a_number_that_means_none_is_rounded_as_the_file_rounds_it(tmp_path):
    np.save(tmp_path / "depth.npy", np.array([[0.1, 0.2]], np.float32))
    assert DepthReading(none=[0.1]).read(tmp_path / "depth.npy").tolist() == [[0, np.float32(0.2)]]


def test_a_stored_zero_is_never_measured():
    metres = DepthReading(unit=0.5, offset=3).metres(np.array([[0, 2]]), "a file")
    assert metres.tolist() == [[0, 4]]


def test_every_rotated_number():
    stored = np.arange(2**16, dtype=np.uint16)
    expected = [int((bits := f"{value:016b}")[-3:] + bits[:-3], 2) for value in range(2**16)]
    np.testing.assert_array_equal(unrotated(stored), expected)


def test_rotated_files(tmp_path):
    path = tmp_path / "depth.png"
    Image.fromarray(np.array([[8000, 16, 1]], np.uint16)).save(path)
    assert DepthReading(rotated=True).numbers(path).tolist() == [[1000, 2, 8192]]
    reading = DepthReading(unit=0.001, rotated=True, none=(2,), largest=8)
    assert reading.read(path).tolist() == [[1, 0, 0]]
    for values in (np.array([[0.5]]), np.array([[70000]]), np.array([[-1]])):
        np.save(tmp_path / "depth.npy", values)
        with pytest.raises(ValueError, match=r"^Expected 16-bit numbers in .*depth\.npy, for"):
            reading.read(tmp_path / "depth.npy")


def test_a_ball_around_the_camera_and_the_wall_behind_it():
    """A wall at z = 2 has distances that grow to the sides; reading them gives the wall."""
    reading = DepthReading(kind="distance", intrinsics=(3.0, 4.0, 2.0, 1.0))
    distances = [[2 * math.hypot((u - 2) / 3, (v - 1) / 4, 1) for u in range(6)] for v in range(4)]
    assert distances[1][2] == 2 and max(map(max, distances)) > 2.5
    np.testing.assert_allclose(reading.metres(np.array(distances), "a file"), 2, rtol=1e-6)


def test_the_camera_of_hypersim():
    """60 degrees over 1024 pixels: a focal length of 886.81, as its authors publish it."""
    rays = DepthReading(kind="distance", field_of_view=60)
    same = DepthReading(kind="distance", intrinsics=(886.81, 886.81, 511.5, 383.5))
    ones = np.ones((768, 1024), np.float16)
    np.testing.assert_allclose(rays.metres(ones, ""), same.metres(ones, ""), rtol=1e-6)


def test_the_disparity_of_cityscapes():
    stored = np.array([[0, 1, 2, 257, 65535]], np.uint16)
    reading = DepthReading(
        unit=1 / 256, offset=-1 / 256, kind="disparity", focal_length=2262.52, baseline=0.209313
    )
    expected = [0, 0, *(2262.52 * 0.209313 * 256 / (v - 1) for v in (2, 257, 65535))]
    np.testing.assert_allclose(reading.metres(stored, "a file")[0], expected, rtol=3e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": 0}, "depth_unit above 0; received depth_unit=0"),
        ({"unit": math.nan}, "depth_unit to be a finite number; received depth_unit=nan"),
        ({"unit": "mm"}, "depth_unit"),
        ({"offset": math.inf}, "depth_offset"),
        ({"none": 5}, "depth_none to be several numbers; received depth_none=5"),
        ({"none": "0"}, "depth_none"),
        ({"none": [1, None]}, r"depth_none\[1\]"),
        ({"largest": -3}, "depth_max above 0"),
        ({"kind": "height"}, "depth_kind to be one of 'depth', .*; received depth_kind='height'"),
        ({"rotated": 1}, "depth_rotated"),
        ({"intrinsics": (1, 2, 3)}, r"depth_intrinsics to be \(fx, fy, cx, cy\) in pixels"),
        ({"intrinsics": (0, 2, 3, 4)}, "depth_intrinsics"),
        ({"intrinsics": (1, 2, 3, math.nan)}, "depth_intrinsics"),
        ({"intrinsics": 5}, "depth_intrinsics"),
        ({"kind": "distance", "field_of_view": 180}, "field_of_view in degrees, below 180"),
        ({"kind": "distance", "focal_length": 0}, "focal_length above 0"),
        ({"kind": "distance"}, "needs one of depth_intrinsics, field_of_view, .*received none"),
        (
            {"kind": "distance", "focal_length": 5, "field_of_view": 60},
            "needs one of .*; received field_of_view and focal_length",
        ),
        ({"kind": "disparity", "focal_length": 5}, "needs the baseline"),
        ({"kind": "disparity", "baseline": 5}, "depth_kind='disparity' needs one of"),
        ({"kind": "disparity", "baseline": -5, "focal_length": 5}, "baseline above 0"),
        ({"baseline": 0.1}, "baseline is for depth_kind='disparity'; received depth_kind='depth'"),
        ({"field_of_view": 60}, "field_of_view is not for depth_kind='depth'"),
        ({"focal_length": 60}, "focal_length is not for depth_kind='depth'"),
        ({"key": ""}, "depth_key"),
        ({"key": 3}, "depth_key"),
    ],
)
def test_options_that_mean_nothing(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        DepthReading(**options)
    assert "\n" not in str(caught.value)


def test_the_key_goes_to_the_file(tmp_path):
    np.savez(tmp_path / "depth.npz", near=np.ones((2, 2)), far=np.full((2, 2), 9.0))
    assert (DepthReading(key="far").read(tmp_path / "depth.npz") == 9).all()
