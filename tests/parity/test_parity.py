"""One model file, one batch: every other backend that is installed computes the same."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from parity.one_backend import arrays_of
from training_samples import tiny_batch, tiny_network

from keras_lwm import CurriculumCallback, DepthPrivilegedModel, mining

HERE = Path(__file__).parent
OTHERS = [
    name
    for name in ("tensorflow", "jax", "torch")
    if importlib.util.find_spec(name) is not None and name != keras.backend.backend()
]


def saved_model(path, gathering):
    """A model with batch norm statistics, coefficient and bins that are not what they began as."""
    keras.utils.set_random_seed(1)
    network = tiny_network(size=(None, None))
    weighting = mining.LossWeightModule(gathering=gathering, depth_range=(1, 8))
    model = DepthPrivilegedModel(network, weighting=weighting)
    model.compile(keras.optimizers.Adam(0.01))
    callback = CurriculumCallback(start=0.2, end=0.8, over=1.0)
    x, y = tiny_batch(4)
    model.fit(x, y, epochs=2, batch_size=4, callbacks=[callback], verbose=0)
    model.save(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Paths of models that were written under the backend that the tests run on."""
    folder = tmp_path_factory.mktemp("models")
    paths = {gathering: folder / f"{gathering}.keras" for gathering in ("binned", "window")}
    for gathering, path in paths.items():
        saved_model(path, gathering)
    return paths


@pytest.fixture(scope="module", params=OTHERS)
def elsewhere(models, request, tmp_path_factory):
    """What another backend computes with each: one process for all, most of it importing."""
    folder = tmp_path_factory.mktemp(request.param)
    out = {gathering: folder / f"{gathering}.npz" for gathering in models}
    paths = [HERE.parents[1], HERE.parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "KERAS_BACKEND": request.param,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    pairs = [path for gathering in models for path in (models[gathering], out[gathering])]
    subprocess.run([sys.executable, HERE / "one_backend.py", *pairs], env=environment, check=True)
    return {gathering: dict(np.load(path)) for gathering, path in out.items()}


@pytest.mark.parametrize("gathering", ["binned", "window"])
def test_backends_agree_on_one_models_file(gathering, models, elsewhere):
    """Outputs, weight maps and loss to 1e-4; gradients by their norm."""
    own, other = arrays_of(models[gathering]), elsewhere[gathering]
    assert any(name.startswith("gradient") for name in own)
    assert set(other) == set(own)
    for name, expected in own.items():
        actual = other[name]
        if name.startswith("gradient"):
            difference = np.linalg.norm(actual - expected)
            assert difference <= 1e-3 * np.linalg.norm(expected) + 1e-6, name
        else:
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5, err_msg=name)
