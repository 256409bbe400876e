"""Tables: dining, coffee, side tables and desks, in the woods that cabinets have too."""

import itertools

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import TABLE
from keras_lwm.datasets.rooms.furnishing import Furnishing, Surface
from keras_lwm.datasets.rooms.seating import legs
from keras_lwm.datasets.rooms.solids import box, rod


def _rectangular(rng, width, depth, height) -> Furnishing:
    top = materials.countertop(rng) if rng.random() < 0.1 else materials.joinery(rng, 0.85)
    frame = materials.metal(rng) if rng.random() < 0.3 else top
    slab = rng.uniform(0.02, 0.045)
    solids = legs(width, depth, height - slab, rng.uniform(0.025, 0.07), TABLE, frame)
    solids.append(
        box((-width / 2, -depth / 2, height - slab), (width / 2, depth / 2, height), TABLE, top)
    )
    if rng.random() < 0.5:
        x, y, low = width / 2 - 0.07, depth / 2 - 0.07, height - slab - 0.07
        solids.append(box((-x, -y, low), (x, y, height - slab), TABLE, frame))
    free = [
        Surface(
            (-width / 2 + 0.06, width / 2 - 0.06), (-depth / 2 + 0.06, depth / 2 - 0.06), height
        )
    ]
    return Furnishing((width, depth, height), solids, free)


def _round(rng, radius, height) -> Furnishing:
    top = materials.joinery(rng, 0.85)
    stem = materials.metal(rng) if rng.random() < 0.5 else top
    solids = [
        rod((0, 0, height - 0.03), (0, 0, height), radius, TABLE, top),
        rod((0, 0, 0.02), (0, 0, height - 0.03), 0.04, TABLE, stem),
        rod((0, 0, 0.0), (0, 0, 0.03), radius * 0.55, TABLE, stem),
    ]
    half = radius * 0.65
    return Furnishing(
        (2 * radius, 2 * radius, height), solids, [Surface((-half, half), (-half, half), height)]
    )


def dining_table(rng) -> Furnishing:
    height = rng.uniform(0.71, 0.77)
    if rng.random() < 0.25:
        return _round(rng, rng.uniform(0.45, 0.6), height)
    return _rectangular(rng, rng.uniform(1.1, 1.8), rng.uniform(0.75, 0.95), height)


def coffee_table(rng) -> Furnishing:
    height = rng.uniform(0.36, 0.48)
    if rng.random() < 0.3:
        return _round(rng, rng.uniform(0.3, 0.45), height)
    return _rectangular(rng, rng.uniform(0.8, 1.2), rng.uniform(0.5, 0.65), height)


def side_table(rng) -> Furnishing:
    height = rng.uniform(0.48, 0.62)
    if rng.random() < 0.5:
        return _round(rng, rng.uniform(0.2, 0.28), height)
    return _rectangular(rng, rng.uniform(0.4, 0.5), rng.uniform(0.4, 0.5), height)


def desk(rng) -> Furnishing:
    """A table at the wall with a block of drawers at one end."""
    piece = _rectangular(
        rng, rng.uniform(1.1, 1.6), rng.uniform(0.6, 0.75), rng.uniform(0.72, 0.76)
    )
    width, depth, height = piece.size
    if rng.random() < 0.6:
        side, body = rng.choice([-1, 1]), piece.solids[4].material
        x0, x1 = sorted((side * (width / 2 - 0.09), side * (width / 2 - 0.48)))
        piece.solids.append(
            box((x0, -depth / 2 + 0.1, 0.08), (x1, depth / 2 - 0.1, height - 0.06), TABLE, body)
        )
        front, levels = depth / 2 - 0.1, np.linspace(0.1, height - 0.08, 4)
        for z0, z1 in itertools.pairwise(levels):
            piece.solids.append(
                box((x0 + 0.01, front, z0), (x1 - 0.01, front + 0.015, z1 - 0.01), TABLE, body)
            )
    return piece
