"""Arrays as colours: class ids, metres, and the pixels that have neither."""

import matplotlib
import numpy as np

from keras_lwm.void import VOID

UNMEASURED = (217, 217, 217)
VOID_STRIPES = ((255, 255, 255), (96, 96, 96))


def colour_labels(label, palette):
    """Colours class ids (H, W) by `palette` (C, 3): uint8 (H, W, 3); void is striped.

    Raises:
        ValueError: if an id is neither void nor in the palette.
    """
    label = np.asarray(label).astype("int64")
    palette = np.asarray(palette, "uint8")
    void = label == VOID
    known = label[~void]
    if known.size and not 0 <= known.min() <= known.max() < len(palette):
        raise ValueError(
            f"Expected class ids from 0 to {len(palette) - 1}, or {VOID} (void), one a colour; "
            f"received ids from {known.min()} to {known.max()}."
        )
    return striped(palette[np.where(void, 0, label)], void)


def striped(colours, where):
    """Returns `colours` uint8 (H, W, 3) with stripes where the booleans (H, W) say."""
    rows, columns = np.indices(where.shape)
    width = max(max(where.shape) // 100, 1)
    stripe = (rows + columns) // width % 3 == 0
    stripes = np.where(stripe[..., None], VOID_STRIPES[1], VOID_STRIPES[0])
    return np.where(where[..., None], stripes, colours).astype("uint8")


def colour_values(values, colour_map, norm):
    """Colours float values (H, W) by a Matplotlib colour map and normalisation: uint8."""
    return matplotlib.colormaps[colour_map](norm(values), bytes=True)[..., :3]


def colour_depth(depth, colour_map, norm):
    """Colours metres (H, W); unmeasured pixels (not finite or <= 0) have a colour of their own."""
    measured = is_measured(depth)
    colours = colour_values(np.where(measured, depth, norm.vmin), colour_map, norm)
    return np.where(measured[..., None], colours, np.uint8(UNMEASURED))


def is_measured(depth):
    return np.isfinite(depth) & (np.nan_to_num(depth) > 0)
