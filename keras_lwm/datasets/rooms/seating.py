"""What one sits or lies on: chairs, armchairs, sofas, beds. They share fabrics and woods."""

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import BED, CHAIR, OBJECTS, SOFA
from keras_lwm.datasets.rooms.furnishing import Furnishing, Surface
from keras_lwm.datasets.rooms.solids import box, cushion, rod


def legs(width, depth, height, thickness, class_id, material, inset=0.02) -> list:
    """Four legs under a rectangle, round or square."""
    x, y = width / 2 - thickness / 2 - inset, depth / 2 - thickness / 2 - inset
    half = thickness / 2
    corners = [(sx * x, sy * y) for sx in (-1, 1) for sy in (-1, 1)]
    if thickness < 0.035:
        return [rod((a, b, 0), (a, b, height), half, class_id, material) for a, b in corners]
    return [
        box((a - half, b - half, 0), (a + half, b + half, height), class_id, material)
        for a, b in corners
    ]


def chair(rng) -> Furnishing:
    """A dining or kitchen chair: slats, a panel or a padded back."""
    width, depth = rng.uniform(0.40, 0.48), rng.uniform(0.42, 0.50)
    seat, height = rng.uniform(0.43, 0.47), rng.uniform(0.80, 1.02)
    frame = materials.joinery(rng, 0.75) if rng.random() < 0.75 else materials.metal(rng)
    padded = rng.random() < 0.5
    cover = materials.upholstery(rng) if padded else frame
    thickness = rng.uniform(0.025, 0.045)
    solids = legs(width, depth, seat - 0.03, thickness, CHAIR, frame)
    low, high = (-width / 2, -depth / 2, seat - 0.03), (width / 2, depth / 2, seat + 0.03 * padded)
    solids.append((cushion if padded else box)(low, high, CHAIR, cover))
    back = -depth / 2
    for side in (-1, 1):
        x = side * (width / 2 - thickness / 2)
        solids.append(
            box(
                (x - thickness / 2, back, seat),
                (x + thickness / 2, back + 0.03, height),
                CHAIR,
                frame,
            )
        )
    if rng.random() < 0.5:
        for x in np.linspace(-width / 2, width / 2, rng.integers(4, 7))[1:-1]:
            solids.append(
                rod((x, back + 0.015, seat), (x, back + 0.015, height - 0.05), 0.01, CHAIR, frame)
            )
        solids.append(
            box((-width / 2, back, height - 0.08), (width / 2, back + 0.03, height), CHAIR, frame)
        )
    else:
        solids.append(
            cushion(
                (-width / 2, back, seat + rng.uniform(0.1, 0.2)),
                (width / 2, back + 0.045, height),
                CHAIR,
                cover,
                0.02,
            )
        )
    return Furnishing((width, depth, height), solids)


def office_chair(rng) -> Furnishing:
    """A swivel chair on a star of five feet."""
    size, seat, height = rng.uniform(0.52, 0.6), rng.uniform(0.44, 0.52), rng.uniform(0.9, 1.15)
    steel, cover = materials.metal(rng), materials.fabric(rng, 0.1)
    if rng.random() < 0.4:
        cover = materials.leather(rng)
    solids = [rod((0, 0, 0.08), (0, 0, seat - 0.06), 0.03, CHAIR, steel)]
    for angle in np.arange(5) * 2 * np.pi / 5:
        foot = 0.45 * size * np.array([np.cos(angle), np.sin(angle)])
        solids.append(rod((0, 0, 0.1), (*foot, 0.05), 0.018, CHAIR, steel))
        solids.append(rod((*foot, 0.0), (*foot, 0.05), 0.025, CHAIR, steel))
    half = 0.44 * size
    solids.append(cushion((-half, -half, seat - 0.07), (half, half, seat), CHAIR, cover, 0.035))
    back = cushion((-half, -half - 0.01, seat + 0.08), (half, -half + 0.06, height), CHAIR, cover)
    solids.append(back)
    solids.append(box((-0.03, -half - 0.02, seat - 0.05), (0.03, -half, seat + 0.2), CHAIR, steel))
    if rng.random() < 0.6:
        for side in (-1, 1):
            x = side * half
            solids.append(
                cushion(
                    (x - 0.03, -0.1, seat + 0.17),
                    (x + 0.03, 0.16, seat + 0.21),
                    CHAIR,
                    steel,
                    0.015,
                )
            )
            solids.append(rod((x, 0, seat - 0.03), (x, 0, seat + 0.18), 0.015, CHAIR, steel))
    return Furnishing((size, size, height), solids)


