"""What of a Keras model is exported: a functional network from images to logits, and no more."""

import keras

from keras_lwm.networks.graph import OpenedGraph
from keras_lwm.networks.logits import find_logits
from keras_lwm.networks.resize import ResizeLike
from keras_lwm.networks.segmenter import RESIZED, segmenter

# A name of its own: that of a training network would run through every name in a file.
_NAME = "segmenter"


def inference_network(model):
    """Takes the RGB-only network out of a training network or a segmenter, sharing its weights.

    Args:
        model: a functional `keras.Model` with one image input (B, H, W, 3), 0..255: a training
            network with a dictionary of outputs that has `segmentation`; or a segmenter with one
            output, logits or probabilities (B, h, w, C), as by `keras_lwm.segmenter`.

    Returns:
        A functional `keras.Model` named "segmenter": images (B, H, W, 3) to logits (B, H, W, C),
        float32.

    Raises:
        ValueError: it is no such model.
    """
    if not isinstance(getattr(model, "output", None), dict):
        if len(getattr(model, "outputs", None) or ()) != 1 or len(model.inputs) != 1:
            raise ValueError(
                "Expected a functional keras.Model with one image input, and one output or a "
                f"dictionary of outputs that has 'segmentation'; received {model!r}."
            )
        graph = OpenedGraph(model)
        logits = _logits_of_segmenter(graph)
        if logits is not None:
            return keras.Model(graph.image, logits, name=_NAME)
        model = keras.Model(graph.image, {"segmentation": _logits(graph, model)})
    image = model.inputs[0]
    if len(image.shape) != 4 or image.shape[-1] != 3:
        raise ValueError(
            f"Expected a network of RGB images (batch, height, width, 3); received one of inputs "
            f"of shape {tuple(image.shape)}."
        )
    at_image_size = segmenter(model)
    return keras.Model(at_image_size.inputs[0], at_image_size.output, name=_NAME)


def _logits(graph, model):
    try:
        return find_logits(graph)[0]
    except ValueError as error:
        raise ValueError(
            "Expected a segmenter that ends in logits (batch, height, width, classes) or their "
            f"softmax; received model {model.name!r}, which ends in {model.layers[-1].name!r}."
        ) from error


def _logits_of_segmenter(graph):
    """Logits at the image's size, of a model that `keras_lwm.segmenter` made; None of another.

    Free sizes do not tell that they have been resized, and twice would cost time and memory.
    """
    call = graph.producer(graph.output)
    if call is not None and isinstance(call.layer, keras.layers.Softmax):
        call = graph.producer(call.arguments[0])
    if call is None or not isinstance(call.layer, ResizeLike) or call.layer.name != RESIZED:
        return None
    _, reference = call.arguments[0]
    return call.output if reference is graph.image else None
