"""Writing an ONNX file."""

from keras_lwm.deployment.formats import DESCRIPTION_KEY

# Of 2022: every onnxruntime since 1.12 runs it.
_OPSET = 17
_FREE = ("batch", "height", "width")


def write_onnx(traced, path, description):
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
