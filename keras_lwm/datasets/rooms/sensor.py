"""A structured-light depth camera: disparity noise and steps, and where it measures nothing.

The disparity of depth z is `BASELINE_FOCAL / z`; noise and steps of constant size there grow with
z^2 in metres, as measured for the Kinect (Khoshelham and Elberink, Sensors 12, 2012).
"""

import numpy as np

from keras_lwm.datasets.rooms.noise import value_noise

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
