"""What of a Keras model is exported: a functional network from images to logits, and no more."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_lwm.keras_files import read_configuration, weights_file
from keras_lwm.networks.attach import OpenedGraph, find_logits
from keras_lwm.networks.layers import ResizeLike
from keras_lwm.networks.segmenter import RESIZED, refuse_depth, segmenter
from keras_lwm.windows import Window, seen_through

_REDUCED = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


def load_in_float32(path: Any, title: str) -> keras.Model:
    """Loads the model of a `.keras` file, without its optimiser, whatever its dtype policies.

    A network trained in mixed precision keeps its weights in float32. Half precision in its
    computation was for the training device's sake: many runtimes lack it on a CPU, or emulate it.

    Args:
        path: the file.
        title: what sentences call it.

    Raises:
        ValueError: the file is no `.keras` file, is refused (see `keras_lwm.keras_files`), Keras
            cannot load it here, or its weights are not finite.
    """
    configuration = read_configuration(path, title)
    configuration = _in_float32({**configuration, "compile_config": None})
    with weights_file(path, title) as weights:
        try:
            model = keras.saving.deserialize_keras_object(configuration, safe_mode=True)
            model.load_weights(weights)
        except Exception as error:
            raise ValueError(_why_not_loaded(error, title)) from error
    for variable in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise ValueError(
                f"Expected finite weights; received NaN or infinity in {variable.path} of {title}."
            )
    return model


def _why_not_loaded(error, title):
    # Keras puts the whole configuration before what it was about.
    message = " ".join(str(error).split()).split("Exception encountered: ")[-1]
    # Every refusal of Keras' safe mode says by which option it is overridden.
    if "safe_mode" in message:
        first, *_ = message.split(". ")
        return (
            f"{title} brings code of its own, or wants other files than itself, and none of that "
            f"is run or read (Keras says: {first})."
        )
    return (
        f"Cannot load {title}: layers of yours must be registered with Keras, in a module that "
        f"can be imported; Keras says {type(error).__name__}: {message[:300]}"
    )


def _in_float32(value):
    """A configuration with every policy and dtype of reduced precision replaced, at any depth."""
    if isinstance(value, list):
        return [_in_float32(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "DTypePolicy" and value["config"].get("name") in _REDUCED:
        return {**value, "config": {**value["config"], "name": "float32"}}
    replaced = {key: _in_float32(item) for key, item in value.items()}
    if replaced.get("dtype") in _REDUCED:
        replaced["dtype"] = "float32"
    return replaced


IMAGE = "image"
WINDOW = "window"
CLASS_IDS = "class_ids"
PROBABILITIES = "probabilities"


@dataclasses.dataclass(frozen=True)
class TracedSegmenter:
    """A network as a TensorFlow function with its variables.

    Attributes:
        module: a `tf.Module` that holds every variable, and `segment`.
        segment: the `tf.function` of one image argument, to a dictionary.
        image_shape: (batch, height, width, 3); None where free.
        segment_part: where the size is free, the same function of parts of an image, and of the
            window that they are seen through: int32 (4,), its first row and column, and the
            height and width of the whole image; zeros stand for an image that is whole. Else None.
    """

    module: Any
    segment: Any
    image_shape: tuple
    segment_part: Any = None

    @property
    def concrete(self) -> Any:
        """The traced function."""
        return self.segment.get_concrete_function()


def trace(
    network: keras.Model, batch: int | None, size: tuple, input_type: str, probabilities: bool
) -> TracedSegmenter:
    """Makes a TensorFlow function of an inference network; Keras must run on TensorFlow.

    Args:
        network: images (B, H, W, 3) to logits (B, H, W, C).
        batch: number of images, or None for any.
        size: (height, width), each None for any.
        input_type: "uint8" or "float32".
        probabilities: whether these are an output beside the class ids.
    """
    import tensorflow as tf

    shape = (batch, *size, 3)

    def segment(image):
        logits = network(tf.cast(image, tf.float32), training=False)
        outputs = {CLASS_IDS: tf.argmax(logits, axis=-1, output_type=tf.int32)}
        if probabilities:
            outputs[PROBABILITIES] = tf.nn.softmax(logits)
        return outputs

    module = tf.Module()
    # Paths may repeat, where layers of one name sit in models of one name.
    module.weights = {
        f"{number:04d}.{variable.path}": variable.value
        for number, variable in enumerate(network.weights)
    }
    signature = [tf.TensorSpec(shape, input_type, name=IMAGE)]
    module.segment = tf.function(segment, input_signature=signature)
    if None not in size:
        return TracedSegmenter(module, module.segment, shape)

    def segment_part(image, window):
        own = tf.shape(image)[1:3]
        whole = tf.where(window[2:] > 0, window[2:], own)
        pairs = (tuple(tf.unstack(pair, 2)) for pair in (window[:2], own, whole))
        with seen_through(Window(*pairs)):
            return segment(image)

    signature = [*signature, tf.TensorSpec((4,), "int32", name=WINDOW)]
    module.segment_part = tf.function(segment_part, input_signature=signature)
    return TracedSegmenter(module, module.segment, shape, module.segment_part)


def image_size(network: keras.Model, size: tuple | None) -> tuple:
    """The (height, width) to export a network for; None where it is to be any.

    Args:
        network: a functional model of images.
        size: (height, width), or None for whatever the network takes.

    Raises:
        ValueError: the network takes images of another size alone.
    """
    taken = tuple(network.inputs[0].shape[1:3])
    if size is None:
        return taken
    if any(own not in (None, asked) for own, asked in zip(taken, size, strict=True)):
        raise ValueError(
            f"Expected a size that the network takes, {_as_text(taken)}; received {_as_text(size)}."
        )
    return tuple(size)


def _as_text(size):
    return "x".join("any" if length is None else str(length) for length in size)


# A name of its own: that of a training network would run through every name in a file.
_NAME = "segmenter"


def inference_network(model: keras.Model) -> keras.Model:
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
    refuse_depth(model)
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
