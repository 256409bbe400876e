"""Small things that stand about, on tables, shelves, seats and the floor.

Each is `thing(rng) -> Furnishing`, standing at z = 0.
"""

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import OBJECTS
from keras_lwm.datasets.rooms.furnishing import Furnishing, Lamp
from keras_lwm.datasets.rooms.solids import box, cushion, ellipsoid, rod, turned
from keras_lwm.datasets.rooms.storage import book_stack, standing_books


def bottle(rng) -> Furnishing:
    radius, height = rng.uniform(0.03, 0.045), rng.uniform(0.2, 0.34)
    profile = [
        (0, 0),
        (radius, 0),
        (radius, 0.62 * height),
        (0.012, 0.78 * height),
        (0.012, height),
        (0, height),
    ]
    return Furnishing(
        (2 * radius, 2 * radius, height),
        [turned(profile, (0, 0, 0), OBJECTS, materials.bright(rng))],
    )


def cup(rng) -> Furnishing:
    radius, height = rng.uniform(0.035, 0.05), rng.uniform(0.08, 0.13)
    skin = materials.bright(rng)
    solids = [rod((0, 0, 0), (0, 0, height), radius, OBJECTS, skin)]
    solids.append(
        rod((radius, 0, height * 0.3), (radius + 0.03, 0, height * 0.5), 0.008, OBJECTS, skin)
    )
    return Furnishing((2 * radius + 0.07, 2 * radius, height), solids)


def bowl(rng) -> Furnishing:
    radius = rng.uniform(0.09, 0.16)
    profile = [
        (0, 0),
        (radius * 0.4, 0),
        (radius, radius * 0.6),
        (radius * 0.93, radius * 0.6),
        (radius * 0.35, 0.015),
        (0, 0.015),
    ]
    solids = [turned(profile, (0, 0, 0), OBJECTS, materials.bright(rng))]
    for _ in range(rng.integers(0, 4)):
        spot = rng.uniform(-0.4, 0.4, 2) * radius
        solids.append(
            ellipsoid((*spot, radius * 0.5), (0.035,) * 3, OBJECTS, materials.bright(rng))
        )
    return Furnishing((2 * radius, 2 * radius, radius), solids)


def carton(rng) -> Furnishing:
    width, depth, height = rng.uniform(0.1, 0.36), rng.uniform(0.08, 0.26), rng.uniform(0.06, 0.3)
    skin = materials.bright(rng)
    if rng.random() < 0.4:
        skin = materials.one_of(rng, "b08d5f")
    printed = rng.random() < 0.35
    if printed:
        skin = materials.artwork(rng)
    low, high = (-width / 2, -depth / 2, 0), (width / 2, depth / 2, height)
    return Furnishing((width, depth, height), [box(low, high, OBJECTS, skin, unit=printed)])


def vase(rng) -> Furnishing:
    """With a few thin stalks, each with its blossom."""
    radius, height = rng.uniform(0.05, 0.09), rng.uniform(0.15, 0.28)
    profile = [
        (0, 0),
        (0.6 * radius, 0),
        (radius, 0.45 * height),
        (0.4 * radius, 0.85 * height),
        (0.6 * radius, height),
        (0, 0.95 * height),
    ]
    solids = [turned(profile, (0, 0, 0), OBJECTS, materials.bright(rng))]
    leaf = materials.one_of(rng, "3f6b35")
    top = height + rng.uniform(0.1, 0.22)
    petals = materials.bright(rng)
    for angle in rng.uniform(0, 2 * np.pi, rng.integers(0, 6)):
        tip = (0.09 * np.cos(angle), 0.09 * np.sin(angle), top * rng.uniform(0.85, 1.0))
        solids.append(rod((0, 0, 0.8 * height), tip, 0.004, OBJECTS, leaf))
        solids.append(ellipsoid(tip, (0.03, 0.03, 0.025), OBJECTS, petals))
    return Furnishing((0.24, 0.24, top + 0.03), solids)


def table_lamp(rng) -> Furnishing:
    height, radius = rng.uniform(0.38, 0.55), rng.uniform(0.11, 0.17)
    return _lamp(rng, height, radius, 0.07)


def floor_lamp(rng) -> Furnishing:
    """Stands on the floor: a thin pole of a man's height."""
    return _lamp(rng, rng.uniform(1.4, 1.7), rng.uniform(0.16, 0.22), 0.13)


def _lamp(rng, height, radius, foot):
    on = rng.random() < 0.6
    steel = materials.metal(rng)
    glow = rng.uniform(0.8, 1.5) if on else 0.0
    shade = materials.one_of(rng, "f3e3c3", "e9d2a0", "f4efe6", glow=glow)
    low = height - 1.3 * radius
    profile = [(radius, low), (0.65 * radius, height), (0.6 * radius, height), (0.95 * radius, low)]
    solids = [
        rod((0, 0, 0), (0, 0, 0.02), foot, OBJECTS, steel),
        rod((0, 0, 0.02), (0, 0, height), 0.012, OBJECTS, steel),
        turned(profile, (0, 0, 0), OBJECTS, shade),
    ]
    power = np.array([1.0, 0.82, 0.55], np.float32) * rng.uniform(0.5, 1.1)
    lamps = [Lamp(np.array([0.0, 0.0, height + 0.05]), 0.06, power)] if on else []
    return Furnishing((2 * radius, 2 * radius, height), solids, lamps=lamps)


