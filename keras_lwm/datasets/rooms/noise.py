"""Seeded value noise, the raw material of every texture."""

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
