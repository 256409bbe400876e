"""Questions a unit of depth that would put the scene at an unlikely distance."""

import numpy as np

from keras_lwm.rgbd_folder.files import read_depth
from keras_lwm.rgbd_folder.layout import Frame

# Metres. Tabletop scenes lie near the first, streets seen by stereo cameras below the second.
LIKELY_MEDIAN = (0.1, 80.0)
_FRAMES_LOOKED_AT = 16


def question_depth_unit(frames: list[Frame], depth_unit: float | None) -> None:
    """Raises a `ValueError` if the depth of these frames looks like another unit than metres.

    Looks at up to 16 frames, evenly spread; at the median over frames of each frame's median.
    """
    frames = [frame for frame in frames if frame.depth is not None]
    medians = []
    for place in np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES_LOOKED_AT)).astype(int):
        depth = read_depth(frames[place].depth, depth_unit)
        if depth.any():
            medians.append((float(np.median(depth[depth > 0])), frames[place].depth))
    if not medians:
        return
    median, path = sorted(medians)[len(medians) // 2]
    nearest, farthest = LIKELY_MEDIAN
    if nearest <= median <= farthest:
        return
    unit = 1 if depth_unit is None else depth_unit
    if median < nearest:
        guess = f"as if depth_unit={unit:g} were too small"
    elif median < 10 * farthest:
        guess = f"as if it counted centimetres: set depth_unit={unit / 100:g}"
    else:
        guess = f"as if it counted millimetres: set depth_unit={unit / 1000:g}"
    raise ValueError(
        f"{path} has a median depth of {median:.3g} m with depth_unit={unit:g}, {guess}, or "
        f"unusual_depth=True if it is right; expected {nearest:g} to {farthest:g} m."
    )
