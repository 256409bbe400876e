"""The renderer against ray geometry worked out by hand, pixel by pixel."""

import numpy as np
import pytest
from rooms_scenes import GREY, bare_room, box_entry

from keras_lwm.datasets.rooms.camera import FIELD_OF_VIEW, look
from keras_lwm.datasets.rooms.catalogue import BED, CHAIR, TABLE, VOID, WALL
from keras_lwm.datasets.rooms.render import render
from keras_lwm.datasets.rooms.scene import Scene
from keras_lwm.datasets.rooms.solids import box, cushion, ellipsoid, rod

HEIGHT, WIDTH = 24, 32


def view_of(solids, camera):
    room = bare_room(solids)
    return render(Scene(solids), room, camera, HEIGHT, WIDTH, np.random.default_rng(0))


def test_depth_of_a_plane_across_the_axis_is_the_same_everywhere():
    plane = box((-50, 4.0, -50), (50, 4.1, 50), WALL, GREY)
    view = view_of([plane], look((0.0, 1.0, 0.0), (0.0, 2.0, 0.0)))
    np.testing.assert_allclose(view.depth, 3.0, atol=1e-4)
    assert (view.label == WALL).all()


def test_depth_and_label_equal_a_loop_over_boxes():
    bounds = {
        WALL: ((-9.0, 6.0, -9.0), (9.0, 6.5, 9.0)),
        TABLE: ((-1.0, 2.5, -1.2), (0.4, 3.1, -0.2)),
        CHAIR: ((0.1, 1.8, -0.5), (0.6, 2.2, 0.9)),
    }
    solids = [box(low, high, class_id, GREY) for class_id, (low, high) in bounds.items()]
    position = np.array([0.2, -1.0, 0.3])
    camera = look(position, (0.0, 3.0, 0.0), roll=0.1)
    view = view_of(solids, camera)
    focal = WIDTH / 2 / np.tan(FIELD_OF_VIEW / 2)
    right, down, forward = camera.rotation.T
    for row in range(HEIGHT):
        for column in range(WIDTH):
            x, y = (column + 0.5 - WIDTH / 2) / focal, (row + 0.5 - HEIGHT / 2) / focal
            direction = x * right + y * down + forward
            entries = {c: box_entry(position, direction, *b) for c, b in bounds.items()}
            nearest = min(entries, key=entries.get)
            assert view.depth[row, column] == pytest.approx(entries[nearest], abs=1e-4)
            assert view.label[row, column] in (nearest, VOID)
    assert 0 < (view.label == VOID).mean() < 0.15


def test_only_pixels_that_see_two_classes_become_void():
    left = box((-9, 3, -9), (0.02, 3.1, 9), BED, GREY)
    right = box((0.02, 3, -9), (9, 3.1, 9), CHAIR, GREY)
    view = view_of([left, right], look((0, 0, 0), (0, 1, 0)))
    boundary = WIDTH // 2
    assert (view.label[:, : boundary - 1] == BED).all()
    assert (view.label[:, boundary + 1 :] == CHAIR).all()
    same_class = view_of(
        [left, box((0.02, 3, -9), (9, 3.1, 9), BED, GREY)], look((0, 0, 0), (0, 1, 0))
    )
    assert (same_class.label == BED).all()


def test_a_ray_that_meets_nothing_is_void_and_has_no_depth():
    view = view_of([box((-0.2, 2, -0.2), (0.2, 2.2, 0.2), BED, GREY)], look((0, 0, 0), (0, 1, 0)))
    assert view.label[0, 0] == VOID
    assert view.depth[0, 0] == 0.0
    assert np.isfinite(view.colour).all()


@pytest.mark.parametrize(
    "solid",
    [
        cushion((-0.5, 2.0, -0.3), (0.5, 2.6, 0.3), BED, GREY, 0.1),
        ellipsoid((0.0, 2.3, 0.0), (0.5, 0.3, 0.3), BED, GREY),
        rod((-0.4, 2.3, -0.2), (0.3, 2.2, 0.3), 0.2, BED, GREY),
    ],
    ids=["cushion", "ellipsoid", "rod"],
)
def test_normals_are_unit_vectors_towards_the_camera(solid):
    camera = look((0.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    directions = camera.pixel_rays(HEIGHT, WIDTH)
    hits = Scene([solid]).cast(np.zeros_like(directions), directions)
    assert hits.found.sum() > 20
    np.testing.assert_allclose(np.linalg.norm(hits.normals[hits.found], axis=1), 1.0, atol=1e-4)
    facing = np.sum(hits.normals * -directions, axis=1)[hits.found]
    assert np.median(facing) > 0.5
    assert (facing > -0.35).all()  # smoothed across facets, a normal may turn past the outline


def test_a_cushion_fills_its_box():
    low, high = np.array((-0.5, 2.0, -0.3)), np.array((0.5, 2.6, 0.3))
    corners = cushion(low, high, BED, GREY, 0.1).triangles
    assert (corners >= low - 1e-9).all() and (corners <= high + 1e-9).all()
    np.testing.assert_allclose(corners.min(axis=(0, 1)), low, atol=0.01)
    np.testing.assert_allclose(corners.max(axis=(0, 1)), high, atol=0.01)


def test_blocked_heeds_the_distance():
    scene = Scene([box((-1, 2, -1), (1, 2.5, 1), BED, GREY)])
    origins, directions = np.zeros((2, 3)), np.tile([0.0, 1.0, 0.0], (2, 1))
    np.testing.assert_array_equal(
        scene.blocked(origins, directions, np.array([1.99, 2.01])), [False, True]
    )
