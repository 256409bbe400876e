"""Furniture that holds things: cabinets, wardrobes, bookcases, counters, refrigerators."""

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import BOOKS, FURNITURE
from keras_lwm.datasets.rooms.furnishing import Furnishing, Surface
from keras_lwm.datasets.rooms.seating import legs
from keras_lwm.datasets.rooms.solids import box, rod

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


def _fronts(rng, width, front, low, high, rows, columns, material):
    """Doors or drawers before a cabinet's body, a gap between them, a handle on each."""
    handle = materials.metal(rng)
    solids, gap = [], 0.006
    xs, zs = np.linspace(-width / 2, width / 2, columns + 1), np.linspace(low, high, rows + 1)
    for x0, x1 in zip(xs[:-1], xs[1:], strict=True):
        for z0, z1 in zip(zs[:-1], zs[1:], strict=True):
            solids.append(
                box(
                    (x0 + gap, front, z0 + gap),
                    (x1 - gap, front + 0.018, z1 - gap),
                    FURNITURE,
                    material,
                )
            )
            x, z = (x0 + x1) / 2, (z0 + z1) / 2
            if z1 - z0 > 0.6:
                x = x1 - 0.06 if x < 0 else x0 + 0.06
                ends = (x, front + 0.035, z - 0.07), (x, front + 0.035, z + 0.07)
            else:
                ends = (x - 0.06, front + 0.035, z), (x + 0.06, front + 0.035, z)
            solids.append(rod(*ends, 0.008, FURNITURE, handle))
    return solids


def _cabinet(rng, width, depth, height, rows, columns, top=None, foot=0.08) -> Furnishing:
    body = materials.joinery(rng)
    face = body if rng.random() < 0.7 else materials.joinery(rng)
    solids = legs(width, depth - 0.05, foot, 0.05, FURNITURE, body)
    front = depth / 2 - 0.045
    solids.append(
        box((-width / 2, -depth / 2, foot), (width / 2, front, height - 0.025), FURNITURE, body)
    )
    solids.append(
        box(
            (-width / 2, -depth / 2, height - 0.025),
            (width / 2, depth / 2 - 0.02, height),
            FURNITURE,
            top or body,
        )
    )
    solids += _fronts(rng, width, front, foot + 0.02, height - 0.03, rows, columns, face)
    free = [
        Surface(
            (-width / 2 + 0.05, width / 2 - 0.05), (-depth / 2 + 0.04, depth / 2 - 0.08), height
        )
    ]
    return Furnishing((width, depth, height), solids, free)


def night_stand(rng) -> Furnishing:
    return _cabinet(
        rng,
        rng.uniform(0.4, 0.55),
        rng.uniform(0.36, 0.45),
        rng.uniform(0.45, 0.62),
        int(rng.integers(1, 4)),
        1,
    )


def dresser(rng) -> Furnishing:
    return _cabinet(
        rng,
        rng.uniform(0.8, 1.5),
        rng.uniform(0.42, 0.52),
        rng.uniform(0.72, 1.1),
        int(rng.integers(3, 5)),
        int(rng.integers(1, 3)),
    )


def tv_stand(rng) -> Furnishing:
    return _cabinet(
        rng,
        rng.uniform(1.1, 1.8),
        rng.uniform(0.38, 0.5),
        rng.uniform(0.4, 0.6),
        int(rng.integers(1, 3)),
        int(rng.integers(2, 4)),
    )


def wardrobe(rng) -> Furnishing:
    columns = int(rng.integers(2, 4))
    piece = _cabinet(
        rng,
        columns * rng.uniform(0.45, 0.55),
        rng.uniform(0.55, 0.65),
        rng.uniform(1.8, 2.2),
        1,
        columns,
    )
    return Furnishing(piece.size, piece.solids)


def refrigerator(rng) -> Furnishing:
    width, depth, height = rng.uniform(0.6, 0.75), rng.uniform(0.62, 0.72), rng.uniform(1.5, 1.85)
    skin = materials.one_of(rng, "f2f2f0", "b4b7ba", "3b3d40", gloss=0.4)
    front = depth / 2 - 0.06
    solids = [box((-width / 2, -depth / 2, 0.03), (width / 2, front, height), FURNITURE, skin)]
    for low, high in ((0.06, height * 0.62), (height * 0.63, height)):
        solids.append(
            box((-width / 2, front, low), (width / 2, front + 0.03, high), FURNITURE, skin)
        )
        x = -width / 2 + 0.06
        solids.append(
            rod(
                (x, front + 0.05, low + 0.1),
                (x, front + 0.05, low + 0.35),
                0.012,
                FURNITURE,
                materials.metal(rng),
            )
        )
    return Furnishing((width, depth, height), solids)


def counter(rng) -> Furnishing:
    """A kitchen counter with its wall cabinets above."""
    columns = int(rng.integers(2, 5))
    width = columns * rng.uniform(0.5, 0.62)
    piece = _cabinet(
        rng, width, 0.62, 0.9, int(rng.integers(1, 3)), columns, materials.countertop(rng)
    )
    if rng.random() < 0.4:
        return piece
    low, high, depth = 1.45, rng.uniform(1.95, 2.15), 0.34
    back, face = -0.31, piece.solids[-2].material
    front = back + depth
    solids = [box((-width / 2, back, low), (width / 2, front, high), FURNITURE, face)]
    solids += _fronts(rng, width, front, low, high, 1, columns, face)
    surface = piece.surfaces[0]
    lower = Surface(surface.x, surface.y, surface.z, 0.45)
    return Furnishing((width, 0.62, high), piece.solids + solids, [lower])


def bookcase(rng) -> Furnishing:
    """Open shelves, most of them with a row of books, some left for clutter."""
    width, depth = rng.uniform(0.7, 1.4), rng.uniform(0.27, 0.36)
    shelves = int(rng.integers(3, 7))
    step = rng.uniform(0.3, 0.38)
    height, board = shelves * step + 0.06, 0.022
    material = materials.joinery(rng)
    solids = [
        box(
            (-width / 2, -depth / 2, 0), (width / 2, -depth / 2 + 0.01, height), FURNITURE, material
        )
    ]
    for side in (-1, 1):
        x = side * (width / 2 - board / 2)
        solids.append(
            box(
                (x - board / 2, -depth / 2, 0),
                (x + board / 2, depth / 2, height),
                FURNITURE,
                material,
            )
        )
    free, inner = [], width / 2 - board
    for i in range(shelves + 1):
        z = 0.04 + i * step
        solids.append(
            box((-inner, -depth / 2 + 0.01, z), (inner, depth / 2, z + board), FURNITURE, material)
        )
        if i == shelves:
            continue
        span = (-inner + 0.01, inner - 0.01)
        if rng.random() < 0.72:
            end = span[0] + (span[1] - span[0]) * rng.uniform(0.45, 1.0)
            solids += book_row(
                rng, (span[0], end), -depth / 2 + 0.02, depth - 0.05, z + board, step - board - 0.03
            )
            span = (end + 0.02, span[1])
        if span[1] - span[0] > 0.15:
            free.append(
                Surface(span, (-depth / 2 + 0.06, depth / 2 - 0.04), z + board, step - board - 0.03)
            )
    free.append(Surface((-inner, inner), (-depth / 2 + 0.06, depth / 2 - 0.04), height + 0.002))
    return Furnishing((width, depth, height), solids, free)
