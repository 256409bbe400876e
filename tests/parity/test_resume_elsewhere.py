"""A run begun under one backend goes on under another as it would have gone on under its own."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from resuming import go_on

HERE = Path(__file__).parent
OTHERS = [
    name
    for name in ("tensorflow", "jax", "torch")
    if importlib.util.find_spec(name) is not None and name != keras.backend.backend()
]


def go_on_under(backend, folder, epochs, out):
    paths = [HERE.parents[1], HERE.parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    command = [sys.executable, HERE / "resuming.py", folder, str(epochs), out]
    subprocess.run(command, env=environment, check=True)
    return dict(np.load(out))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of two epochs under this backend, and the state that its third one ends in."""
    begun = tmp_path_factory.mktemp("resume") / "begun"
    _, saved = go_on(begun, 2)
    goes_on = begun.with_name("goes_on")
    shutil.copytree(begun, goes_on)
    loaded, ended = go_on(goes_on, 3)
    return begun, saved, loaded, ended


def test_under_its_own_backend_it_goes_on_from_the_very_state_it_had(runs):
    _, saved, loaded, _ = runs
    for before, after in zip(saved.values(), loaded.values(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("backend", OTHERS)
def test_under_another_backend_too_and_takes_the_same_steps(runs, backend, tmp_path):
    """Every variable is loaded bit by bit; an epoch later they agree by the way they have come."""
    begun, saved, _, ended = runs
    shutil.copytree(begun, tmp_path / "run")
    elsewhere = go_on_under(backend, tmp_path / "run", 3, tmp_path / "states.npz")
    for part, here in (("loaded", saved), ("ended", ended)):
        there = [values for name, values in elsewhere.items() if name.startswith(f"{part}|")]
        names = [name for name in here if "seed" not in name]
        assert len(there) == len(here)
        for name, before, one, other in zip(
            here, saved.values(), here.values(), there, strict=True
        ):
            if part == "loaded":
                np.testing.assert_array_equal(one, other, err_msg=name)
            elif name in names:
                way = np.linalg.norm(one - before) + 1e-6
                assert np.linalg.norm(one - other) <= 0.02 * way, name
    coefficient = [values for name, values in elsewhere.items() if "coefficient" in name]
    assert any(value == pytest.approx(0.5) for value in coefficient)
