"""A picture of a few training samples.

Arrays only: image (H, W, 3) 0..255; label (H, W) class ids, 255 = void; depth (H, W)
or (H, W, 1) metres, not finite or <= 0 = not measured. All come in sequences, one entry a sample,
and may differ in size.
"""

import numpy as np

from keras_lwm.report.colours import colour_depth, colour_labels
from keras_lwm.report.grid import ColourBar, Panel, write_grid
from keras_lwm.report.maps import (
    DEPTH_MAP,
    as_map,
    as_picture,
    check_sequences,
    depth_norm,
    has_holes,
    present_classes,
)


def training_sheet(path, images, labels, depths=None, *, class_names, palette, names=None):
    """Writes a PNG of training samples as the network sees them, two samples a row.

    Args:
        path: where to, ending in `.png`; replaced whole.
        images, labels, depths: sequences of arrays (see above); `depths` where there are any.
        class_names: C names; those that occur are explained.
        palette: RGB triples 0..255, one a class.
        names: one a sample, written into its image's corner; `None`: none.

    Raises:
        ValueError: if the sequences, names and colours do not fit together.
    """
    maps = {"image": images, "label": labels, "depth": depths}
    check_sequences(maps, class_names, palette)
    norm = depth_norm(depths)
    samples = []
    for index in range(len(images)):
        panels = [
            Panel(as_picture(images[index]), "image", "" if names is None else names[index]),
            Panel(colour_labels(labels[index], palette), "label"),
        ]
        if depths is not None:
            panels.append(Panel(colour_depth(as_map(depths[index]), DEPTH_MAP, norm), "depth"))
        samples.append(panels)
    wide = len(samples) > 1
    if wide and len(samples) % 2:
        samples.append([Panel(np.full_like(panel.picture, 255)) for panel in samples[-1]])
    rows = [a + b for a, b in zip(samples[::2], samples[1::2], strict=True)] if wide else samples
    bars = (
        [ColourBar(0, len(rows[0]) - 1, DEPTH_MAP, norm, "depth (m)")] if depths is not None else []
    )
    write_grid(
        path,
        rows,
        bars,
        present_classes(class_names, palette, labels),
        unmeasured=has_holes(depths),
    )
