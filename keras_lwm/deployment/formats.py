"""The formats to export to: what each is called and needs, and how it is written."""

import contextlib
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path


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


def write_saved_model(traced, path, description) -> None:
    """Writes the folder `path`, which plain TensorFlow loads.

    Signatures: `serving_default` takes `image`; `serving_bytes` takes `encoded`, (B,) JPEG or PNG
    files as strings, images of one size. Grey ones are repeated thrice, an alpha channel is
    dropped, sixteen bits become eight; an orientation noted in EXIF is not looked at.
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

    signatures = {"serving_default": traced.segment, "serving_bytes": segment_bytes}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, DESCRIPTION_ASSET)
        text.write_text(description, encoding="utf-8")
        traced.module.description = tf.saved_model.Asset(str(text))
        tf.saved_model.save(traced.module, str(path), signatures=signatures)


# Of 2022: every onnxruntime since 1.12 runs it.
_OPSET = 17
_FREE = ("batch", "height", "width")


def write_onnx(traced, path, description) -> None:
    """Writes `path`, one file; its free dimensions are named batch, height and width."""
    import onnx
    import tf2onnx

    model, _ = tf2onnx.convert.from_function(
        traced.segment, input_signature=traced.segment.input_signature, opset=_OPSET
    )
    for value in (*model.graph.input, *model.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        for name, free, length in zip(_FREE, dimensions, traced.image_shape, strict=False):
            if length is None:
                free.dim_param = name
            else:
                free.dim_value = length
    onnx.helper.set_model_props(model, {DESCRIPTION_KEY: description})
    onnx.save(model, str(path))


_FILE_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16


def write_litert(traced, path, description, quantisation=None) -> None:
    """Writes `path`, made of LiteRT's built-in operations alone.

    Args:
        quantisation: None; "float16", weights of half the size; or "dynamic_int8", weights of a
            quarter of the size, and activations quantised as they come.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.concrete], traced.module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantisation is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantisation == "float16":
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(_with_metadata(converter.convert(), description.encode("utf-8")))


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


def write_openvino(traced, path, description) -> None:
    """Writes `path` (.xml) and, beside it, the same name with .bin; weights stay float32.

    OpenVINO computes in half precision on some processors unless it is compiled with
    `{"INFERENCE_PRECISION_HINT": "f32"}`.
    """
    with without_telemetry():
        import openvino

    model = openvino.convert_model(traced.concrete)
    model.set_rt_info(description, [DESCRIPTION_KEY])
    openvino.save_model(model, str(path), compress_to_fp16=False)
