"""Writing a LiteRT file (formerly TensorFlow Lite), quantised or not."""

from keras_lwm.deployment.formats import DESCRIPTION_KEY

_FILE_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16


def write_litert(traced, path, description, quantisation=None):
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