def laptop(rng) -> Furnishing:
    shell = materials.metal(rng)
    solids = [box((-0.17, -0.11, 0), (0.17, 0.12, 0.018), OBJECTS, shell)]
    lid = box((-0.17, -0.12, 0.018), (0.17, -0.11, 0.24), OBJECTS, shell)
    solids.append(lid.tilted(0.25, (0, -0.11, 0.018)))
    return Furnishing((0.34, 0.34, 0.24), solids)


def clock(rng) -> Furnishing:
    radius = rng.uniform(0.05, 0.1)
    rim, face = materials.bright(rng), materials.one_of(rng, "f0eee6")
    solids = [
        rod((0, -0.025, radius + 0.01), (0, 0.02, radius + 0.01), radius, OBJECTS, rim),
        rod((0, 0.02, radius + 0.01), (0, 0.024, radius + 0.01), radius * 0.85, OBJECTS, face),
    ]
    return Furnishing((2 * radius, 0.06, 2 * radius + 0.01), solids)


def plant(rng) -> Furnishing:
    """A pot plant for the floor: thin leaves in a bunch."""
    pot, height = rng.uniform(0.12, 0.18), rng.uniform(0.6, 1.3)
    profile = [(0, 0), (0.75 * pot, 0), (pot, 1.7 * pot), (0.85 * pot, 1.7 * pot), (0, 1.5 * pot)]
    solids = [turned(profile, (0, 0, 0), OBJECTS, materials.bright(rng))]
    green = materials.linear(rng.choice(["3f6b35", "56803f", "2f5230", "7c9450"]))
    leaf = materials.Material("weave", np.stack([green, 0.6 * green]))
    for _ in range(rng.integers(9, 18)):
        angle, lean = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 1.7 * pot)
        tip = np.array(
            [lean * np.cos(angle), lean * np.sin(angle), height * rng.uniform(0.5, 0.95)]
        )
        solids.append(rod((0, 0, 1.5 * pot), tip, 0.006, OBJECTS, leaf))
        solids.append(ellipsoid(tip, (0.05, 0.05, 0.11), OBJECTS, leaf))
    return Furnishing((4 * pot, 4 * pot, height), solids)


def bin_(rng) -> Furnishing:
    radius, height = rng.uniform(0.12, 0.18), rng.uniform(0.28, 0.45)
    profile = [
        (0, 0),
        (0.8 * radius, 0),
        (radius, height),
        (0.93 * radius, height),
        (0.75 * radius, 0.02),
        (0, 0.02),
    ]
    return Furnishing(
        (2 * radius, 2 * radius, height),
        [turned(profile, (0, 0, 0), OBJECTS, materials.bright(rng))],
    )


def bag(rng) -> Furnishing:
    width, depth, height = rng.uniform(0.3, 0.45), rng.uniform(0.16, 0.24), rng.uniform(0.3, 0.45)
    cover = materials.fabric(rng)
    body = cushion(
        (-width / 2, -depth / 2, 0), (width / 2, depth / 2, height), OBJECTS, cover, 0.07
    )
    straps = [
        rod((side * 0.1, 0, height - 0.02), (side * 0.03, 0, height + 0.14), 0.008, OBJECTS, cover)
        for side in (-1, 1)
    ]
    return Furnishing((width, depth, height + 0.15), [body, *straps])


def ball(rng) -> Furnishing:
    radius = rng.uniform(0.07, 0.16)
    skin = materials.bright(rng)
    solid = ellipsoid((0, 0, radius), (radius,) * 3, OBJECTS, skin)
    return Furnishing((2 * radius,) * 3, [solid])


def crate(rng) -> Furnishing:
    """A big carton on the floor."""
    width, depth, height = rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.45), rng.uniform(0.25, 0.5)
    skin = materials.one_of(rng, "b08d5f", "9c7a4e", "d8d4ca")
    if rng.random() < 0.3:
        skin = materials.joinery(rng)
    low, high = (-width / 2, -depth / 2, 0), (width / 2, depth / 2, height)
    return Furnishing((width, depth, height), [box(low, high, OBJECTS, skin)])


def throw_pillow(rng) -> Furnishing:
    half = rng.uniform(0.16, 0.24)
    solid = cushion((-half, -half, 0), (half, half, 0.13), OBJECTS, materials.fabric(rng), 0.06)
    return Furnishing((2 * half, 2 * half, 0.13), [solid])


ON_TABLES = (
    book_stack,
    book_stack,
    standing_books,
    bottle,
    cup,
    cup,
    bowl,
    carton,
    carton,
    vase,
    table_lamp,
    laptop,
    clock,
)
ON_SHELVES = (book_stack, standing_books, bottle, cup, bowl, carton, carton, vase, clock, ball)
ON_SOFT = (throw_pillow, throw_pillow, book_stack, bag, laptop)
ON_FLOOR = (plant, floor_lamp, bin_, bin_, bag, bag, ball, crate, crate, book_stack)
