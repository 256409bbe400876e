"""One model file, one batch: every backend that is installed computes the same."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from training_samples import tiny_network

from keras_lwm import CurriculumCallback, DepthPrivilegedModel, mining

HERE = Path(__file__).parent
BACKENDS = [
    name for name in ("tensorflow", "jax", "torch") if importlib.util.find_spec(name) is not None
]


def saved_model(path, gathering):
    """A model with batch norm statistics, coefficient and bins that are not what they began as."""
    from training_samples import tiny_batch

    keras.utils.set_random_seed(1)
    network = tiny_network(size=(None, None))
    weighting = mining.LossWeightModule(gathering=gathering, depth_range=(1, 8))
    model = DepthPrivilegedModel(network.inputs, network.output, weighting=weighting)
    model.compile(keras.optimizers.Adam(0.01))
    callback = CurriculumCallback(start=0.2, end=0.8, over=1.0)
    x, y = tiny_batch(4)
    model.fit(x, y, epochs=2, batch_size=4, callbacks=[callback], verbose=0)
    model.save(path)


def arrays_of(backend, model_path, out_path):
    paths = [HERE.parents[1], HERE.parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    subprocess.run(
        [sys.executable, HERE / "one_backend.py", model_path, out_path],
        env=environment,
        check=True,
    )
    return dict(np.load(out_path))


@pytest.mark.parametrize("gathering", ["binned", "window"])
def test_backends_agree_on_one_models_file(gathering, tmp_path):
    """Outputs, weight maps and loss to 1e-4; gradients by their norm.

    The file is written under the backend that the tests run on, so all directions are covered.
    """
    assert keras.backend.backend() in BACKENDS
    saved_model(tmp_path / "model.keras", gathering)
    first, *others = (
        arrays_of(backend, tmp_path / "model.keras", tmp_path / f"{backend}.npz")
        for backend in BACKENDS
    )
    assert any(name.startswith("gradient") for name in first)
    for other in others:
        assert set(other) == set(first)
        for name, expected in first.items():
            actual = other[name]
            if name.startswith("gradient"):
                difference = np.linalg.norm(actual - expected)
                assert difference <= 1e-3 * np.linalg.norm(expected) + 1e-6, name
            else:
                np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5, err_msg=name)
