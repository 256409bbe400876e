"""Looks at the weight map while its network learns: when, of what, and without a trace."""

import importlib

import keras
import numpy as np
import pytest
from benchmark_modules import BENCHMARKS, module
from click.testing import CliRunner
from keras import ops
from PIL import Image
from test_measures_benchmark import constant_network
from tiny_encoder import tiny_encoder

from keras_lwm.ablation import AblationFolder, Frames
from keras_lwm.ablation.cell import train_cell

maps_over_epochs = module("maps_over_epochs")
measures = module("measures")

NAMES = ["wall", "floor", "sofa"]


def test_looks_come_early_and_at_the_end():
    assert maps_over_epochs.looked_at(16) == [1, 2, 4, 8, 16]
    assert maps_over_epochs.looked_at(1) == [1]
    assert maps_over_epochs.looked_at(20) == [1, 2, 4, 8, 16, 20]


@pytest.fixture
def frames():
    random = np.random.default_rng(0)
    return Frames(
        random.integers(0, 256, (3, 40, 50, 3)).astype("uint8"),
        random.integers(0, 3, (3, 40, 50)).astype("uint8"),
        random.uniform(1, 9, (3, 40, 50, 1)).astype("float32"),
    )


@pytest.fixture
def train(frames, monkeypatch):
    """Trains the whole method for three epochs; its network."""
    monkeypatch.syspath_prepend(BENCHMARKS.parent / "recipes")
    command = importlib.import_module("ablation").main
    options = command.make_context("ablation", ["--data", "-", "--epochs", "3"]).params
    options |= {"train_encoder": True, "weights": None, "channels": 4, "crop": (32, 32), "over": 1}
    options |= {"batch_size": 2}

    def train(callbacks=()):
        keras.utils.set_random_seed(0)
        own = {**options, "backbone": tiny_encoder()}
        return train_cell("full", 0, own, frames, frames, NAMES, callbacks=callbacks)[1]

    return train


def teacher():
    """Sees depth, and knows nothing of three classes."""
    return constant_network(4, [0.0, 0.0, 0.0], depth=False)


def test_looking_leaves_no_trace_and_finds_what_the_network_has_measured(train, frames, tmp_path):
    looks = maps_over_epochs.Looks(teacher(), frames, 3, (0.7, 10.0), shown=[0, 2])
    network = train([looks])
    for one, other in zip(train().get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    found = measures.figures(measures.pixels_of(network, teacher(), frames, 3, (0.7, 10.0)))
    for name, expected in looks.figures[3].items():
        np.testing.assert_allclose(expected, found[name], rtol=1e-4, atol=1e-6, err_msg=name)
    assert list(looks.figures) == list(looks.weights) == [1, 2, 3]
    assert float(ops.convert_to_numpy(looks.model.weighting.coefficient)) == pytest.approx(2 / 3)
    for of_epoch, weights in zip(looks.figures.values(), looks.weights.values(), strict=True):
        assert set(maps_over_epochs.MEASUREMENTS) <= set(of_epoch)
        # In the first epoch the coefficient is 0, and at 1 the weights differ all the same.
        for weight in weights:
            assert np.std(weight) > 1e-4 and np.mean(weight) == pytest.approx(1, abs=1e-4)
    path = tmp_path / "maps.png"
    maps_over_epochs.draw(path, looks, frames, [0, 2], NAMES)
    with Image.open(path) as picture:
        assert picture.width > picture.height


def test_what_cannot_be_looked_at_is_refused_in_a_sentence(tmp_path):
    for trained, message in ((False, "the encoder is frozen"), (True, "teacher, seed 1")):
        folder = tmp_path / str(trained)
        AblationFolder(folder, {"train_encoder": trained})
        result = CliRunner().invoke(maps_over_epochs.main, [str(folder), "--seed", "1"])
        assert result.exit_code == 1 and message in result.output
