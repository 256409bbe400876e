"""A training network from somebody's own segmenter: its logits and features found, heads added."""

from typing import Any, NamedTuple

import keras
from keras import layers

from keras_lwm.networks.hub_backbones import normalisation
from keras_lwm.networks.layers import ResizeLike
from keras_lwm.networks.refinenet import SIDE_STRIDES, depth_head, head
from keras_lwm.tensors import Tensor


class Call(NamedTuple):
    """One use of a layer or operation in a graph: its positional arguments and its result."""

    layer: Any
    arguments: tuple
    output: Any


def _is_graph(layer):
    is_functional = isinstance(layer, keras.Model) and hasattr(layer, "operations")
    return is_functional or isinstance(layer, keras.Sequential)


def _contains(model, names):
    layers = model.layers
    return any(
        layer.name in names or (_is_graph(layer) and _contains(layer, names)) for layer in layers
    )


class OpenedGraph:
    """A functional model run again on its own inputs, with its layers, and every call on record.

    Nested models stay nested, except for the one that makes the output and those that hold a layer
    asked for: these are opened, so that the tensors inside them can be had.

    Args:
        model: a functional `keras.Model` with one input and one output tensor.
        names: layers, at any depth, whose outputs will be asked for.
        normalisation: a layer that the image goes through first; None: the model takes it as it is.
    """

    def __init__(self, model, names=(), normalisation=None):
        self.model_name = model.name
        self._names = set(names)
        self._calls = []
        self.image = inputs = model.inputs[0]
        if normalisation is not None:
            self.image = keras.Input(self.image.shape[1:], name="image")
            inputs = normalisation(self.image)
        self.output = self._run(model, inputs)

    def _run(self, model, inputs):
        if isinstance(model, keras.Sequential):
            for layer in model.layers:
                inputs = self._call(layer, inputs, is_last=layer is model.layers[-1])
            return inputs
        last = model.operations[-1]
        # Keras has no public way to run a graph's operations one by one.
        return model._run_through_graph(
            inputs,
            operation_fn=lambda operation: operation,
            call_fn=lambda layer, *args, **kwargs: self._call(
                layer, *args, is_last=layer is last, **kwargs
            ),
        )

    def _call(self, layer, *args, is_last, **kwargs):
        if _is_graph(layer) and (is_last or _contains(layer, self._names)):
            return self._run(layer, args[0])
        output = layer(*args, **kwargs)
        self._calls.append(Call(layer, args, output))
        return output

    def producer(self, tensor) -> Call | None:
        """The call that made a tensor; None for the graph's input."""
        return next((call for call in self._calls if call.output is tensor), None)

    def find(self, name) -> Call:
        """The last call of the layer of this name. ValueError if there is none."""
        found = [call for call in self._calls if call.layer.name == name]
        if not found:
            last = ", ".join(call.layer.name for call in self._calls[-8:])
            raise ValueError(
                f"Model {self.model_name!r} has no layer {name!r}; its last layers are {last}."
            )
        return found[-1]


LINEAR = (None, keras.activations.linear)
RESIZING = (layers.UpSampling2D, layers.Resizing, ResizeLike)
PASSING = (layers.Activation, layers.Identity, layers.Dropout, layers.SpatialDropout2D)


@keras.saving.register_keras_serializable(package="keras_lwm")
class WithoutActivation(layers.Wrapper):
    """What a layer computes before its activation, with the layer's own weights.

    Args:
        layer: a layer that has an attribute `activation`.
    """

    def call(self, inputs) -> Tensor:
        activation, self.layer.activation = self.layer.activation, keras.activations.linear
        try:
            return self.layer(inputs)
        finally:
            self.layer.activation = activation

    def compute_output_shape(self, input_shape) -> tuple:
        return self.layer.compute_output_shape(input_shape)


def _activation(call):
    return getattr(call.layer, "activation", None)


def _is_softmax(call):
    # The layer and the operation behind keras.ops.softmax have this name both.
    is_named = type(call.layer).__name__ == "Softmax"
    return is_named or _activation(call) is keras.activations.softmax


def _has_weights(call):
    return bool(getattr(call.layer, "weights", ()))


