"""From a training network to what is deployed: RGB in, segmentation out, nothing else left."""

import keras

from keras_lwm.depth_input import sees_depth
from keras_lwm.networks.attach import OpenedGraph
from keras_lwm.networks.layers import ResizeLike

OUTPUTS = ("logits", "probabilities", "labels")

RESIZED = "logits_at_image_size"
"""Name of the layer that resizes the logits."""


def segmenter(model: keras.Model, output: str = "logits") -> keras.Model:
    """The RGB-only inference model inside a training network, sharing its weights.

    Only the layers that `segmentation` depends on are in it: no weight and no operation of the
    depth branch, of the side outputs or of a loss weighting.

    Args:
        model: a functional `keras.Model` (or an instance of a subclass, such as
            `DepthPrivilegedModel`) with one image input and a dictionary of outputs that has
            `segmentation`, logits (B, h, w, C) of any resolution.
        output: "logits", "probabilities" (their softmax) or "labels" (their argmax).

    Returns:
        A functional `keras.Model`: images (B, H, W, 3), values 0..255, to logits or probabilities
        (B, H, W, C), float32, or labels (B, H, W), int32. Logits are resized bilinearly.

    Raises:
        ValueError: the model is not such a network, sees depth (a `SeesDepthError`), or `output` is
            unknown.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}; received {output!r}.")
    outputs = getattr(model, "output", None)
    if not isinstance(outputs, dict) or "segmentation" not in outputs or len(model.inputs) != 1:
        raise ValueError(
            "Expected a functional model with one input and a dictionary of outputs that has "
            f"'segmentation'; received {model!r} with output {outputs!r}."
        )
    refuse_depth(model)
    image = model.inputs[0]
    logits = outputs["segmentation"]
    if logits.shape[1:3] != image.shape[1:3] or None in logits.shape[1:3]:
        logits = ResizeLike(dtype="float32", name=RESIZED)([logits, image])
    if output == "probabilities":
        logits = keras.layers.Softmax(dtype="float32", name="probabilities")(logits)
    elif output == "labels":
        logits = keras.ops.argmax(logits, axis=-1)
    return keras.Model(image, logits, name=f"{model.name}_segmenter")


class SeesDepthError(ValueError):
    """A network sees depth, which is not to be had where it would be used."""


def refuse_depth(model: keras.Model) -> None:
    """Raises a `SeesDepthError` for a network that sees depth."""
    if sees_depth(model):
        raise SeesDepthError(
            "Expected a network of RGB images; received one that sees depth, which is a teacher, "
            "or a measure of what depth is worth; it can be scored (keras-lwm evaluate)."
        )


def before_resizing(model: keras.Model) -> keras.Model:
    """A segmenter as it is before the layer that resizes its logits to the image's size.

    Args:
        model: a functional model of one image to logits, such as `segmenter` gives, or to a
            dictionary of outputs that has `segmentation`.

    Returns:
        A functional model of the image to a dictionary: `segmentation`, logits at the network's own
        resolution, and `depth` where the model gives it.
    """
    image, outputs = model.inputs[0], model.output
    if not isinstance(outputs, dict):
        graph = OpenedGraph(model)
        image, outputs = graph.image, {"segmentation": logits_before_resizing(graph)}
    wanted = {name: outputs[name] for name in ("segmentation", "depth") if name in outputs}
    return keras.Model(image, wanted, name=model.name)


def logits_before_resizing(graph: OpenedGraph) -> keras.KerasTensor:
    """The logits of a graph, without the last layer where that is the one of `segmenter`."""
    call = graph.producer(graph.output)
    if call is None or not isinstance(call.layer, ResizeLike) or call.layer.name != RESIZED:
        return graph.output
    maps, reference = call.arguments[0]
    return maps if reference is graph.image else graph.output
