"""The shell of a room: floor, ceiling, walls with openings, skirting."""

from dataclasses import replace

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import CEILING, FLOOR, WALL
from keras_lwm.datasets.rooms.fittings import WALL_THICKNESS
from keras_lwm.datasets.rooms.solids import box


def _sheet(low, high, class_id, material, axes):
    """A box whose texture lies in the shell's frame, so that neighbours continue each other."""
    solid = box(low, high, class_id, material)
    return replace(solid, texture=solid.triangles[..., axes])


def _wall(length, height, openings, finish, skirting):
    """A wall along x, its inner face at y = 0: the cells of a grid that lie in no opening."""
    cuts = sorted({0.0, length} | {s for opening in openings for s in opening[:2]})
    levels = sorted({0.0, height} | {z for opening in openings for z in opening[2:]})
    solids = []
    for s0, s1 in zip(cuts[:-1], cuts[1:], strict=True):
        for z0, z1 in zip(levels[:-1], levels[1:], strict=True):
            s, z = (s0 + s1) / 2, (z0 + z1) / 2
            if any(a < s < b and c < z < d for a, b, c, d in openings):
                continue
            low, high = (s0, -WALL_THICKNESS, z0), (s1, 0.0, z1)
            solids.append(_sheet(low, high, WALL, finish, [0, 2, 1]))
            if z0 == 0.0 and skirting is not None:
                solids.append(box((s0, 0.0, 0.0), (s1, 0.014, 0.08), WALL, skirting))
    return solids


def make_shell(rng, layout, openings) -> list:
    """Solids of floor, ceiling and walls; `openings[k]` lists (s0, s1, z0, z1) cut from wall k."""
    width, length, height = layout.width, layout.length, layout.height
    edge = WALL_THICKNESS
    finish, accent = materials.wall_finish(rng), materials.wall_finish(rng)
    skirting = materials.joinery(rng) if rng.random() < 0.7 else None
    solids = [
        _sheet(
            (-edge, -edge, -0.1),
            (width + edge, length + edge, 0.0),
            FLOOR,
            materials.floor_finish(rng),
            [0, 1, 2] if rng.random() < 0.5 else [1, 0, 2],
        ),
        _sheet(
            (-edge, -edge, height),
            (width + edge, length + edge, height + 0.1),
            CEILING,
            materials.ceiling_finish(rng),
            [0, 1, 2],
        ),
    ]
    accented = rng.integers(4) if rng.random() < 0.35 else -1
    for wall in range(4):
        material = accent if wall == accented else finish
        pieces = _wall(layout.wall_length(wall), height, openings[wall], material, skirting)
        corner = (*layout.at_wall(wall, 0.0, 0.0), 0.0)
        solids += [piece.placed(corner, wall * np.pi / 2) for piece in pieces]
    return solids
