"""A model saved under one backend is the same under another, and makes the same step there."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from saved_elsewhere import attempt, loaded_and_ended
from saving_cases import ELSEWHERE, assert_equal, step

HERE = Path(__file__).parent
OTHERS = [
    name
    for name in ("tensorflow", "jax", "torch")
    if importlib.util.find_spec(name) is not None and name != keras.backend.backend()
]
DRAWING = {"shuffled"}
"""Cases whose step is drawn at random, which every backend does in its own way."""


def saved_and_ended(make, path):
    model = make()
    step(model)
    model.save(path)
    return loaded_and_ended(model)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The folder of the models that were saved, and what became of each without saving."""
    folder = tmp_path_factory.mktemp("models")
    accounts = {
        name: attempt(saved_and_ended, make, folder / f"{name}.keras")
        for name, make in ELSEWHERE.items()
    }
    return folder, accounts


@pytest.fixture(scope="module", params=OTHERS)
def elsewhere(here, request):
    """What became of each under another backend: one process for all, most of it importing."""
    folder, _ = here
    out = folder / f"{request.param}.json"
    paths = [HERE.parents[1], HERE.parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "KERAS_BACKEND": request.param,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    command = [sys.executable, HERE / "saved_elsewhere.py", folder, out]
    subprocess.run(command, env=environment, check=True)
    return json.loads(out.read_text())


@pytest.mark.parametrize("name", ELSEWHERE)
def test_another_backend_goes_on_with_the_very_same_model(name, here, elsewhere):
    """All is loaded bit by bit; a step later the weights agree by the way they have come."""
    saved = here[1][name]
    assert "error" not in saved, saved["error"]
    there = elsewhere[name]
    assert "error" not in there, there["error"]
    names = saved["loaded"]["names"]
    for part in ("trainable", "optimizer", "options", "compile"):
        assert_equal(saved["loaded"][part], there["loaded"][part], part)
    before, after = saved["loaded"]["state"], there["loaded"]["state"]
    for path, one, other in zip(names, before, after, strict=True):
        np.testing.assert_array_equal(other, one, err_msg=path)
    assert saved["skipped"] == there["skipped"] == 0
    if name in DRAWING:
        return
    for path, old, one, other in zip(names, before, saved["ended"], there["ended"], strict=True):
        way, apart = (np.linalg.norm(np.subtract(one, each)) for each in (old, other))
        assert apart <= 0.02 * way + 1e-6, f"{path}: {apart} apart, after a way of {way}"