def _is_resizing(call):
    # "Resize" is the operation behind keras.ops.image.resize.
    passes = isinstance(call.layer, PASSING) and _activation(call) in LINEAR
    return passes or isinstance(call.layer, RESIZING) or type(call.layer).__name__ == "Resize"


def _before_resizing(graph, tensor):
    """A tensor as it was before layers that resize it or pass it on, and the call that made it."""
    call = graph.producer(tensor)
    while call is not None and _is_resizing(call):
        tensor = call.arguments[0]
        if isinstance(tensor, (list, tuple)):
            tensor = tensor[0]  # `ResizeLike` takes the maps and a reference.
        call = graph.producer(tensor)
    return tensor, call


def _cannot_find(graph, why):
    return ValueError(
        f"Cannot find the logits of model {graph.model_name!r}: {why}; name the layer that makes "
        "them with logits=."
    )


def _split_softmax(call):
    """The logits that a call takes the softmax of; its result, if it is no softmax."""
    if not _is_softmax(call):
        return call.output
    if not _has_weights(call):
        return call.arguments[0]
    layer = call.layer
    linear = WithoutActivation(layer, dtype=layer.dtype_policy, name=f"{layer.name}_linear")
    return linear(call.arguments[0])


def _last_classifier(graph, call):
    """The call of the layer with weights behind a graph's last call."""
    if _is_softmax(call) and _has_weights(call):
        return call
    _, classifier = _before_resizing(graph, _split_softmax(call))
    if classifier is None or not hasattr(classifier.layer, "activation"):
        raise _cannot_find(graph, f"nothing tells whether {call.layer.name!r} gives logits")
    if _is_softmax(classifier):
        raise _cannot_find(graph, f"the softmax of {classifier.layer.name!r} is resized after it")
    if _activation(classifier) not in LINEAR:
        raise _cannot_find(graph, f"{classifier.layer.name!r} has another activation than softmax")
    return classifier


def find_logits(graph: OpenedGraph, name=None) -> tuple[keras.KerasTensor, Call]:
    """The logits (B, h, w, C) of a graph and the call of the layer with weights that makes them.

    Args:
        graph: the graph.
        name: the layer that makes them, or would, were it not for its softmax: its word is taken.
            None: the last layer.

    Raises:
        ValueError: unnamed, the last layer is neither a softmax nor linear; or there is no map of
            at least two classes.
    """
    if name is None:
        call = graph.producer(graph.output)
        if call is None:
            raise _cannot_find(graph, "its output is its input")
        classifier = _last_classifier(graph, call)
    else:
        call = classifier = graph.find(name)
    logits = _split_softmax(call)
    shape = logits.shape
    if len(shape) != 4 or shape[-1] is None or shape[-1] < 2:
        raise _cannot_find(graph, f"expected (batch, height, width, classes), received {shape}")
    return logits, classifier


def find_features(graph: OpenedGraph, classifier: Call) -> keras.KerasTensor:
    """The map that a classifier works on, as it was before any upsampling."""
    return _before_resizing(graph, classifier.arguments[0])[0]


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


def _own_normalisation(model):
    """What a task of KerasHub computes of images before its network; None for other models."""
    preprocessor = getattr(model, "preprocessor", None)
    converter = getattr(preprocessor, "image_converter", None)
    return None if converter is None else normalisation(converter)


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
) -> keras.Model:
    """Makes a training network from a segmenter: its logits, depth, and side outputs.

    The segmenter's layers are used, not copied, so that training the result trains it. A nested
    model that makes the output (or holds a layer named here) is opened: its layers become layers
    of the result.

    Args:
        model: a functional `keras.Model`, images (B, H, W, 3) with values 0..255 to logits or
            probabilities (B, h, w, C). An image segmenter of KerasHub is one with its
            preprocessor, whose normalisation becomes a layer of the result; its resizing does not.
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

    Examples:
        >>> segmenter = keras_hub.models.ImageSegmenter.from_preset(preset, num_classes=13)
        >>> sorted(attach_depth_branch(segmenter).output)
        ['depth', 'segmentation']
    """
    side_outputs = dict(side_outputs)
    _check_model(model, side_outputs)
    named = {features, logits, *side_outputs.values()} - {None}
    graph = OpenedGraph(model, named, _own_normalisation(model))
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
