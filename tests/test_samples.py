"""Questions about inputs: which values are refused, and in what words."""

import numpy as np
import pytest

from keras_lwm.samples import (
    check_depth_unit,
    check_image_range,
    check_label,
    median_depth,
    typical_depth,
)
from keras_lwm.void import check_num_classes, label_dtype, void_id


@pytest.mark.parametrize(
    ("minimum", "maximum"), [(0, 255), (0, 1.01), (-0.4, 255.4), (0, 0), (40, 41)]
)
def test_images_that_may_be_0_to_255_pass(minimum, maximum):
    check_image_range(minimum, maximum, "frame 3")


@pytest.mark.parametrize(
    ("minimum", "maximum", "words"),
    [
        (0, 1, "from 0 to 1"),
        (0.25, 0.875, "from 0.25 to 0.875"),
        (-1, 1, "from -1 to 1"),
        (-2.12, 2.64, "from -2.12 to 2.64"),
        (-124, 151, "from -124 to 151"),
        (0, 65535, r"from 0 to 6\.554e\+04"),
    ],
)
def test_images_of_another_range_are_refused(minimum, maximum, words):
    message = f"^Expected image values from 0 to 255 in frame 3; received values {words}\\.$"
    with pytest.raises(ValueError, match=message):
        check_image_range(minimum, maximum, "frame 3")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_images_that_are_not_finite_are_refused(value):
    image = np.array([3.0, value, 200.0])
    with pytest.raises(ValueError, match="^Expected finite image values .* in frame 3; received"):
        check_image_range(image.min(), image.max(), "frame 3")


def test_depth_in_metres_passes():
    for median in (0.1, 2.5, 80.0):
        check_depth_unit(median, "Frame 3")


@pytest.mark.parametrize(
    ("median", "options", "words"),
    [
        (2500, {}, r"2\.5e\+03 m, which looks like millimetres: divide it by 1000, or set"),
        (250, {}, "250 m, which looks like centimetres: divide it by 100, or set"),
        (0.02, {}, r"0\.02 m, which looks normalised or like kilometres: convert it to metres, or"),
        (2500, {"depth_unit": 1}, "with depth_unit=1, .* millimetres: set depth_unit=0.001, or"),
        (250, {"depth_unit": 0.1}, "with depth_unit=0.1, .* centimetres: set depth_unit=0.001, or"),
        (0.02, {"depth_unit": 1}, "looks too small: set a larger depth_unit, or set"),
        (250, {"hint": "allow=1"}, "or set allow=1 if it is right"),
    ],
)
def test_depth_that_looks_like_another_unit_is_questioned(median, options, words):
    with pytest.raises(ValueError, match=f"^Frame 3 has a median depth of .*{words}") as caught:
        check_depth_unit(median, "Frame 3", **options)
    hint = options.get("hint", "unusual_depth=True")
    assert str(caught.value).endswith(f"or set {hint} if it is right; expected 0.1 to 80 m.")


def test_a_median_is_of_the_measured_pixels():
    assert median_depth(np.array([[0, -1, np.nan, np.inf, 2, 3, 4]])) == 3
    assert median_depth(np.array([0.0, np.nan])) is None


def test_the_typical_depth_is_the_middle_frame_s_of_up_to_16_evenly_spread():
    asked = []

    def read(index):
        asked.append(index)
        return np.full((2, 3, 1), 100.0 - index)

    assert typical_depth(read, 31) == (100.0 - 14, 14)
    assert asked == list(range(0, 31, 2))
    assert typical_depth(read, 2) == (100.0, 0)
    assert typical_depth(lambda index: np.zeros(3), 5) is None
    assert typical_depth(read, 0) is None


@pytest.mark.parametrize("num_classes", [2, 255, 256, 300, 65535])
def test_labels_hold_every_class_and_void_and_nothing_else(num_classes):
    dtype, void = label_dtype(num_classes), void_id(num_classes)
    assert num_classes - 1 < void <= np.iinfo(dtype).max
    label = np.array([[0, num_classes - 1, void]], dtype)
    np.testing.assert_array_equal(label.astype("int64")[0], [0, num_classes - 1, void])
    check_label(label, num_classes, "a")
    for outside in {num_classes, void + 1, -1} - {void}:
        message = f"a holds the label id {outside} .* 0 to {num_classes - 1}, or {void} for void"
        with pytest.raises(ValueError, match=message):
            check_label(np.array([[0, outside]]), num_classes, "a")


def test_the_number_of_classes_has_bounds():
    for num_classes in (-1, 0, 1, 65536):
        message = f"^Expected 2 to 65535 classes; received num_classes={num_classes}\\.$"
        with pytest.raises(ValueError, match=message):
            check_num_classes(num_classes)
    with pytest.raises(ValueError, match=r"^Expected 2 .* classes in a/classes\.txt; found 1\.$"):
        check_num_classes(1, "a/classes.txt")


def test_another_statistic_than_the_median_is_named():
    with pytest.raises(ValueError, match="^Frame 3 has a mean depth of 250 m, which looks like"):
        check_depth_unit(250, "Frame 3", statistic="mean")
