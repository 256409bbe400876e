"""What tests of exports run in processes of their own: exporting, and each file by its package.

python -m deployment.export_children TASK ARGUMENTS
"""

import dataclasses
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np


def in_child(task, *arguments):
    """Runs one of the functions below; returns the JSON that it prints last."""
    tests = Path(__file__).parents[1]
    process = subprocess.run(
        [sys.executable, "-m", "deployment.export_children", task, *map(str, arguments)],
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-4000:]
    return json.loads(process.stdout.splitlines()[-1])


def request(**options):
    """The `ExportRequest` of a file of any size, of class ids and probabilities."""
    from keras_lwm.deployment.export_process import ExportRequest

    usual = {
        "title": "the model",
        "size": None,
        "input_type": "uint8",
        "probabilities": True,
        "quantisation": None,
        "description": None,
    }
    return ExportRequest(**{**usual, **options})


def export_requests(requests, folder):
    """Exports what `ExportRequest`s ask for, in one process of TensorFlow's."""
    path = Path(folder, "requests.json")
    path.write_text(json.dumps([dataclasses.asdict(each) for each in requests]))
    in_child("export_all", path)


def export_all(path):
    """Exports as the JSON of a list of `ExportRequest`s says."""
    from keras_lwm.deployment.export_process import ExportRequest, export

    return [export(ExportRequest(**request)) for request in json.loads(Path(path).read_text())]


def run_saved_models(folder):
    """Runs SavedModels with TensorFlow alone; tells what they are made of."""
    # TensorFlow imports Keras where there is one.
    sys.modules.update(dict.fromkeys(("keras", "tf_keras", "keras_lwm")))
    import tensorflow as tf

    folder = Path(folder)
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    serve, serve_bytes = (loaded.signatures[f"serving_{name}"] for name in ("default", "bytes"))
    for path, images in _images(folder):
        arrays = {name: value.numpy() for name, value in serve(image=tf.constant(images)).items()}
        files = tf.constant([tf.io.encode_png(image).numpy() for image in images])
        of_bytes = {name: value.numpy() for name, value in serve_bytes(encoded=files).items()}
        for name, value in arrays.items():
            np.testing.assert_array_equal(of_bytes[name], value)
        np.savez(folder / f"saved_model_{path.stem}.npz", **arrays)
    photograph = np.full((8, 6, 4), 200, "uint8")
    kinds = (photograph[..., :1], photograph[..., :3], photograph)
    files = [tf.io.encode_png(kind).numpy() for kind in kinds]
    same = serve_bytes(encoded=tf.constant(files))["class_ids"].numpy()
    return {
        "signatures": {
            name: sorted(signature.structured_input_signature[1])
            for name, signature in loaded.signatures.items()
        },
        "kinds_agree": bool((same == same[:1]).all()),
        "graphs": {name: _graph(folder / name) for name in ("saved_model", "bare")},
    }


def _graph(path):
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]
    operations = convert_variables_to_constants_v2(serve).graph.get_operations()
    variables = {
        name: shape
        for name, shape in tf.train.list_variables(str(path / "variables" / "variables"))
        if name.endswith("VARIABLE_VALUE")
    }
    return {
        "inputs": [each.name for each in operations if each.type == "Placeholder"],
        "names": [each.name for each in operations] + sorted(variables),
        "operations": Counter(each.type for each in operations),
        "variables": len(variables),
        "parameters": int(sum(np.prod(shape, dtype=int) for shape in variables.values())),
    }


def run_files(folder):
    """Runs the ONNX, LiteRT and OpenVINO files, each with its runtime; returns descriptions."""
    import onnxruntime
    import openvino
    from ai_edge_litert.interpreter import Interpreter

    folder = Path(folder)
    names = ["class_ids", "probabilities"]
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    runner = Interpreter(str(folder / "model.tflite")).get_signature_runner("serving_default")
    model = openvino.Core().compile_model(
        folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for path, images in _images(folder):
        onnx = dict(zip(names, session.run(names, {"image": images}), strict=True))
        vino = model(images)
        for kind, outputs in (
            ("onnx", onnx),
            ("litert", runner(image=images)),
            ("openvino", {name: vino[name] for name in names}),
        ):
            np.savez(folder / f"{kind}_{path.stem}.npz", **outputs)
    assert "keras" not in sys.modules
    assert "tensorflow" not in sys.modules
    read = openvino.Core().read_model(folder / "model.xml")
    return {
        "onnx": session.get_modelmeta().custom_metadata_map["keras_lwm"],
        "openvino": read.get_rt_info("keras_lwm").astype(str),
    }


def _images(folder):
    return [(path, np.load(path)) for path in sorted(folder.glob("images_*.npy"))]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
