"""A training network from somebody's own segmenter."""

import keras
from keras import layers

from keras_lwm.networks.blocks import head
from keras_lwm.networks.depth_branch import depth_head
from keras_lwm.networks.graph import OpenedGraph
from keras_lwm.networks.logits import find_features, find_logits
from keras_lwm.networks.refinenet import SIDE_STRIDES
from keras_lwm.networks.resize import ResizeLike


def _check_model(model, side_outputs):
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) != 1 or len(model.inputs) != 1:
        raise ValueError(
            "Expected a functional (or built sequential) keras.Model with one input and one "
            f"output; received {model!r} with outputs {outputs!r}."
        )
    if not set(side_outputs) <= set(SIDE_STRIDES):
        raise ValueError(
            f"side_outputs must map strides out of {SIDE_STRIDES} to names of layers; "
            f"received {side_outputs!r}."
        )


def _as_map(tensor, name):
    if len(tensor.shape) != 4 or tensor.shape[-1] is None:
        raise ValueError(
            f"Layer {name!r} gives no feature map (batch, height, width, channels) but a tensor "
            f"of shape {tensor.shape}."
        )
    return tensor


def _depth_at(logits, features, width, initial_depth):
    depth = depth_head(features, width, initial_depth)
    if None not in depth.shape[1:3] and depth.shape[1:3] == logits.shape[1:3]:
        return depth
    return ResizeLike(dtype="float32", name="depth_at_logits_size")([depth, logits])


def attach_depth_branch(
    model,
    features=None,
    logits=None,
    side_outputs=(),
    width=64,
    initial_depth=3.0,
    name=None,
):
    """Makes a training network from a segmenter: its logits, depth, and side outputs.

    The segmenter's layers are used, not copied, so that training the result trains it. A nested
    model that makes the output (or holds a layer named here) is opened: its layers become layers
    of the result.

    Args:
        model: a functional `keras.Model`, images (B, H, W, 3) with values 0..255 to logits or
            probabilities (B, h, w, C), such as keras-cv's DeepLabV3Plus.
        features: name of the layer whose output (B, h', w', any) the depth branch works on; None:
            what the layer that makes the logits works on, before any upsampling in between.
        logits: name of the layer that makes the logits. If its activation is a softmax, the
            logits are what the softmax is taken of. None: the model's last layer.
        side_outputs: mapping of strides out of 8, 16, 32 to the names of layers, each of which gets
            a new 3x3 classifier; () for none.
        width: channels of the depth branch.
        initial_depth: metres, about a typical depth of the scenes.
        name: of the result.

    Returns:
        A functional `keras.Model`: images to a dictionary. `segmentation`: logits (B, h, w, C);
        `depth`: metres, positive, (B, h, w, 1), resized bilinearly from the features' resolution;
        `side_8`, ...: logits at their layers' resolution. All float32 under every dtype policy.

    Raises:
        ValueError: no logits can be found, or a name is unknown.

    Example:
        >>> segmenter = keras_cv.models.DeepLabV3Plus(backbone=backbone, num_classes=13)
        >>> sorted(attach_depth_branch(segmenter).output)
        ['depth', 'segmentation']
    """
    side_outputs = dict(side_outputs)
    _check_model(model, side_outputs)
    named = {features, logits, *side_outputs.values()} - {None}
    graph = OpenedGraph(model, named)
    logit_maps, classifier = find_logits(graph, logits)
    if logit_maps.dtype != "float32":
        to_float32 = layers.Activation("linear", dtype="float32", name="segmentation_logits")
        logit_maps = to_float32(logit_maps)
    if features is None:
        feature_maps = find_features(graph, classifier)
    else:
        feature_maps = _as_map(graph.find(features).output, features)

    outputs = {
        "segmentation": logit_maps,
        "depth": _depth_at(logit_maps, feature_maps, width, initial_depth),
    }
    for stride, layer_name in side_outputs.items():
        maps = _as_map(graph.find(layer_name).output, layer_name)
        outputs[f"side_{stride}"] = head(maps, logit_maps.shape[-1], f"side_{stride}_logits")
    return keras.Model(graph.image, outputs, name=name)
