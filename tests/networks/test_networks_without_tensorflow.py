"""Networks need Keras and a backend alone. Collected under JAX only: it starts a JAX process."""

import os
import subprocess
import sys

import keras

PROGRAM = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_datasets", "keras_cv", "torch"):
            raise ImportError(name + " is absent")

sys.meta_path.insert(0, Absent())
import numpy as np
from keras_lwm.networks import RefineNet, segmenter

images = np.zeros((1, 33, 50, 3), "uint8")
for backbone, weights in (("efficientnet_lite0", "imagenet"), ("resnet50", None)):
    network = RefineNet(backbone, 5, variant="light", channels=16, weights=weights)
    assert segmenter(network).predict(images, verbose=0).shape == (1, 33, 50, 5)
assert not {"tensorflow", "tensorflow_datasets", "keras_cv", "torch"} & set(sys.modules)
print("built")
"""

if keras.backend.backend() == "jax":

    def test_resnet50_and_lite0_build_where_tensorflow_and_keras_cv_are_absent():
        # Unoptimised programs compile in a third of the time, and compiling is nearly all there is.
        flags = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
        environment = os.environ | flags | {"KERAS_BACKEND": "jax", "PYTHONPATH": os.getcwd()}
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
        )
        assert result.stdout.endswith("built\n"), result.stderr
