"""What a camera and a depth sensor make of a rendered frame: photograph and measured depth."""

import numpy as np
from scipy.ndimage import gaussian_filter

from keras_lwm.datasets.rooms.patterns import value_noise


def photograph(colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Linear RGB (H, W, 3) -> uint8 RGB: exposure, white balance, vignette, tone curve, noise."""
    height, width, _ = colour.shape
    luminance = colour @ np.array([0.21, 0.72, 0.07])
    key = rng.uniform(0.15, 0.3)
    exposed = colour * key / np.exp(np.mean(np.log(luminance + 1e-3)))
    exposed = gaussian_filter(exposed, (0.45, 0.45, 0.0))
    warmth, tint = rng.normal(0.0, 0.07), rng.normal(0.0, 0.025)
    exposed = exposed * np.exp([warmth, tint, -warmth])
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    exposed = exposed * (1.0 - rng.uniform(0.0, 0.18) * (x**2 + y**2))[..., None]
    toned = exposed * (1.0 + exposed / 6.0) / (1.0 + exposed)  # Reinhard's curve, white at 2.4
    shot = rng.uniform(0.0, 0.0006) * toned + rng.uniform(0.0, 0.00004)
    toned = toned + np.sqrt(shot) * rng.normal(size=colour.shape)
    encoded = np.clip(toned * 1.45, 0.0, 1.0) ** (1.0 / 2.2)
    return np.round(255.0 * encoded).astype(np.uint8)


BASELINE_FOCAL = 43.5  # metre pixels: a baseline of 7.5 cm and a focal length of 580 pixels
BASELINE = 0.075  # metres between the projector and the camera
DISPARITY_NOISE = 0.08  # pixels, standard deviation
DISPARITY_STEP = 0.125  # pixels
NEAREST, FARTHEST = 0.5, 8.0  # metres
EDGE_RATIO = 0.06  # a step in depth, relative, at which readings get lost
GRAZING = 0.12  # cosine below which too little light comes back
_FOCAL_WIDTHS = 0.866  # focal length in widths of the image, at 60 degrees


def shadowed(depth: np.ndarray) -> np.ndarray:
    """Pixels (H, W) that the projector, to the right of the camera, cannot light: nearer things
    cover them. Such shadows lie along the left sides of things."""
    columns = np.arange(depth.shape[1])[None]
    disparity = BASELINE * _FOCAL_WIDTHS * depth.shape[1] / np.maximum(depth, 1e-3)
    # Column in the projector's picture; it must grow from left to right where nothing covers.
    projected = columns - disparity
    leftmost_later = np.minimum.accumulate(projected[:, ::-1], axis=1)[:, ::-1]
    covered = np.zeros(depth.shape, bool)
    covered[:, :-1] = projected[:, :-1] > leftmost_later[:, 1:] + 0.5
    return covered


def at_edges(depth: np.ndarray) -> np.ndarray:
    """Pixels (H, W) next to a step in depth of more than `EDGE_RATIO`."""
    log = np.log(np.maximum(depth, 1e-3))
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        step = np.abs(np.diff(log, axis=axis)) > EDGE_RATIO
        first = [slice(None)] * 2
        second = [slice(None)] * 2
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        edge[tuple(first)] |= step
        edge[tuple(second)] |= step
    return edge


def measure(depth, incidence, specular, rng: np.random.Generator) -> np.ndarray:
    """What the sensor reports of the true z depth: (H, W) float32 metres, 0 = not measured.

    depth (H, W) metres; incidence (H, W) cosine between ray and normal; specular (H, W) bool.
    """
    height, width = depth.shape
    disparity = BASELINE_FOCAL / np.maximum(depth, 1e-3)
    disparity = disparity + rng.normal(0.0, DISPARITY_NOISE, depth.shape)
    disparity = np.maximum(np.round(disparity / DISPARITY_STEP), 1.0) * DISPARITY_STEP
    measured = BASELINE_FOCAL / disparity
    rows, columns = np.mgrid[0:height, 0:width] * (40.0 / width)
    seed = np.full(depth.size, rng.uniform(0, 32))
    blots = value_noise(np.stack([rows.ravel(), columns.ravel(), seed], axis=1))
    blots = blots.reshape(depth.shape)
    lost = (depth < NEAREST) | (depth > FARTHEST) | (measured > FARTHEST)
    lost |= shadowed(depth) | (at_edges(depth) & (rng.random(depth.shape) < 0.6))
    lost |= incidence < GRAZING * (0.5 + blots)
    lost |= specular & (blots > 0.3)
    lost |= rng.random(depth.shape) < 0.002
    return np.where(lost, 0.0, measured).astype(np.float32)
