"""What one frame costs in each format: seconds, memory and disk, beside the model in Keras.

    python benchmarks/deployment.py runs/rooms --backend tensorflow --backend jax

Every line is a process of its own, which imports the format's runtime and nothing of Keras. It
prints the seconds to load the file, of the first frame, the median of later frames and its ratio to
that of the first backend, and the largest memory that the process ever had (RSS), its imports
included.
"""

import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click

# name: (format, file, options of the export)
EXPORTS = {
    "SavedModel": ("saved_model", "saved_model", {}),
    "ONNX": ("onnx", "model.onnx", {}),
    "OpenVINO": ("openvino", "model.xml", {}),
    "LiteRT": ("litert", "model.tflite", {}),
    "LiteRT float16": ("litert", "float16.tflite", {"quantisation": "float16"}),
    "LiteRT int8": ("litert", "int8.tflite", {"quantisation": "dynamic_int8"}),
}


def keras_model(path):
    """Function of images, by the segmenter in Keras, on the backend that the environment says."""
    import keras

    import keras_lwm

    model = keras_lwm.segmenter(keras.saving.load_model(path, compile=False), "labels")
    model.compile(jit_compile=keras.backend.backend() == "jax")
    return model.predict_on_batch


def saved_model(path):
    """Function of images, by TensorFlow."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    # The variables live as long as `loaded` does.
    return lambda images, _=loaded: serve(image=tf.constant(images))["class_ids"].numpy()


def onnx(path):
    """Function of images, by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["class_ids"], {"image": images})[0]


def openvino(path):
    """Function of images, by OpenVINO on the CPU, in float32."""
    from openvino import Core

    model = Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: model(images)["class_ids"]


def litert(path):
    """Function of images, by LiteRT on as many threads as there are cores."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=os.cpu_count())
    run = interpreter.get_signature_runner("serving_default")
    return lambda images: run(image=images)["class_ids"]


LOADERS = {"saved_model": saved_model, "onnx": onnx, "openvino": openvino, "litert": litert}


def measure(load, path, size, frames):
    """Seconds to load, of the first frame, of later ones (median), and peak memory in MB."""
    import numpy as np

    images = np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    images = images.astype("float32") if load is keras_model else images
    start = time.perf_counter()
    run = load(path)
    seconds = [time.perf_counter() - start]
    for _ in range(1 + frames):
        start = time.perf_counter()
        run(images)
        seconds.append(time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return seconds[0], seconds[1], statistics.median(seconds[2:]), memory


def export(model, path, format_name, options):
    """Exports a model; returns the bytes written."""
    import keras_lwm

    return keras_lwm.export_segmenter(model, path, format_name, **options).num_bytes


def in_its_own_process(function, *arguments):
    """What a function returns, called in a process that has done nothing else.

    This process stays small for the same reason: a child's largest memory begins at its parent's.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def print_row(name, megabytes, measured, in_process):
    """Prints a line of the table; the ratio is to the later frames of the model in Keras."""
    loading, first, later, memory = measured
    click.echo(
        f"{name:18s} {megabytes:6.1f} MB   load {loading:6.2f} s   first {first:6.2f} s   "
        f"later {later:6.3f} s   ratio {later / in_process:5.2f}   peak {memory:6.0f} MB"
    )


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--backend",
    "backends",
    multiple=True,
    default=["tensorflow"],
    show_default=True,
    type=click.Choice(["tensorflow", "jax", "torch"]),
    help="Keras backends for the model in process; may be repeated.",
)
@click.option("--size", type=(int, int), default=(480, 640), show_default=True)
@click.option("--frames", default=15, show_default=True, help="Later frames, for the median.")
def main(run, backends, size, frames):
    """Measures the best model of the folder RUN, in Keras and in every format."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    model = run / "best.keras"
    click.echo(f"one frame of {size[0]}x{size[1]} on {os.cpu_count()} cores")
    in_process = None
    for backend in backends:
        os.environ["KERAS_BACKEND"] = backend
        measured = in_its_own_process(measure, keras_model, str(model), size, frames)
        in_process = in_process or measured[2]
        print_row(f"Keras {backend}", model.stat().st_size / 1e6, measured, in_process)

    with tempfile.TemporaryDirectory() as folder:
        for name, (format_name, file, options) in EXPORTS.items():
            path = Path(folder, file)
            num_bytes = in_its_own_process(export, model, path, format_name, options)
            load = LOADERS[format_name]
            measured = in_its_own_process(measure, load, str(path), size, frames)
            print_row(name, num_bytes / 1e6, measured, in_process)


if __name__ == "__main__":
    main()
