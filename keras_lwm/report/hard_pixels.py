"""The maps by which the method sees a labelled frame, for pictures."""

from keras import ops

from keras_lwm.mining import LossWeightModule
from keras_lwm.resampling import resize_bilinear

MEASURES = {
    "depth_prediction_error": "dpe",
    "depth_aware_segmentation_error": "dse",
}


def hard_pixel_maps(model, image, label, depth):
    """What a model makes of one frame, and how hard its pixels are.

    A weighting that does not measure DPE or DSE itself gets them from a `LossWeightModule` that
    gathers by window, which needs no training: so every picture shows the same columns.

    Args:
        model: a `DepthPrivilegedModel` with a depth output.
        image: (H, W, 3), 0..255.
        label: (H, W) class ids, 255 = void.
        depth: (H, W, 1) metres; not finite or <= 0 = not measured.

    Returns:
        A dictionary of NumPy arrays: `prediction` (H, W) class ids; `predicted_depth` (h, w) metres
        and the maps `dpe`, `dse` and `weight`, at the main output's resolution.
    """
    # Compiled: run op by op, JAX would compile every layer by itself.
    outputs = model.predict_on_batch(image[None].astype("float32"))
    outputs = {name: ops.convert_to_tensor(values) for name, values in outputs.items()}
    logits = outputs["segmentation"]
    targets = (
        ops.convert_to_tensor(label[None].astype("int32")),
        ops.convert_to_tensor(depth[None], "float32"),
    )
    maps = LossWeightModule(gathering="window").measure(logits, *targets, outputs["depth"])
    maps |= model.weighting.measure(logits, *targets, outputs["depth"])
    shown = {
        "prediction": ops.argmax(resize_bilinear(logits, image.shape[:2]), axis=-1),
        "predicted_depth": ops.squeeze(outputs["depth"], -1),
        "weight": maps["loss_weight"],
        **{short: maps[name] for name, short in MEASURES.items()},
    }
    return {name: ops.convert_to_numpy(values)[0] for name, values in shown.items()}
