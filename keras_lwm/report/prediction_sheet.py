"""A picture of what a network makes of a few test images, and how the method sees them.

Arrays only: image (H, W, 3) 0..255; label and prediction (H, W) class ids, 255 = void; depth (H, W)
or (H, W, 1) metres, not finite or <= 0 = not measured. All come in sequences, one entry a sample,
and may differ in size between samples and between the maps of one sample.
"""

import numpy as np
from matplotlib.colors import Normalize

from keras_lwm.report.colours import colour_depth, colour_labels, colour_values, striped
from keras_lwm.report.grid import ColourBar, Panel, write_grid
from keras_lwm.report.maps import (
    DEPTH_MAP,
    ERROR_MAP,
    WEIGHT_MAP,
    as_map,
    as_picture,
    check_sequences,
    depth_norm,
    has_holes,
    present_classes,
    under_centres,
    weight_norm,
)
from keras_lwm.void import VOID


def prediction_sheet(
    path,
    images,
    labels,
    predictions,
    depths=None,
    predicted_depths=None,
    dpe=None,
    dse=None,
    weights=None,
    *,
    class_names,
    palette,
    names=None,
):
    """Writes a PNG with a row for each image and a column for each map that is given.

    Args:
        path: where to, ending in `.png`; replaced whole.
        images, labels, predictions: sequences of arrays (see above).
        depths, predicted_depths: metres; one scale for both, over the whole sheet.
        dpe, dse: depth prediction error and depth-aware segmentation error, 0 to 1, at any
            resolution, (h, w) or (h, w, 1).
        weights: loss weight maps, likewise; pixels that are void are striped.
        class_names: C names; those that occur in a label or a prediction are explained.
        palette: RGB triples 0..255, one a class.
        names: titles of the rows.

    Raises:
        ValueError: if the sequences, names and colours do not fit together.
    """
    maps = {
        "image": images,
        "label": labels,
        "prediction": predictions,
        "depth": depths,
        "predicted depth": predicted_depths,
        "DPE": dpe,
        "DSE": dse,
        "loss weight": weights,
    }
    check_sequences({**maps, "names": names}, class_names, palette)
    given = {title: values for title, values in maps.items() if values is not None}
    norms = {
        "depth": depth_norm(depths, predicted_depths),
        "error": Normalize(0, 1),
        "weight": weight_norm(weights),
    }
    rows = [
        [
            Panel(
                _picture(title, values[index], labels[index], palette, norms),
                title,
                _remark(title, values[index], labels[index]),
            )
            for title, values in given.items()
        ]
        for index in range(len(images))
    ]
    write_grid(
        path,
        rows,
        _bars(list(given), norms),
        present_classes(class_names, palette, labels, predictions),
        row_titles=names,
        unmeasured=has_holes(depths),
    )


def _picture(title, values, label, palette, norms):
    if title == "image":
        return as_picture(values)
    if title in ("label", "prediction"):
        return colour_labels(values, palette)
    values = as_map(values)
    if title in ("depth", "predicted depth"):
        return colour_depth(values, DEPTH_MAP, norms["depth"])
    if title == "loss weight":
        void = under_centres(np.asarray(label), values.shape) == VOID
        return striped(colour_values(values, WEIGHT_MAP, norms["weight"]), void)
    return colour_values(values, ERROR_MAP, norms["error"])


def _remark(title, values, label):
    if title != "prediction":
        return ""
    counted = np.asarray(label) != VOID
    right = (np.asarray(values) == label) & counted
    return f"PixAcc {100 * right.sum() / counted.sum():.1f} %" if counted.any() else ""


def _bars(titles, norms):
    scales = (
        ("depth", DEPTH_MAP, ("depth", "predicted depth"), "depth (m)"),
        ("error", ERROR_MAP, ("DPE", "DSE"), "error (no unit): 0 easy, 1 hard"),
        ("weight", WEIGHT_MAP, ("loss weight",), "loss weight (no unit, mean 1)"),
    )
    for name, colour_map, members, text in scales:
        columns = [titles.index(title) for title in members if title in titles]
        if columns:
            yield ColourBar(columns[0], columns[-1], colour_map, norms[name], text)
