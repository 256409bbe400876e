"""Scale and shift that bring relative depth to metres, where some frames are measured.

A model that was trained on depth of many sources knows depth, or its inverse, up to a scale and a
shift: Ranftl, Lasinger, Hafner, Schindler, Koltun, "Towards Robust Monocular Depth Estimation:
Mixing Datasets for Zero-shot Cross-dataset Transfer" (IEEE TPAMI 2020), who fit both image by
image, and robustly. A frame without depth has nothing to be fitted to, so here one scale and one
shift serve a whole data set: what differs from image to image stays as an error, and shows in the
residual.
"""

from collections.abc import Iterable

import numpy as np

from keras_lwm.made_depth.kinds import METRES, RELATIVE_INVERSE_DEPTH, to_depth
from keras_lwm.measured import is_measured
from keras_lwm.rgbd_folder.made_depth import ScaleShift

LEAST_PIXELS = 100
_PIXELS_A_FRAME = 1000
_ROUNDS = 100


def fit_scale_shift(pairs: Iterable[tuple[np.ndarray, np.ndarray]], kind: str) -> ScaleShift | None:
    """Fits scale and shift to frames whose depth is measured, by least absolute deviations.

    The fit is of depth, or of inverse depth where the model gives that. A model in metres keeps
    its own: scale 1, shift 0, and the residual says how far off it is.

    Args:
        pairs: of each frame the model's numbers and the measured depth, (H, W) each; metres, not
            finite or <= 0 = not measured.
        kind: what the model's numbers mean, out of `kinds.KINDS`.

    Returns:
        The alignment; None where nothing is measured in any frame.

    Raises:
        ValueError: fewer than 100 measured pixels, numbers that are all the same, or a scale that
            is not positive: such a model does not follow the depth.
    """
    samples = [_sample(values, depth) for values, depth in pairs]
    samples = [sample for sample in samples if sample.size]
    if not samples:
        return None
    values, depth = np.concatenate(samples, axis=1)
    scale, shift = (1.0, 0.0) if kind == METRES else _fit(values, depth, kind)
    made = to_depth(values, kind, scale, shift)
    positive = made > 0
    if not positive.any():
        raise ValueError("The model gives no positive depth at any of the measured pixels.")
    residual = np.median(np.abs(np.log(made[positive] / depth[positive])))
    return ScaleShift(float(scale), float(shift), len(samples), len(values), float(residual))


def _sample(values, depth):
    """Up to a thousand measured pixels, evenly spread: (2, N) of the model's numbers and metres."""
    measured = np.flatnonzero(is_measured(depth, np))
    if len(measured) > _PIXELS_A_FRAME:
        measured = measured[np.linspace(0, len(measured) - 1, _PIXELS_A_FRAME).astype(int)]
    return np.stack([values.ravel()[measured], depth.ravel()[measured]]).astype(np.float64)


def _fit(values, depth, kind):
    if len(values) < LEAST_PIXELS:
        raise ValueError(
            f"Expected {LEAST_PIXELS} measured pixels or more to align relative depth by; received "
            f"{len(values)}."
        )
    if np.ptp(values) == 0:
        raise ValueError(
            f"The model gives the same number, {values[0]:g}, at all of the {len(values)} measured "
            "pixels: no scale aligns it."
        )
    scale, shift = least_absolute_line(
        values, 1 / depth if kind == RELATIVE_INVERSE_DEPTH else depth
    )
    if not scale > 0:
        raise ValueError(
            f"Aligned to the measured depth, the model's {kind} has the scale {scale:.3g}: "
            "expected one above 0. Is it of another kind?"
        )
    return scale, shift


def least_absolute_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Scale and shift that minimise the sum of |scale x + shift - y|.

    By iteratively reweighted least squares (Holland, Welsch, "Robust regression using iteratively
    reweighted least-squares", Communications in Statistics 1977), from the plain least squares on.

    Args:
        x, y: (N,), x not all the same.
    """
    # Of x about its centre, so that numbers of any unit are well conditioned.
    centre, width = np.median(x), np.ptp(x)
    design = np.stack([(x - centre) / width, np.ones_like(x)], axis=1)
    least = 1e-6 * (np.median(np.abs(y - np.median(y))) or np.abs(y).max() or 1.0)
    weight = np.ones_like(y)
    solution = np.zeros(2)
    for _ in range(_ROUNDS):
        weighted = design * weight[:, None]
        before, solution = solution, np.linalg.solve(weighted.T @ design, weighted.T @ y)
        if np.allclose(before, solution, rtol=1e-9, atol=0):
            break
        weight = 1 / np.maximum(np.abs(design @ solution - y), least)
    scale = solution[0] / width
    return scale, solution[1] - scale * centre
