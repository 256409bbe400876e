"""Run in a process of its own: by how many GB large images make it grow, one after another.

KERAS_BACKEND=jax python -m large_images.memory_growth MODEL HEIGHT WIDTH predict=0.3 single=9

Each task has a bound in GB. `predict` is by a `Predictor`, others by that view of an evaluation.
Prints a JSON list.
"""

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

STATUS = Path("/proc/self/status")
needs_linux = pytest.mark.skipif(
    not STATUS.exists(), reason="only Linux says how large a process has been since a moment"
)


def many_classes(classes, channels):
    """A network whose largest maps by far are its scores at full size."""
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(channels, 3, strides=2, padding="same")(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(image, {"segmentation": layers.Conv2D(classes, 1)(x)})


def growth(model, size, tasks):
    """Gigabytes, one for each (task, bound), of a process of this backend."""
    arguments = [model, *size, *(f"{task}={bound}" for task, bound in tasks)]
    tests = Path(__file__).parents[1]
    environment = {
        **os.environ,
        "KERAS_BACKEND": keras.backend.backend(),
        "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]),
    }
    environment.pop("XLA_FLAGS", None)  # Without optimisation JAX takes more memory.
    done = subprocess.run(
        [sys.executable, "-m", "large_images.memory_growth", *map(str, arguments)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def _predicting(path, task, bound):
    from keras_lwm import Predictor, evaluation

    predictor = Predictor(path, max_memory=bound)
    if task == "predict":
        return predictor
    view = {
        "single": evaluation.SingleScale,
        "multi": lambda: evaluation.MultiScale((0.5, 1.0)),
        "window": lambda: evaluation.SlidingWindow((300, 400)),
    }[task]()
    frames = view.predictor(predictor.network, bound)
    return lambda image: frames.class_ids(image, image.shape[:2])[0]


def _growth(predict, image):
    predict(image[:64, :64])  # What a process needs for its first image is not the image's.
    Path("/proc/self/clear_refs").write_text("5")  # The peak is what there is now.
    before = _peak()
    class_ids = predict(image)
    assert class_ids.shape == image.shape[:2]
    return _peak() - before


def _peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[1]) * 1024 / 1e9


def main(path, height, width, *tasks):
    warnings.simplefilter("ignore")
    size = int(height), int(width)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), "uint8")
    grown = []
    for text in tasks:
        task, bound = text.split("=")
        grown.append(_growth(_predicting(path, task, float(bound)), image))
    print(json.dumps(grown))


if __name__ == "__main__":
    main(*sys.argv[1:])
