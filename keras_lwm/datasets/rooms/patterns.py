"""Procedural textures: points on a surface -> linear RGB.

Every pattern is `pattern(points, colours)`: `points` (n, 3) in metres in the solid's own frame, its
longest axis first (or 0..1 over the solid, for the patterns of a framed picture, a screen or a
view); `colours` (k, 3) linear RGB in [0, 1]. It returns (n, 3) float32.
"""

import numpy as np

_PERIOD = 32
_LATTICE = np.random.default_rng(20210).random((_PERIOD,) * 3, dtype=np.float32).ravel()


def value_noise(points: np.ndarray) -> np.ndarray:
    """Smooth noise in [0, 1], period 32 along each axis; `points` (n, 3) -> (n,) float32."""
    floor = np.floor(points)
    fraction = (points - floor).astype(np.float32)
    fraction = fraction * fraction * (3.0 - 2.0 * fraction)
    low = floor.astype(np.int32) & (_PERIOD - 1)
    high = (low + 1) & (_PERIOD - 1)
    low_x, high_x = low[:, 0] * _PERIOD**2, high[:, 0] * _PERIOD**2
    low_y, high_y = low[:, 1] * _PERIOD, high[:, 1] * _PERIOD

    def along_z(base):
        below, above = _LATTICE[base + low[:, 2]], _LATTICE[base + high[:, 2]]
        return below + (above - below) * fraction[:, 2]

    def along_y(base):
        near, far = along_z(base + low_y), along_z(base + high_y)
        return near + (far - near) * fraction[:, 1]

    left, right = along_y(low_x), along_y(high_x)
    return left + (right - left) * fraction[:, 0]


def cell_noise(*cells: np.ndarray) -> np.ndarray:
    """One constant random value in [0, 1) for each integer cell (two or three index arrays)."""
    index = np.zeros(cells[0].shape, np.int64)
    for cell, step in zip(cells, (1, 7919, 104729), strict=False):
        index += cell.astype(np.int64) * step
    return _LATTICE[(index * 2654435761 >> 7) % _LATTICE.size]


def _mix(colours, first, second, weight):
    return colours[first] + (colours[second] - colours[first]) * weight[:, None]


def _near_grid(coordinate, period, width):
    """1 on lines of `width` that repeat every `period`, 0 elsewhere."""
    return ((coordinate / period) % 1.0 < width / period).astype(np.float32)


def plain(points, colours) -> np.ndarray:
    return colours[0] * (0.92 + 0.16 * value_noise(points * 2.3))[:, None]


def plaster(points, colours) -> np.ndarray:
    relief = 0.6 * value_noise(points * 1.1) + 0.4 * value_noise(points * 19.0)
    return colours[0] * (0.96 + 0.07 * relief)[:, None]


def wood(points, colours) -> np.ndarray:
    grain = value_noise(points * (1.7, 34.0, 34.0))
    bend = value_noise(points * (0.8, 5.0, 5.0))
    rings = 0.5 + 0.5 * np.sin(55.0 * (points[:, 1] + points[:, 2] + 0.12 * bend))
    return _mix(colours, 0, 1, 0.6 * grain + 0.4 * rings * bend)


def planks(points, colours) -> np.ndarray:
    across, along = points[:, 1] / 0.13, points[:, 0]
    row = np.floor(across)
    along = along / 1.3 + cell_noise(row, row)
    tone = cell_noise(row, np.floor(along), row)
    grain = value_noise(points * (2.5, 45.0, 45.0))
    gap = np.maximum(_near_grid(across, 1.0, 0.035), _near_grid(along, 1.0, 0.004))
    return _mix(colours, 0, 1, 0.55 * tone + 0.45 * grain) * (1.0 - 0.55 * gap)[:, None]


def tiles(points, colours) -> np.ndarray:
    size = 0.33
    cells = np.floor(points / size)
    tone = cell_noise(cells[:, 0], cells[:, 1], cells[:, 2])
    grout = np.maximum(_near_grid(points[:, 0], size, 0.012), _near_grid(points[:, 1], size, 0.012))
    stain = value_noise(points * 6.0)
    return _mix(colours, 0, 1, grout) * (0.88 + 0.12 * tone + 0.08 * stain)[:, None]


def brick(points, colours) -> np.ndarray:
    height, row = points[:, 1] / 0.085, np.floor(points[:, 1] / 0.085)
    along = points[:, 0] / 0.26 + 0.5 * (row % 2)
    tone = cell_noise(row, np.floor(along))
    mortar = np.maximum(_near_grid(height, 1.0, 0.14), _near_grid(along, 1.0, 0.05))
    surface = colours[0] * (0.75 + 0.35 * tone + 0.1 * value_noise(points * 40.0))[:, None]
    return surface + (colours[1] - surface) * mortar[:, None]


def carpet(points, colours) -> np.ndarray:
    pile = 0.5 * value_noise(points * 70.0) + 0.5 * value_noise(points * 9.0)
    return _mix(colours, 0, 1, pile)


