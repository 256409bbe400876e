"""Scale and shift by least absolute deviations, beside an oracle that tries every line."""

import itertools

import numpy as np
import pytest

from keras_lwm.made_depth import fit_scale_shift
from keras_lwm.made_depth.kinds import (
    KINDS,
    METRES,
    RELATIVE_DEPTH,
    RELATIVE_INVERSE_DEPTH,
    to_depth,
    with_median_1,
)
from keras_lwm.made_depth.scale_shift import least_absolute_line


def every_line(x, y):
    """The best line: one through two of the points is among the optimal ones."""
    lines = []
    for one, two in itertools.combinations(range(len(x)), 2):
        if x[one] != x[two]:
            scale = (y[two] - y[one]) / (x[two] - x[one])
            lines.append((scale, y[one] - scale * x[one]))
    return min(lines, key=lambda line: np.abs(line[0] * x + line[1] - y).sum())


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_no_line_has_a_smaller_sum_of_absolute_deviations(unit):
    random = np.random.default_rng(0)
    for _ in range(5):
        x = unit * random.uniform(1, 9, 25)
        y = 0.3 * x / unit + random.standard_t(2, 25)
        scale, shift = least_absolute_line(x, y)
        best = every_line(x, y)
        reached, least = (np.abs(a * x + b - y).sum() for a, b in ((scale, shift), best))
        assert reached <= least * (1 + 1e-3)


def frames_of(kind, scale, shift, frames=4, outliers=0.0, seed=0):
    """What a perfect model of this kind gives, and measured depth with holes and outliers."""
    random = np.random.default_rng(seed)
    for _ in range(frames):
        depth = random.uniform(0.8, 8, (15, 20)).astype(np.float32)
        target = 1 / depth if kind == RELATIVE_INVERSE_DEPTH else depth
        values = (target - shift) / scale
        wrong = random.random(depth.shape) < outliers
        measured = np.where(wrong, random.uniform(0.5, 80, depth.shape), depth)
        measured[random.random(depth.shape) < 0.2] = 0
        measured[0, 0] = np.nan
        yield values, measured


@pytest.mark.parametrize("kind", [RELATIVE_DEPTH, RELATIVE_INVERSE_DEPTH])
def test_a_third_of_outliers_changes_neither_scale_nor_shift(kind):
    alignment = fit_scale_shift(frames_of(kind, 0.02, 0.05, outliers=0.3), kind)
    assert (alignment.scale, alignment.shift) == pytest.approx((0.02, 0.05), rel=1e-3)
    measured = [np.sum(np.nan_to_num(depth) > 0) for _, depth in frames_of(kind, 1, 0)]
    assert (alignment.frames, alignment.pixels) == (4, sum(measured))
    assert alignment.residual < 1e-3


def test_the_residual_is_the_median_log_ratio():
    pairs = [(np.full((10, 20), 2.0), np.full((10, 20), depth)) for depth in (1.0, 2.2, 2.5)]
    alignment = fit_scale_shift(pairs, METRES)
    assert (alignment.scale, alignment.shift) == (1, 0)
    assert alignment.residual == pytest.approx(np.log(2.5 / 2.0))


def test_frames_without_measured_depth_do_not_count():
    empty = np.ones((10, 20)), np.zeros((10, 20))
    assert fit_scale_shift([], METRES) is None
    for kind in KINDS:
        assert fit_scale_shift([empty, empty], kind) is None
    alignment = fit_scale_shift([empty, *frames_of(RELATIVE_DEPTH, 2.0, 1.0)], RELATIVE_DEPTH)
    assert alignment.frames == 4


def test_what_no_scale_aligns_is_refused():
    values = np.linspace(1, 2, 200).reshape(10, 20)
    with pytest.raises(ValueError, match="100 measured pixels or more .*; received 99"):
        fit_scale_shift([(values, np.where(np.arange(200).reshape(10, 20) < 99, 1.0, 0))], KINDS[1])
    with pytest.raises(ValueError, match="gives the same number, 3, at all of the 200"):
        fit_scale_shift([(np.full((10, 20), 3.0), values)], RELATIVE_DEPTH)
    with pytest.raises(ValueError, match="relative depth has the scale -.*Is it of another kind"):
        fit_scale_shift([(1 / values, values)], RELATIVE_DEPTH)
    with pytest.raises(ValueError, match="no positive depth at any of the measured pixels"):
        fit_scale_shift([(-values, values)], METRES)


def test_depth_is_positive_or_none():
    values = np.array([-1.0, 0.0, 0.5, 2.0])
    np.testing.assert_allclose(to_depth(values, METRES), [0, 0, 0.5, 2])
    np.testing.assert_allclose(to_depth(values, RELATIVE_DEPTH, 2, 1), [0, 1, 2, 5])
    np.testing.assert_allclose(to_depth(values, RELATIVE_INVERSE_DEPTH), [0, 0, 2, 0.5])
    np.testing.assert_allclose(to_depth(values, RELATIVE_INVERSE_DEPTH, 1, 2), [1, 0.5, 0.4, 0.25])


def test_relative_depth_counts_in_the_images_median():
    depth = np.array([[0, 3.0], [6, 9]])
    np.testing.assert_allclose(with_median_1(depth, "a"), [[0, 0.5], [1, 1.5]])
    with pytest.raises(ValueError, match="no positive depth anywhere in rgb/a.png"):
        with_median_1(np.zeros((2, 2)), "rgb/a.png")
