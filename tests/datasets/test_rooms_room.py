"""Rooms: everything within the walls, nothing in two places, every class somewhere."""

import numpy as np
import pytest

from keras_lwm.datasets.rooms.catalogue import (
    CEILING,
    CLASS_NAMES,
    FLOOR,
    PALETTE,
    VOID,
    WALL,
    WINDOW,
)
from keras_lwm.datasets.rooms.fittings import WALL_THICKNESS
from keras_lwm.datasets.rooms.room import make_room
from keras_lwm.datasets.rooms.shell import Layout


@pytest.fixture(scope="module")
def rooms():
    return [make_room(np.random.default_rng(seed)) for seed in range(12)]


def bounds(solid):
    return solid.triangles.min(axis=(0, 1)), solid.triangles.max(axis=(0, 1))


def test_thirteen_classes_with_a_colour_each():
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)  # NYU's 13 are in the order of the alphabet
    assert len(CLASS_NAMES) == 13 == len(set(PALETTE))


def test_furniture_stays_within_the_walls(rooms):
    for room in rooms:
        size = np.array(room.size)
        for solid in room.solids:
            low, high = bounds(solid)
            # Windows and doors are let into the walls; nothing reaches through them.
            shell = solid.class_id in (CEILING, FLOOR, WALL, WINDOW)
            slack = 1e-6 + (WALL_THICKNESS if shell else 0.0)
            assert (low > -slack).all() and (high < size + slack).all()


def test_no_two_things_take_the_same_space(rooms):
    for room in rooms:
        taken = room.layout.taken
        assert len(taken) > 5
        for i, (a0, a1, b0, b1, c0, c1) in enumerate(taken):
            for d0, d1, e0, e1, f0, f1 in taken[:i]:
                apart = a0 >= e0 or d0 >= b0 or a1 >= e1 or d1 >= b1 or c0 >= f1 or f0 >= c1
                assert apart


def test_every_class_appears(rooms):
    seen = {solid.class_id for room in rooms for solid in room.solids}
    assert set(range(len(CLASS_NAMES))) <= seen <= {*range(len(CLASS_NAMES)), VOID}


def test_the_same_seed_builds_the_same_room():
    one, other = (make_room(np.random.default_rng(5)) for _ in range(2))
    assert len(one.solids) == len(other.solids)
    for a, b in zip(one.solids, other.solids, strict=True):
        np.testing.assert_array_equal(a.triangles, b.triangles)
        assert a.class_id == b.class_id


def test_walls_follow_each_other_around_the_room():
    layout = Layout(3.0, 5.0, 2.5)
    corners = [layout.at_wall(wall, 0.0, 0.0) for wall in range(4)]
    assert corners == [(0.0, 0.0), (3.0, 0.0), (3.0, 5.0), (0.0, 5.0)]
    for wall in range(4):
        end = layout.at_wall(wall, layout.wall_length(wall), 0.0)
        np.testing.assert_allclose(end, corners[(wall + 1) % 4], atol=1e-9)


def test_a_taken_place_is_not_given_again():
    layout = Layout(3.0, 3.0, 2.5)
    assert layout.take((1.5, 1.5), (1.0, 1.0, 0.7), 0)
    assert not layout.take((1.9, 1.9), (1.0, 1.0, 0.7), 0)
    assert layout.take((1.5, 1.5), (1.0, 1.0, 0.5), 0, base=0.8)  # above it
    assert not layout.take((0.2, 1.5), (1.0, 0.3, 0.7), 0)  # through the wall
    assert len(layout.taken) == 2