def weave(points, colours) -> np.ndarray:
    threads = 0.5 + 0.25 * (np.sin(points[:, 0] * 420.0) + np.sin(points[:, 1] * 420.0))
    return _mix(colours, 0, 1, 0.5 * threads + 0.5 * value_noise(points * 25.0))


def stripes(points, colours) -> np.ndarray:
    band = ((points[:, 0] / 0.12) % 1.0 < 0.5).astype(np.float32)
    return _mix(colours, 0, 1, band) * (0.92 + 0.14 * value_noise(points * 30.0))[:, None]


def plaid(points, colours) -> np.ndarray:
    one = ((points[:, 0] / 0.18) % 1.0 < 0.4).astype(np.float32)
    other = ((points[:, 1] / 0.18) % 1.0 < 0.4).astype(np.float32)
    return _mix(colours, 0, 1, 0.5 * one + 0.5 * other)


def dots(points, colours) -> np.ndarray:
    offset = (points / 0.1) % 1.0 - 0.5
    inside = (offset[:, 0] ** 2 + offset[:, 1] ** 2 < 0.07).astype(np.float32)
    return _mix(colours, 0, 1, inside) * (0.93 + 0.1 * value_noise(points * 20.0))[:, None]


def floral(points, colours) -> np.ndarray:
    blots = value_noise(points * 11.0) + 0.4 * value_noise(points * 31.0)
    return _mix(colours, 0, 1, (blots > 0.8).astype(np.float32))


def wallpaper(points, colours) -> np.ndarray:
    band = 0.5 + 0.5 * np.sign(np.sin(points[:, 0] * 2 * np.pi / 0.22))
    ornament = value_noise(points * (9.0, 9.0, 1.0)) > 0.62
    return _mix(colours, 0, 1, np.clip(0.55 * band + 0.3 * ornament, 0, 1).astype(np.float32))


def marble(points, colours) -> np.ndarray:
    vein = np.abs(value_noise(points * 3.0) + 0.5 * value_noise(points * 9.0) - 0.75)
    return _mix(colours, 0, 1, np.clip(1.0 - 7.0 * vein, 0.0, 1.0))


def landscape(points, colours) -> np.ndarray:
    """A painted view over the unit square: sky, two ridges of hills, a foreground."""
    across, up = points[:, 0], points[:, 2]
    line = np.stack([across * 4.0, across * 0 + colours[0, 0] * 50, across * 0], axis=1)
    far, near = 0.45 + 0.3 * value_noise(line), 0.2 + 0.3 * value_noise(line * 1.9 + 5.0)
    sky = _mix(colours, 0, 1, np.clip(1.2 * up, 0, 1))
    picture = np.where((up < far)[:, None], colours[2], sky)
    picture = np.where((up < near)[:, None], colours[3], picture)
    return picture * (0.8 + 0.4 * value_noise(points * 40.0))[:, None]


def abstract(points, colours) -> np.ndarray:
    """Blots and blocks in four colours over the unit square."""
    warped = points * 3.2 + value_noise(points * 2.0 + colours[0, 0] * 40)[:, None]
    cell = cell_noise(np.floor(warped[:, 0]), np.floor(warped[:, 2]))
    blot = value_noise(points * (5.0, 1.0, 5.0) + colours[1, 1] * 60) > 0.6
    index = np.where(blot, 3, np.minimum((cell * 3).astype(np.int64), 2))
    return colours[index] * (0.85 + 0.3 * value_noise(points * 30.0))[:, None]


def screen(points, colours) -> np.ndarray:
    """A dark screen over the unit square, a soft reflection running across it."""
    glare = np.clip(1.0 - 4.0 * np.abs(points[:, 0] + 0.6 * points[:, 2] - 0.9), 0, 1)
    return _mix(colours, 0, 1, 0.55 * glare)


def outdoors(points, colours) -> np.ndarray:
    """What a window shows over the unit square: sky above, far houses or trees, ground."""
    across, up = points[:, 0], points[:, 2]
    line = np.stack([across * 7.0, across * 0 + colours[0, 1] * 50, across * 0], axis=1)
    trees = 0.25 + 0.35 * value_noise(line) + 0.1 * value_noise(line * 4.0)
    houses = 0.2 + 0.4 * cell_noise(np.floor(line[:, 0]), np.floor(line[:, 1]))
    skyline = np.where(colours[2, 0] > 0.15, houses, trees)
    sky = _mix(colours, 0, 1, np.clip(up, 0, 1))
    leaves = (0.6 + 0.8 * value_noise(points * (30.0, 1.0, 30.0)))[:, None]
    return np.where((up < skyline)[:, None], colours[2] * leaves, sky)


PATTERNS = {
    pattern.__name__: pattern
    for pattern in (
        plain, plaster, wood, planks, tiles, brick, carpet, weave, stripes, plaid, dots, floral,
        wallpaper, marble, landscape, abstract, screen, outdoors,
    )
}  # fmt: skip
