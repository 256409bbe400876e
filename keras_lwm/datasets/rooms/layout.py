"""Where things may stand or hang: the space of a rectangular room, and what is taken of it.

Wall 0 runs along x at y = 0, wall 1 along y at x = width, wall 2 along x at y = length, wall 3
along y at x = 0. `s` is the distance along a wall, in the direction of +x of a thing that is turned
by `k * 90` degrees and so has its back to wall k.
"""

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

    def space(self, centre, size, quarter: int, margin: float = 0.0, base: float = 0.0):
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

    def place_on_wall(self, rng, size, base: float, reach=WALL_REACH):
        """A free stretch of wall for `size` (width, height): (wall, s of its middle), or None."""
        for _ in range(ATTEMPTS):
            wall = int(rng.integers(4))
            low, high = size[0] / 2 + 0.1, self.wall_length(wall) - size[0] / 2 - 0.1
            if low < high:
                s = rng.uniform(low, high)
                if self.take_wall(wall, s, size, base, reach):
                    return wall, s
        return None

    def place_at_wall(self, rng, size, front=0.45, walls=(0, 1, 2, 3)):
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

    def place_free(self, rng, size, margin=0.05):
        """A place anywhere on the floor: (centre, quarter), or None. Claims it."""
        for _ in range(ATTEMPTS):
            quarter = int(rng.integers(4))
            centre = rng.uniform((0.0, 0.0), (self.width, self.length))
            if self.take(centre, size, quarter, margin):
                return centre, quarter
        return None
