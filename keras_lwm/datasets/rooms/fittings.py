"""What hangs on or sits in a wall, and screens.

A fitting's frame: the wall's surface at y = 0, the room towards +y, x along the wall from the
fitting's middle, z up from the floor.
"""

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import (
    CEILING,
    FURNITURE,
    OBJECTS,
    PICTURE,
    TV,
    WALL,
    WINDOW,
)
from keras_lwm.datasets.rooms.furnishing import Furnishing, Lamp
from keras_lwm.datasets.rooms.solids import box, drape, ellipsoid, rod
from keras_lwm.datasets.rooms.storage import book_row

WALL_THICKNESS = 0.14


def frame_around(x, y, z, border, class_id, material) -> list:
    """Four bars along the inner rim of the rectangle x by z, from y[0] to y[1]."""
    (x0, x1), (z0, z1) = x, z
    bars = [
        ((x0, z0), (x1, z0 + border)),
        ((x0, z1 - border), (x1, z1)),
        ((x0, z0 + border), (x0 + border, z1 - border)),
        ((x1 - border, z0 + border), (x1, z1 - border)),
    ]
    return [box((a[0], y[0], a[1]), (b[0], y[1], b[1]), class_id, material) for a, b in bars]


def picture(rng, width, height, middle) -> Furnishing:
    """A framed picture, with or without a mount."""
    x, z = (-width / 2, width / 2), (middle - height / 2, middle + height / 2)
    border = rng.uniform(0.012, 0.05)
    bar = materials.joinery(rng) if rng.random() < 0.7 else materials.metal(rng)
    solids = frame_around(x, (0.0, 0.03), z, border, PICTURE, bar)
    mount = border + (rng.uniform(0.03, 0.1) * min(width, height) * 2 if rng.random() < 0.4 else 0)
    paper = materials.one_of(rng, "f2efe8")
    solids.append(
        box(
            (x[0] + border, 0.0, z[0] + border),
            (x[1] - border, 0.012, z[1] - border),
            PICTURE,
            paper,
        )
    )
    solids.append(
        box(
            (x[0] + mount, 0.0, z[0] + mount),
            (x[1] - mount, 0.016, z[1] - mount),
            PICTURE,
            materials.artwork(rng),
            unit=True,
        )
    )
    return Furnishing((width, 0.03, z[1]), solids)


def whiteboard(rng, width, height, middle) -> Furnishing:
    """An `objects` thing that looks much like a picture or a screen."""
    x, z = (-width / 2, width / 2), (middle - height / 2, middle + height / 2)
    face = materials.one_of(rng, "f4f4f2", "b8935f", "2f4a3c", gloss=0.2)
    solids = frame_around(x, (0.0, 0.025), z, 0.02, OBJECTS, materials.metal(rng))
    solids.append(box((x[0], 0.0, z[0]), (x[1], 0.012, z[1]), OBJECTS, face))
    return Furnishing((width, 0.03, z[1]), solids)


def wall_shelf(rng, width, middle) -> Furnishing:
    """One board with books on it."""
    board = materials.joinery(rng)
    solids = [box((-width / 2, 0.0, middle), (width / 2, 0.24, middle + 0.025), FURNITURE, board)]
    span = (-width / 2 + 0.02, width / 2 * rng.uniform(0.0, 0.95))
    solids += book_row(rng, span, 0.01, 0.2, middle + 0.026, 0.28)
    return Furnishing((width, 0.24, middle + 0.32), solids)


def television(rng, width, low) -> Furnishing:
    """A flat screen, its lower rim at `low`, its back 2 cm before y = 0."""
    height, rim = width * 0.58, rng.uniform(0.008, 0.025)
    shell = materials.one_of(rng, "131315", "2a2a2c", "8a8a8c", gloss=0.4)
    x, z = (-width / 2, width / 2), (low, low + height)
    solids = frame_around(x, (0.02, 0.055), z, rim, TV, shell)
    solids.append(box((x[0], 0.02, z[0]), (x[1], 0.045, z[1]), TV, shell))
    solids.append(
        box(
            (x[0] + rim, 0.045, z[0] + rim),
            (x[1] - rim, 0.05, z[1] - rim),
            TV,
            materials.display(rng),
            unit=True,
        )
    )
    return Furnishing((width, 0.06, z[1]), solids)


def standing_screen(rng, width) -> Furnishing:
    """A television or monitor on its foot, to stand on a stand or a desk."""
    screen = television(rng, width, rng.uniform(0.05, 0.14))
    shell = screen.solids[0].material
    solids = [solid.placed((0, -0.04, 0)) for solid in screen.solids]
    solids.append(box((-width / 5, -0.1, 0), (width / 5, 0.1, 0.015), TV, shell))
    solids.append(box((-0.03, -0.035, 0.01), (0.03, -0.015, 0.25), TV, shell))
    return Furnishing((width, 0.2, screen.size[2]), solids)


