"""Books, in rows and stacks, no two with the same back."""

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import BOOKS
from keras_lwm.datasets.rooms.furnishing import Furnishing
from keras_lwm.datasets.rooms.solids import box

_COVER = materials.Material("plain", np.ones((1, 3), np.float32), gloss=0.1)


def _cover_tint(rng):
    colour = materials.linear(rng.choice(materials.BRIGHTS + materials.FABRICS))
    return tuple(np.clip(colour * rng.uniform(0.6, 1.2), 0.01, 0.9))


def book_row(rng, span, back, depth, base, height) -> list:
    """Upright books from span[0] to span[1], backs of different height and colour."""
    solids, x = [], span[0]
    series = None
    while True:
        thickness = rng.uniform(0.014, 0.05)
        if x + thickness > span[1]:
            return solids
        if series is None or rng.random() < 0.6:
            series = _cover_tint(rng), rng.uniform(0.62, 1.0), rng.uniform(0.65, 1.0)
        tint, tall, deep = series
        low, high = (
            (x, back, base),
            (x + thickness - 0.002, back + depth * deep, base + height * tall),
        )
        solids.append(box(low, high, BOOKS, _COVER, tint=tint))
        x += thickness
        if rng.random() < 0.04:
            x += rng.uniform(0.03, 0.12)


def book_stack(rng) -> Furnishing:
    solids, z = [], 0.0
    for _ in range(rng.integers(1, 7)):
        width, depth, thickness = (
            rng.uniform(0.16, 0.3),
            rng.uniform(0.13, 0.22),
            rng.uniform(0.015, 0.05),
        )
        book = box(
            (-width / 2, -depth / 2, z),
            (width / 2, depth / 2, z + thickness),
            BOOKS,
            _COVER,
            tint=_cover_tint(rng),
        )
        solids.append(book.placed(yaw=rng.normal(0, 0.15)))
        z += thickness + 0.001
    return Furnishing((0.34, 0.3, z), solids)


def standing_books(rng) -> Furnishing:
    width, height = rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.28)
    solids = book_row(rng, (-width / 2, width / 2), -0.09, 0.18, 0.0, height)
    return Furnishing((width, 0.2, height), solids)
