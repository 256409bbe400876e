"""What one large image costs in every runtime, within a bound: growth of memory, and seconds.

    python benchmarks/large_images.py --size 3000 4000 --classes 4 --classes 40 --max-memory 2

Every line is a process of its own, which has predicted a small image before: its growth is from the
memory that it has then to the most that it has while it predicts the large one. With a bound of
100 GB the image is seen whole. Linux alone says how large a process has been since a given moment.
"""

import multiprocessing
import os
import re
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click

BACKENDS = ("torch", "tensorflow", "jax")
FILES = {
    "saved_model": "saved_model",
    "onnx": "model.onnx",
    "litert": "model.tflite",
    "openvino": "model.xml",
}


def save_network(path, backbone, variant, channels, classes):
    """Writes an untrained network for RGB images; what it costs does not depend on its weights."""
    from keras_lwm import RefineNet

    options = {"side_outputs": (), "depth_branch": False}
    RefineNet(backbone, classes, variant, channels=channels, **options).save(path)


def export(model, path, format_name):
    """Exports a model."""
    from keras_lwm import export_segmenter

    export_segmenter(model, path, format_name)


def measure(path, size, max_memory):
    """Gigabytes by which an image makes the process grow, and the seconds it takes."""
    import numpy as np

    from keras_lwm import Predictor

    warnings.simplefilter("ignore")
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    predictor = Predictor(path, max_memory=max_memory)
    predictor(image[:64, :64])
    Path("/proc/self/clear_refs").write_text("5")  # The peak is what there is now.
    before = peak()
    start = time.perf_counter()
    predictor(image)
    return peak() - before, time.perf_counter() - start


def peak():
    """The most gigabytes that the process has had."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e9


def in_its_own_process(function, *arguments):
    """What a function returns, called in a process that has done nothing else."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


@click.command()
@click.option("--size", type=(int, int), default=(3000, 4000), show_default=True)
@click.option("--classes", multiple=True, default=[4, 40], show_default=True, type=int)
@click.option("--channels", default=16, show_default=True)
@click.option("--backbone", default="efficientnet_lite0", show_default=True)
@click.option("--variant", default="light", show_default=True)
@click.option("--max-memory", default=2.0, show_default=True, help="Gigabytes.")
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    type=click.Choice([*BACKENDS, *FILES]),
    default=[*BACKENDS, *FILES],
    help="Backends of Keras and formats of files; may be repeated.  [default: all]",
)
def main(size, classes, channels, backbone, variant, max_memory, runtimes):
    """Measures untrained networks of so many channels and classes in every runtime."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    click.echo(
        f"one image of {size[0]}x{size[1]} by {backbone}, {variant}, {channels} channels, within "
        f"{max_memory:g} GB, on {os.cpu_count()} cores"
    )
    with tempfile.TemporaryDirectory() as folder:
        for count in classes:
            os.environ["KERAS_BACKEND"] = "tensorflow"
            model = Path(folder, f"{count}.keras")
            in_its_own_process(save_network, model, backbone, variant, channels, count)
            for runtime in runtimes:
                path = model
                if runtime in BACKENDS:
                    os.environ["KERAS_BACKEND"] = runtime
                else:
                    path = Path(folder, f"{count}_{FILES[runtime]}")
                    in_its_own_process(export, model, path, runtime)
                growth, seconds = in_its_own_process(measure, path, size, max_memory)
                click.echo(
                    f"{count:3d} classes   {runtime:12s} growth {growth:5.2f} GB   "
                    f"{1e9 * growth / (size[0] * size[1]):5.0f} bytes a pixel   {seconds:6.1f} s"
                )


if __name__ == "__main__":
    main()
