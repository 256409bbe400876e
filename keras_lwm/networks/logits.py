"""Finding the logits of a segmenter that may end in a softmax, and the features behind them."""

import keras
from keras import layers

from keras_lwm.networks.graph import Call, OpenedGraph
from keras_lwm.networks.resize import ResizeLike

LINEAR = (None, keras.activations.linear)
RESIZING = (layers.UpSampling2D, layers.Resizing, ResizeLike)
PASSING = (layers.Activation, layers.Identity, layers.Dropout, layers.SpatialDropout2D)


@keras.saving.register_keras_serializable(package="keras_lwm")
class WithoutActivation(layers.Wrapper):
    """What a layer computes before its activation, with the layer's own weights.

    Args:
        layer: a layer that has an attribute `activation`.
    """

    def call(self, inputs):
        activation, self.layer.activation = self.layer.activation, keras.activations.linear
        try:
            return self.layer(inputs)
        finally:
            self.layer.activation = activation

    def compute_output_shape(self, input_shape):
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