def _upholstered(rng, seats: int, class_id: int, seat_width: float) -> Furnishing:
    arm, depth = rng.uniform(0.12, 0.22), rng.uniform(0.8, 0.95)
    seat, back = rng.uniform(0.38, 0.46), rng.uniform(0.7, 0.9)
    arm_height = rng.uniform(0.5, 0.66)
    width = seats * seat_width + 2 * arm
    cover = materials.upholstery(rng)
    foot = rng.uniform(0.04, 0.14)
    solids = legs(width, depth, foot, 0.05, class_id, materials.wood(rng), 0.04)
    inner = width / 2 - arm
    solids.append(
        box(
            (-inner, -depth / 2 + 0.03, foot),
            (inner, depth / 2 - 0.04, seat - 0.13),
            class_id,
            cover,
        )
    )
    for side in (-1, 1):
        edge = sorted((side * width / 2, side * inner))
        solids.append(
            cushion(
                (edge[0], -depth / 2, foot),
                (edge[1], depth / 2, arm_height),
                class_id,
                cover,
                rng.uniform(0.03, 0.07),
            )
        )
    solids.append(
        cushion((-inner, -depth / 2, foot), (inner, -depth / 2 + 0.2, back), class_id, cover, 0.07)
    )
    for i in range(seats):
        x0, x1 = -inner + i * seat_width + 0.004, -inner + (i + 1) * seat_width - 0.004
        solids.append(
            cushion(
                (x0, -depth / 2 + 0.16, seat - 0.15), (x1, depth / 2, seat), class_id, cover, 0.05
            )
        )
        upright = cushion(
            (x0, -depth / 2 + 0.15, seat - 0.02),
            (x1, -depth / 2 + 0.32, back + 0.04),
            class_id,
            cover,
            0.07,
        )
        solids.append(upright)
    top = max(back + 0.04, arm_height)
    free = [Surface((-inner + 0.02, inner - 0.02), (-0.08, depth / 2 - 0.08), seat, 0.5)]
    return Furnishing((width, depth, top), solids, free)


def armchair(rng) -> Furnishing:
    return _upholstered(rng, 1, CHAIR, rng.uniform(0.52, 0.62))


def sofa(rng) -> Furnishing:
    seats = int(rng.choice([2, 3, 3]))
    piece = _upholstered(rng, seats, SOFA, rng.uniform(0.58, 0.72))
    width, depth, _ = piece.size
    seat = piece.surfaces[0].z
    for side in (-1, 1):
        if rng.random() < 0.55:
            x = side * (width / 2 - rng.uniform(0.38, 0.5))
            half = rng.uniform(0.17, 0.23)
            pillow = cushion(
                (x - half, -0.09, seat),
                (x + half, 0.03, seat + 1.8 * half),
                OBJECTS,
                materials.fabric(rng),
                0.06,
            )
            piece.solids.append(pillow.tilted(-0.3, (x, -0.03, seat)))
    return piece


def bed(rng) -> Furnishing:
    """Single to double; its head at the wall."""
    width, length = rng.choice([0.95, 1.2, 1.45, 1.65]), rng.uniform(1.95, 2.12)
    top, head = rng.uniform(0.42, 0.6), rng.uniform(0.75, 1.2)
    frame = materials.joinery(rng) if rng.random() < 0.7 else materials.fabric(rng, 0.2)
    sheet, blanket = materials.fabric(rng, 0.4), materials.fabric(rng, 0.65)
    back = -length / 2
    solids = legs(width, length, 0.16, 0.06, BED, frame)
    solids.append(box((-width / 2, back, 0.12), (width / 2, length / 2, top - 0.2), BED, frame))
    solids.append(box((-width / 2, back, 0.1), (width / 2, back + 0.05, head), BED, frame))
    if rng.random() < 0.4:
        solids.append(
            box(
                (-width / 2, length / 2 - 0.04, 0.1), (width / 2, length / 2, top + 0.1), BED, frame
            )
        )
    solids.append(
        cushion(
            (-width / 2 + 0.02, back + 0.05, top - 0.21),
            (width / 2 - 0.02, length / 2 - 0.04, top),
            BED,
            sheet,
            0.06,
        )
    )
    fold = back + rng.uniform(0.5, 1.0)
    solids.append(
        cushion(
            (-width / 2 - 0.03, fold, rng.uniform(0.15, top - 0.12)),
            (width / 2 + 0.03, length / 2 - 0.045, top + 0.045),
            BED,
            blanket,
            0.05,
        )
    )
    pillows = 2 if width > 1.3 else 1
    for i in range(pillows):
        x = (i - (pillows - 1) / 2) * width * 0.48
        half = min(0.36, width * 0.4 / pillows)
        low, high = (x - half, back + 0.08, top - 0.02), (x + half, back + 0.45, top + 0.12)
        solids.append(cushion(low, high, OBJECTS, materials.fabric(rng), 0.07))
    y = max(fold, back + 0.55)
    free = [Surface((-width / 2 + 0.15, width / 2 - 0.15), (y, length / 2 - 0.2), top + 0.045)]
    return Furnishing((width + 0.06, length, head), solids, free)