def window(rng, width, low, high, brightness) -> Furnishing:
    """A recessed window: pane, bars, sill, and perhaps curtains or blinds."""
    x, z, back = (-width / 2, width / 2), (low, high), -WALL_THICKNESS
    bar = materials.one_of(rng, "f2f1ec", "e8e4da", "7a4f30", "3a3a3c", gloss=0.15)
    pane = materials.view(rng, brightness)
    solids = [box((x[0], back, low), (x[1], back + 0.02, high), WINDOW, pane, unit=True)]
    solids += frame_around(x, (back + 0.02, back + 0.07), z, 0.05, WINDOW, bar)
    for split in np.linspace(x[0], x[1], rng.integers(2, 4) if width > 0.8 else 2)[1:-1]:
        solids.append(
            box((split - 0.025, back + 0.02, low), (split + 0.025, back + 0.06, high), WINDOW, bar)
        )
    if rng.random() < 0.4:
        middle = low + (high - low) * rng.uniform(0.4, 0.7)
        solids.append(
            box((x[0], back + 0.02, middle - 0.02), (x[1], back + 0.06, middle + 0.02), WINDOW, bar)
        )
    solids.append(box((x[0] - 0.04, back, low - 0.03), (x[1] + 0.04, 0.05, low), WINDOW, bar))
    kind = rng.random()
    if kind < 0.45:
        solids += _curtains(rng, width, low, high)
    elif kind < 0.62:
        solids += _blinds(rng, width, low, high)
    return Furnishing((width, 0.12, high), solids)


def _curtains(rng, width, low, high):
    cloth = materials.fabric(rng)
    bottom = 0.04 if low < 0.3 or rng.random() < 0.4 else low - rng.uniform(0.05, 0.2)
    reach = rng.uniform(0.12, 0.3) * width
    solids = [
        rod(
            (-width / 2 - 0.15, 0.085, high + 0.08),
            (width / 2 + 0.15, 0.085, high + 0.08),
            0.012,
            WINDOW,
            materials.metal(rng),
        )
    ]
    for side in (-1, 1):
        edge = sorted((side * (width / 2 + 0.14), side * (width / 2 - reach)))
        folds = max(2, int((edge[1] - edge[0]) / 0.09))
        low_corner, high_corner = (edge[0], 0.06, bottom), (edge[1], 0.11, high + 0.07)
        solids.append(drape(low_corner, high_corner, folds, 0.05, WINDOW, cloth))
    return solids


def _blinds(rng, width, low, high):
    slat = materials.one_of(rng, "f0ede4", "cfc6b4", "8b6b4a")
    bottom = high - (high - low) * rng.uniform(0.3, 0.9)
    solids = []
    for z in np.arange(bottom, high - 0.03, 0.05):
        piece = box(
            (-width / 2 + 0.06, -0.06, z), (width / 2 - 0.06, -0.02, z + 0.004), WINDOW, slat
        )
        solids.append(piece.tilted(0.5, (0, -0.04, z)))
    return solids


def door(rng, width, high) -> Furnishing:
    """A recessed door leaf with panels and a handle; `wall`, as in NYU's 13."""
    leaf = materials.joinery(rng)
    x, back = (-width / 2, width / 2), -WALL_THICKNESS
    solids = [box((x[0], back, 0), (x[1], back + 0.04, high), WALL, leaf)]
    solids += frame_around(x, (back + 0.04, 0.015), (-0.05, high), 0.05, WALL, leaf)
    for low, top in ((0.2, 0.9), (1.05, high - 0.2)):
        solids += frame_around(
            (x[0] + 0.16, x[1] - 0.16), (back + 0.04, back + 0.05), (low, top), 0.03, WALL, leaf
        )
    knob = (x[1] - 0.13, back + 0.08, 1.0)
    solids.append(rod((knob[0], back + 0.04, 1.0), knob, 0.012, WALL, materials.metal(rng)))
    solids.append(ellipsoid(knob, (0.03, 0.02, 0.02), WALL, materials.metal(rng)))
    return Furnishing((width, 0.02, high), solids)


def ceiling_lamp(rng, height) -> Furnishing:
    """A globe on a cord, or a flat disc, under a ceiling `height` metres up."""
    shade = materials.one_of(rng, "f6f0e2", glow=rng.uniform(1.0, 1.8))
    power = np.array([1.0, 0.9, 0.74], np.float32) * rng.uniform(1.6, 3.2)
    if rng.random() < 0.5:
        drop, radius = rng.uniform(0.25, 0.55), rng.uniform(0.1, 0.17)
        cord = materials.metal(rng)
        z = height - drop
        solids = [
            rod((0, 0, z), (0, 0, height), 0.006, OBJECTS, cord),
            ellipsoid((0, 0, z), (radius, radius, 0.8 * radius), OBJECTS, shade),
        ]
        centre = np.array([0.0, 0.0, z - radius - 0.05])
    else:
        radius = rng.uniform(0.15, 0.25)
        solids = [rod((0, 0, height - 0.06), (0, 0, height), radius, CEILING, shade)]
        centre = np.array([0.0, 0.0, height - 0.12])
    return Furnishing((0.5, 0.5, height), solids, lamps=[Lamp(centre, 0.12, power)])
