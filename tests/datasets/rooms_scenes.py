"""Small scenes whose every depth is known, for the tests of the rooms' renderer."""

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.room import Room
from keras_lwm.datasets.rooms.shell import Layout

GREY = materials.Material("plain", np.full((1, 3), 0.5, np.float32))


def bare_room(solids, width=20.0, length=20.0, height=20.0) -> Room:
    """A room with nothing in it but these solids, lit from everywhere."""
    return Room(Layout(width, length, height), np.full(3, 0.5), solids=solids)


def box_entry(origin, direction, low, high):
    """Where a ray meets an upright box, in lengths of its direction; inf if it does not."""
    nearest, farthest = 0.0, np.inf
    for axis in range(3):
        if direction[axis] == 0.0:
            if not low[axis] <= origin[axis] <= high[axis]:
                return np.inf
            continue
        ends = sorted((bound[axis] - origin[axis]) / direction[axis] for bound in (low, high))
        nearest, farthest = max(nearest, ends[0]), min(farthest, ends[1])
    return nearest if nearest <= farthest else np.inf
