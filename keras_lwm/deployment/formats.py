"""The formats to export to: what each is called and needs, and how it is written."""

import contextlib
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_lwm.deployment.inference_network import WINDOW, TracedSegmenter


@dataclasses.dataclass(frozen=True)
class Format:
    """A format to export to.

    Attributes:
        title: its name in sentences.
        suffix: what its path ends in; "" for a folder.
        packages: what writing it needs beside TensorFlow.
        extra: the extra of keras_lwm that installs them, and what runs the file.
    """

    title: str
    suffix: str
    packages: tuple[str, ...]
    extra: str


FORMATS = {
    "saved_model": Format("SavedModel", "", (), "tensorflow"),
    "onnx": Format("ONNX", ".onnx", ("onnx", "tf2onnx"), "onnx"),
    "litert": Format("LiteRT", ".tflite", (), "litert"),
    "openvino": Format("OpenVINO", ".xml", ("openvino",), "openvino"),
}
"""By the name that `export_segmenter` takes."""

DESCRIPTION_KEY = "keras_lwm"
"""Under this key ONNX, LiteRT and OpenVINO files hold `Description.as_json()` in their metadata."""

DESCRIPTION_ASSET = "keras_lwm.json"
"""The file of that content in a SavedModel's folder `assets`."""


@contextlib.contextmanager
def without_telemetry() -> Iterator[None]:
    """Keeps the import of OpenVINO from reporting it over the network, as if that part were absent.

    It would do so from a forked process, which may hang beside the threads of JAX or TensorFlow.
    """
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


ENCODED = "encoded"
SERVING = "serving_default"
SERVING_PART = "serving_part"
"""Signatures of SavedModels and LiteRT files: of images, and of parts of images."""


def write_saved_model(traced: TracedSegmenter, path: Path, description: str) -> None:
    """Writes the folder `path`, which plain TensorFlow loads.

    Signatures: `serving_default` takes `image`; `serving_bytes` takes `encoded`, (B,) JPEG or PNG
    files as strings, images of one size. Grey ones are repeated thrice, an alpha channel is
    dropped, sixteen bits become eight; an orientation noted in EXIF is not looked at. Where the
    size is free, `serving_part` takes `image`, parts of an image, and `window`.
    """
    import tensorflow as tf

    def decode(encoded):
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return tf.ensure_shape(image, traced.image_shape[1:])

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=ENCODED)])
    def segment_bytes(encoded):
        spec = tf.TensorSpec(traced.image_shape[1:], tf.uint8)
        images = tf.map_fn(decode, encoded, fn_output_signature=spec)
        input_type = traced.segment.input_signature[0].dtype
        return traced.segment(tf.cast(images, input_type))

    signatures = {**_signatures(traced), "serving_bytes": segment_bytes}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, DESCRIPTION_ASSET)
        text.write_text(description, encoding="utf-8")
        traced.module.description = tf.saved_model.Asset(str(text))
        tf.saved_model.save(traced.module, str(path), signatures=signatures)


def _signatures(traced):
    parts = {} if traced.segment_part is None else {SERVING_PART: traced.segment_part}
    return {SERVING: traced.segment, **parts}


# Of 2022: every onnxruntime since 1.12 runs it.
_OPSET = 17
_FREE = ("batch", "height", "width")


