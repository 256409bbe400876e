"""The depth sensor: where it is blind, and how its error grows."""

import numpy as np

from keras_lwm.datasets.rooms import capture

SHAPE = (60, 80)


def measured(depth, incidence=1.0, specular=False, seed=0):
    return capture.measure(
        depth,
        np.full(depth.shape, incidence),
        np.full(depth.shape, specular),
        np.random.default_rng(seed),
    )


def test_a_plane_is_measured_almost_everywhere_and_almost_rightly():
    depth = measured(np.full(SHAPE, 2.0))
    assert depth.dtype == np.float32
    assert (depth == 0).mean() < 0.01
    np.testing.assert_allclose(depth[depth > 0], 2.0, atol=0.06)


def test_noise_grows_with_the_square_of_the_distance():
    spread = {}
    for metres in (1.0, 2.0, 4.0):
        depth = measured(np.full((200, 200), metres))
        spread[metres] = depth[depth > 0].std()
    assert 3.0 < spread[2.0] / spread[1.0] < 5.0
    assert 3.0 < spread[4.0] / spread[2.0] < 5.0


def test_readings_are_whole_steps_of_disparity():
    depth = measured(np.linspace(0.6, 7.5, SHAPE[0] * SHAPE[1]).reshape(SHAPE))
    steps = capture.BASELINE_FOCAL / depth[depth > 0] / capture.DISPARITY_STEP
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def test_nothing_is_measured_out_of_range():
    depth = np.full(SHAPE, 2.0)
    depth[:20], depth[40:] = capture.NEAREST - 0.1, capture.FARTHEST + 0.3
    result = measured(depth)
    assert (result[:20] == 0).all() and (result[40:] == 0).all()
    assert (result[22:38] > 0).mean() > 0.98
    assert result.max() <= capture.FARTHEST


def test_holes_lie_at_edges_and_not_within_surfaces():
    depth = np.full(SHAPE, 3.0)
    depth[20:40, 30:50] = 1.0
    lost = measured(depth) == 0
    edges = capture.at_edges(depth)
    assert lost[edges].mean() > 0.4
    assert lost[24:36, 34:46].mean() < 0.03
    assert lost[:15].mean() < 0.03


def test_the_shadow_of_a_near_thing_is_as_wide_as_its_parallax():
    width, near, far = 320, 1.0, 3.0
    depth = np.full((4, width), far)
    depth[:, 150:200] = near
    shadow = capture.shadowed(depth)
    focal = width / 2 / np.tan(np.deg2rad(30.0))
    parallax = capture.BASELINE * focal * (1 / near - 1 / far)
    np.testing.assert_allclose(shadow.sum(axis=1), parallax, atol=1.0)
    columns = np.flatnonzero(shadow[0])
    assert columns.max() == 149 and (np.diff(columns) == 1).all()


def test_shadow_equals_a_loop_over_pixels():
    rng = np.random.default_rng(3)
    depth = rng.uniform(0.6, 5.0, (5, 40))
    shift = capture.BASELINE * depth.shape[1] / 2 / np.tan(np.deg2rad(30.0)) / depth
    expected = np.zeros(depth.shape, bool)
    for row in range(5):
        for here in range(40):
            expected[row, here] = any(
                here - shift[row, here] > other - shift[row, other] + 0.5
                for other in range(here + 1, 40)
            )
    np.testing.assert_array_equal(capture.shadowed(depth), expected)


def test_glass_and_grazing_surfaces_are_lost_in_part():
    plane = np.full(SHAPE, 2.0)
    assert (measured(plane, specular=True) == 0).mean() > 0.3
    assert (measured(plane, incidence=0.02) == 0).all()
    assert (measured(plane, incidence=0.5) == 0).mean() < 0.01
