"""The two pictures of a run: its training samples, and its predictions on test frames."""

import numpy as np
from keras import ops

from keras_lwm.mining import LossWeightModule
from keras_lwm.report.drawing import (
    DEPTH_MAP,
    ERROR_MAP,
    WEIGHT_MAP,
    ColourBar,
    Panel,
    as_map,
    as_picture,
    check_sequences,
    colour_depth,
    colour_labels,
    depth_norm,
    has_holes,
    map_norms,
    map_picture,
    present_classes,
    write_grid,
)
from keras_lwm.resampling import resize_bilinear
from keras_lwm.void import void_id

MEASURES = {
    "depth_prediction_error": "dpe",
    "depth_aware_segmentation_error": "dse",
}


def hard_pixel_maps(model, image, label, depth) -> dict[str, np.ndarray]:
    """What a model makes of one frame, and how hard its pixels are.

    A weighting that does not measure DPE or DSE itself gets them from a `LossWeightModule` that
    gathers by window, which needs no training: so every picture shows the same columns. Where the
    network predicts no depth, there is neither a `predicted_depth` nor a DPE.

    Args:
        model: a `DepthPrivilegedModel`.
        image: (H, W, 3), 0..255.
        label: (H, W) class ids, 255 = void (65535 beyond 255 classes).
        depth: (H, W, 1) metres; not finite or <= 0 = not measured.

    Returns:
        A dictionary of NumPy arrays: `prediction` (H, W) class ids; `predicted_depth` (h, w) metres
        and the maps `dpe`, `dse` and `weight` (h, w), at the main output's resolution.
    """
    # Compiled: run op by op, JAX would compile every layer by itself. Under TensorFlow each of
    # several devices predicts the frame.
    batch = model.network_input(image[None].astype("float32"), {"depth": depth[None]})
    outputs = model.predict_on_batch(batch)
    outputs = {name: ops.convert_to_tensor(values[:1]) for name, values in outputs.items()}
    logits = outputs["segmentation"]
    targets = (
        ops.convert_to_tensor(label[None].astype("int32")),
        ops.convert_to_tensor(depth[None], "float32"),
    )
    depth_pred = outputs.get("depth")
    by_window = LossWeightModule(gathering="window", alpha=0.0 if depth_pred is None else 1.0)
    maps = by_window.measure(logits, *targets, depth_pred)
    maps |= model.weighting.measure(logits, *targets, depth_pred)
    shown = {
        "prediction": ops.argmax(resize_bilinear(logits, image.shape[:2]), axis=-1),
        "weight": maps["loss_weight"],
        **{short: maps[name] for name, short in MEASURES.items() if name in maps},
    }
    if depth_pred is not None:
        shown["predicted_depth"] = ops.squeeze(depth_pred, -1)
    return {name: ops.convert_to_numpy(values)[0] for name, values in shown.items()}


def training_sheet(path, images, labels, depths=None, *, class_names, palette, names=None) -> None:
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
) -> None:
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
    norms = map_norms(depths, predicted_depths, weights)
    rows = [
        [
            Panel(
                map_picture(title, values[index], labels[index], palette, norms),
                title,
                _remark(title, values[index], labels[index], void_id(len(palette))),
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


def _remark(title, values, label, void):
    if title != "prediction":
        return ""
    counted = np.asarray(label) != void
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