def write_onnx(traced: TracedSegmenter, path: Path, description: str) -> None:
    """Writes `path`, one file; its free dimensions are named batch, height and width.

    Where the size is free, the constant `window` may be made an input (see `onnx_with_window`).
    """
    import onnx
    import tf2onnx

    function = traced.segment_part or traced.segment
    model, _ = tf2onnx.convert.from_function(
        function,
        input_signature=function.input_signature,
        opset=_OPSET,
        custom_op_handlers={"Erfc": (_subtract_erf_from_one, [])},
    )
    for window in [value for value in model.graph.input if value.name == WINDOW]:
        model.graph.input.remove(window)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(4, "int32"), WINDOW))
    _round_scales_up(model)
    for value in (*model.graph.input, *model.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        for name, free, length in zip(_FREE, dimensions, traced.image_shape, strict=False):
            if length is None:
                free.dim_param = name
            else:
                free.dim_value = length
    onnx.helper.set_model_props(model, {DESCRIPTION_KEY: description})
    onnx.save(model, str(path))


def _subtract_erf_from_one(graph, node, name, _):
    """Converts the complementary error function, of an exact GELU, which ONNX has not."""
    shape, dtype = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
    erf = graph.make_node("Erf", node.input, shapes=[shape], dtypes=[dtype])
    one = graph.make_const(f"{name}_one", np.ones((), "float32"))
    graph.remove_node(name)
    inputs = [one.output[0], erf.output[0]]
    graph.make_node("Sub", inputs, outputs=node.output, shapes=[shape], dtypes=[dtype])


def _round_scales_up(model):
    """Mends the sizes of maps that tf2onnx resizes by constant factors, where sizes are fixed.

    ONNX multiplies and rounds down: of 5 rows by 9 / 5, in float32 a little less, it makes 8.
    """
    import onnx

    resized = {node.input[2] for node in model.graph.node if node.op_type == "Resize"}
    for value in [own for own in model.graph.initializer if own.name in resized]:
        scales = onnx.numpy_helper.to_array(value)
        scales = np.where(
            scales == np.rint(scales), scales, np.nextafter(scales, np.float32(np.inf))
        )
        value.CopyFrom(onnx.numpy_helper.from_array(scales, value.name))


def onnx_with_window(path: Path) -> bytes | None:
    """The model of a file of `write_onnx` with its second input; None if it has none."""
    import onnx

    model = onnx.load(str(path))
    windows = [value for value in model.graph.initializer if value.name == WINDOW]
    if not windows:
        return None
    model.graph.initializer.remove(windows[0])
    model.graph.input.append(
        onnx.helper.make_tensor_value_info(WINDOW, onnx.TensorProto.INT32, [4])
    )
    return model.SerializeToString()


_FILE_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16


def write_litert(
    traced: TracedSegmenter, path: Path, description: str, quantisation: str | None = None
) -> None:
    """Writes `path`, made of LiteRT's built-in operations alone.

    Where the size is free, it has a second signature, `serving_part`, of `image`, a part of an
    image, and `window`.

    Args:
        quantisation: None; "float16", weights of half the size; or "dynamic_int8", weights of a
            quarter of the size, and activations quantised as they come.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        # Only by way of a SavedModel can a file have several signatures; they share the weights.
        signatures = _signatures(traced)
        tf.saved_model.save(traced.module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, list(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantisation is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantisation == "float16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    path.write_bytes(_with_metadata(content, description.encode("utf-8")))


def _with_metadata(content, text):
    """The bytes of a LiteRT model with one more entry in its list of metadata."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    class AlignedBuffer(schema.BufferT):
        """Data of a tensor where the schema wants it, which Python's own packing forgets."""

        def Pack(self, builder):
            data = b"" if self.data is None else bytes(self.data)
            builder.Prep(_ALIGNMENT, len(data))
            vector = builder.CreateByteVector(data)
            schema.BufferStart(builder)
            if data:
                schema.BufferAddData(builder, vector)
            return schema.BufferEnd(builder)

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    entry = schema.MetadataT()
    entry.name, entry.buffer = DESCRIPTION_KEY, len(model.buffers)
    model.metadata = [*(model.metadata or []), entry]
    model.buffers = [_aligned(AlignedBuffer(), buffer.data) for buffer in model.buffers]
    model.buffers.append(_aligned(AlignedBuffer(), text))
    builder = flatbuffers.Builder(len(content) + len(text))
    builder.Finish(model.Pack(builder), _FILE_IDENTIFIER)
    return bytes(builder.Output())


def _aligned(buffer, data):
    buffer.data = data
    return buffer


def write_openvino(traced: TracedSegmenter, path: Path, description: str) -> None:
    """Writes `path` (.xml) and, beside it, the same name with .bin; weights stay float32.

    OpenVINO computes in half precision on some processors unless it is compiled with
    `{"INFERENCE_PRECISION_HINT": "f32"}`. Where the size is free, the constant `window` may be made
    an input (see `openvino_with_window`).
    """
    with without_telemetry():
        import openvino
        from openvino import opset13

    function = traced.segment_part or traced.segment
    model = openvino.convert_model(function.get_concrete_function())
    if traced.segment_part is not None:
        window = model.input(WINDOW).get_node()
        zeros = opset13.constant(np.zeros(4, "int32"))
        zeros.set_friendly_name(WINDOW)
        _replace(window, zeros)
        model.remove_parameter(window)
    model.set_rt_info(description, [DESCRIPTION_KEY])
    openvino.save_model(model, str(path), compress_to_fp16=False)


def openvino_with_window(model: Any) -> bool:
    """Gives a model read from a file of `write_openvino` its second input; False if it has none."""
    from openvino import opset13

    constants = [node for node in model.get_ops() if node.get_friendly_name() == WINDOW]
    for constant in constants:
        window = opset13.parameter([4], np.int32, WINDOW)
        window.output(0).get_tensor().set_names({WINDOW})
        _replace(constant, window)
        model.add_parameters([window])
    return bool(constants)


def _replace(node, other):
    for target in node.output(0).get_target_inputs():
        target.replace_source_output(other.output(0))
