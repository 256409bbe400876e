"""Putting one thing, or a thing with its clutter, into a room."""

from dataclasses import replace

import numpy as np

from keras_lwm.datasets.rooms import clutter, materials
from keras_lwm.datasets.rooms.catalogue import FLOOR, VOID
from keras_lwm.datasets.rooms.furnishing import Furnishing
from keras_lwm.datasets.rooms.solids import box

UNKNOWN_SHARE = 0.1  # of the clutter


def cluttered(rng, thing: Furnishing, things, density: float) -> Furnishing:
    """Clutter on every free surface, none of it touching another."""
    for surface in thing.surfaces:
        taken = []
        area = (surface.x[1] - surface.x[0]) * (surface.y[1] - surface.y[0])
        for _ in range(rng.poisson(density * min(area, 0.9) * 7.0)):
            item = things[rng.integers(len(things))](rng)
            width, depth, height = item.size
            radius = np.hypot(width, depth) / 2
            low = np.array([surface.x[0], surface.y[0]]) + radius
            high = np.array([surface.x[1], surface.y[1]]) - radius
            if height > surface.clearance or (low > high).any():
                continue
            spot = rng.uniform(low, high)
            if any(np.hypot(*(spot - other)) < radius + reach for other, reach in taken):
                continue
            taken.append((spot, radius))
            thing = thing.holding(
                named(rng, item).placed((*spot, surface.z), rng.uniform(0, 2 * np.pi))
            )
    return replace(thing, surfaces=[])


def named(rng, item: Furnishing) -> Furnishing:
    """The item, or, seldom, the item as void: one that no annotator had a name for."""
    if rng.random() >= UNKNOWN_SHARE:
        return item
    return replace(item, solids=[replace(solid, class_id=VOID) for solid in item.solids])


def at_wall(room, rng, thing, things=clutter.ON_TABLES, density=0.5, **where) -> tuple | None:
    """Places a thing at a wall, cluttered; returns (centre, quarter, s), or None."""
    place = room.layout.place_at_wall(rng, thing.size, **where)
    if place is None:
        return None
    centre, quarter, s = place
    room.add(cluttered(rng, thing, things, density), (*centre, 0.0), quarter * np.pi / 2)
    return centre, quarter, s


def beside(room, rng, thing, place, width, side, density=0.6) -> None:
    """Places a thing at the same wall, right or left of what stands at `place`."""
    layout, (_, quarter, s) = room.layout, place
    s = s + side * (width / 2 + thing.size[0] / 2 + rng.uniform(0.03, 0.1))
    centre = layout.at_wall(quarter, s, thing.size[1] / 2 + 0.03)
    if layout.take(centre, thing.size, quarter):
        full = cluttered(rng, thing, clutter.ON_TABLES, density)
        room.add(full, (*centre, 0.0), quarter * np.pi / 2)


def in_front(centre, quarter, distance) -> np.ndarray:
    """The point of the floor `distance` metres before the middle of a thing."""
    yaw = quarter * np.pi / 2
    return np.asarray(centre) + distance * np.array([-np.sin(yaw), np.cos(yaw)])


def anywhere(room, rng, thing, things=clutter.ON_TABLES, density=0.5) -> None:
    """Places a thing in the middle of the floor, cluttered, if there is room for it."""
    place = room.layout.place_free(rng, thing.size)
    if place is not None:
        centre, quarter = place
        room.add(cluttered(rng, thing, things, density), (*centre, 0.0), quarter * np.pi / 2)


def rug(room, rng, centre) -> None:
    """Lays a rug of fabric around a point; furniture may stand on it."""
    width, depth = rng.uniform(1.2, 2.2), rng.uniform(1.0, 1.6)
    low = np.clip(np.asarray(centre) - (width / 2, depth / 2), 0.05, None)
    high = np.minimum(np.asarray(centre) + (width / 2, depth / 2), np.array(room.size[:2]) - 0.05)
    if (high - low > 0.4).all():
        room.solids.append(box((*low, 0.0), (*high, 0.01), FLOOR, materials.fabric(rng, 0.35)))


def store(room, rng, count, kinds) -> None:
    """Places `count` pieces of storage furniture, each of a random kind, at walls."""
    for _ in range(count):
        at_wall(room, rng, kinds[rng.integers(len(kinds))](rng), clutter.ON_SHELVES, 0.7)


def strew(room, rng) -> None:
    """Things on the floor: beside the walls and anywhere."""
    for _ in range(rng.integers(2, 8)):
        item = clutter.ON_FLOOR[rng.integers(len(clutter.ON_FLOOR))](rng)
        place = room.layout.place_free(rng, item.size, 0.02)
        if place is not None:
            room.add(named(rng, item), (*place[0], 0.0), place[1] * np.pi / 2)
