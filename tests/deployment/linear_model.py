"""A model whose every pixel depends on that pixel alone, in every format, and in plain NumPy.

Keras has no part in the files: so the tests of what reads them run the same whatever its backend.
Most are written by the exporters' own writers, of a TensorFlow function.
"""

import numpy as np

from keras_lwm.deployment.formats import (
    without_telemetry,
    write_litert,
    write_onnx,
    write_saved_model,
)
from keras_lwm.deployment.inference_network import TracedSegmenter
from keras_lwm.description import Description

NAMES = ("wall", "floor", "chair", "lamp")
DESCRIPTION = Description(NAMES, [(9, 8, 7), (255, 0, 0), (0, 255, 0), (0, 0, 255)], {"epochs": 3})
KERNEL = np.random.default_rng(3).normal(size=(3, 4)).astype("float32") / 50
FILES = ("model.onnx", "model.tflite", "model.xml", "model")


def write_model(path, input_type="uint8", shape=(None, None, None, 3), probabilities=True):
    """Writes the format that the path's name stands for, one of `FILES`."""
    if path.suffix == ".xml":
        _write_openvino(path, input_type, shape, probabilities)
        return path
    writers = {".onnx": write_onnx, ".tflite": write_litert, "": write_saved_model}
    traced = _traced(input_type, shape, probabilities)
    writers[path.suffix](traced, path, DESCRIPTION.as_json())
    return path


def _traced(input_type, shape, probabilities):
    import tensorflow as tf

    def segment(image):
        logits = tf.einsum("bhwc,ck->bhwk", tf.cast(image, tf.float32), tf.constant(KERNEL))
        outputs = {"class_ids": tf.argmax(logits, axis=-1, output_type=tf.int32)}
        return outputs | ({"probabilities": tf.nn.softmax(logits)} if probabilities else {})

    module = tf.Module()
    signature = [tf.TensorSpec(shape, input_type, name="image")]
    module.segment = tf.function(segment, input_signature=signature)
    return TracedSegmenter(module, module.segment, shape)


def _write_openvino(path, input_type, shape, probabilities):
    """By hand, because OpenVINO's converter starts a process, which may hang beside JAX."""
    with without_telemetry():
        import openvino
        from openvino import opset13 as ov

    lengths = [-1 if length is None else length for length in shape]
    image = ov.parameter(lengths, np.dtype(input_type))
    logits = ov.matmul(ov.convert(image, "f32"), ov.constant(KERNEL), False, False)
    best = ov.topk(logits, ov.constant(1), axis=3, mode="max", sort="none").output(1)
    outputs = {"class_ids": ov.squeeze(best, ov.constant(3)).output(0)}
    if probabilities:
        outputs["probabilities"] = ov.softmax(logits, axis=3).output(0)
    image.output(0).get_tensor().set_names({"image"})
    for name, output in outputs.items():
        output.get_tensor().set_names({name})
    model = openvino.Model(list(outputs.values()), [image], "linear")
    model.set_rt_info(DESCRIPTION.as_json(), ["keras_lwm"])
    openvino.save_model(model, str(path), compress_to_fp16=False)


def probabilities_of(image):
    exponentials = np.exp(image.astype("float64") @ KERNEL.astype("float64"))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def class_ids_of(image):
    return probabilities_of(image).argmax(axis=-1)


def random_image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype("uint8")
