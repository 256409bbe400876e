"""The shell of a room: floor, ceiling, walls with openings, skirting."""

from dataclasses import replace

import numpy as np

from keras_lwm.datasets.rooms import materials
from keras_lwm.datasets.rooms.catalogue import CEILING, FLOOR, WALL
from keras_lwm.datasets.rooms.fittings import WALL_THICKNESS
from keras_lwm.datasets.rooms.solids import box

ATTEMPTS = 40
WALL_REACH = 0.12  # metres that a fitting on a wall keeps free before it


class Layout:
    """Takes upright boxes of space, so that no two things claim the same place."""

    def __init__(self, width: float, length: float, height: float):
        self.width, self.length, self.height = width, length, height
        self.taken = []  # (x0, y0, x1, y1, z0, z1) metres

    def wall_length(self, wall: int) -> float:
        return self.width if wall % 2 == 0 else self.length

    def at_wall(self, wall: int, s: float, out: float) -> tuple[float, float]:
        """Floor coordinates of the point `s` along a wall and `out` metres into the room."""
        return (
            (s, out),
            (self.width - out, s),
            (self.width - s, self.length - out),
            (out, self.length - s),
        )[wall]

    def space(self, centre, size, quarter: int, margin: float = 0.0, base: float = 0.0) -> tuple:
        """The box of a thing of `size` turned by `quarter` right angles, from `base` upwards."""
        across, deep = size[:2] if quarter % 2 == 0 else size[1::-1]
        x, y = centre
        a, b = across / 2 + margin, deep / 2 + margin
        return x - a, y - b, x + a, y + b, base, base + size[2]

    def is_free(self, space) -> bool:
        """Whether a box lies in the room and touches nothing that is taken."""
        x0, y0, x1, y1, z0, z1 = space
        if min(x0, y0, z0) < 0.0 or x1 > self.width or y1 > self.length or z1 > self.height:
            return False
        return not any(
            x0 < b and a < x1 and y0 < d and c < y1 and z0 < f and e < z1
            for a, c, b, d, e, f in self.taken
        )

    def take(self, centre, size, quarter: int, margin: float = 0.02, base: float = 0.0) -> bool:
        """Claims one definite place; False, and nothing claimed, where it is not free."""
        if not self.is_free(self.space(centre, size, quarter, margin, base)):
            return False
        self.taken.append(self.space(centre, size, quarter, 0.0, base))
        return True

    def take_wall(self, wall: int, s: float, size, base: float, reach=WALL_REACH) -> bool:
        """Claims `size` (width, height) of a wall around `s`, from `base` upwards."""
        width, height = size
        centre = self.at_wall(wall, s, reach / 2)
        return self.take(centre, (width, reach, height), wall, 0.0, base)

    def place_on_wall(self, rng, size, base: float, reach=WALL_REACH) -> tuple | None:
        """A free stretch of wall for `size` (width, height): (wall, s of its middle), or None."""
        for _ in range(ATTEMPTS):
            wall = int(rng.integers(4))
            low, high = size[0] / 2 + 0.1, self.wall_length(wall) - size[0] / 2 - 0.1
            if low < high:
                s = rng.uniform(low, high)
                if self.take_wall(wall, s, size, base, reach):
                    return wall, s
        return None

    def place_at_wall(self, rng, size, front=0.45, walls=(0, 1, 2, 3)) -> tuple | None:
        """A place with the back to a wall and `front` metres free before it.

        Returns (centre, quarter turns, s), or None where none is found. Claims it.
        """
        width, depth, height = size
        for _ in range(ATTEMPTS):
            wall = int(rng.choice(walls))
            low, high = width / 2 + 0.06, self.wall_length(wall) - width / 2 - 0.06
            if low >= high:
                continue
            s = rng.choice([low, high]) if rng.random() < 0.28 else rng.uniform(low, high)
            gap = rng.uniform(0.02, 0.06)
            approach = self.at_wall(wall, s, gap + (depth + front) / 2)
            if not self.is_free(self.space(approach, (width, depth + front, height), wall)):
                continue
            centre = self.at_wall(wall, s, gap + depth / 2)
            if self.take(centre, size, wall, 0.0):
                return centre, wall, s
        return None

    def place_free(self, rng, size, margin=0.05) -> tuple | None:
        """A place anywhere on the floor: (centre, quarter), or None. Claims it."""
        for _ in range(ATTEMPTS):
            quarter = int(rng.integers(4))
            centre = rng.uniform((0.0, 0.0), (self.width, self.length))
            if self.take(centre, size, quarter, margin):
                return centre, quarter
        return None


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
