"""Writing an OpenVINO model: an .xml file and the .bin file of its weights."""

from keras_lwm.deployment.formats import DESCRIPTION_KEY
from keras_lwm.deployment.openvino_import import without_telemetry


def write_openvino(traced, path, description):
    """Writes `path` (.xml) and, beside it, the same name with .bin; weights stay float32.

    OpenVINO computes in half precision on some processors unless it is compiled with
    `{"INFERENCE_PRECISION_HINT": "f32"}`.
    """
    with without_telemetry():
        import openvino

    model = openvino.convert_model(traced.concrete)
    model.set_rt_info(description, [DESCRIPTION_KEY])
    openvino.save_model(model, str(path), compress_to_fp16=False)
