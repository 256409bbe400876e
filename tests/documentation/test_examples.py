"""What docs/contributing.md adds to the library, on every backend: a weighting, a backbone."""

import keras
import numpy as np
import pytest
from documentation.examples import example
from keras import ops
from samples import batch
from training_samples import tiny_batch, tiny_network

from keras_lwm import DepthPrivilegedModel, RefineNet


@pytest.fixture
def weighting():
    return example("weighting").NearWeighting()


def test_near_pixels_weigh_more_and_the_mean_is_1(weighting):
    depth = np.array([[[1.0, 2.0, 4.0], [0.0, 2.0, 4.0]]], "float32")[..., None]
    labels = np.array([[[0, 1, 0], [1, 1, 255]]])
    logits = np.zeros((1, 2, 3, 2), "float32")
    [weight] = ops.convert_to_numpy(weighting(logits, labels, depth))
    # The mean depth of valid, measured pixels is (1 + 2 + 4 + 2) / 4.
    raw = np.array([[2.25, 1.125, 0.5625], [1.0, 1.125, 0.0]]) ** 0.5
    np.testing.assert_allclose(weight, 5 * raw / raw.sum(), rtol=1e-5)


def test_awkward_frames_have_weights_of_mean_1_as_well(weighting):
    sample = batch()
    maps = weighting.measure(**sample)
    weight, valid = (ops.convert_to_numpy(maps[name]) for name in ("loss_weight", "valid"))
    assert np.isfinite(weight).all() and (weight[valid == 0] == 0).all()
    np.testing.assert_array_equal(weight[1], valid[1])  # No depth at all: uniform.
    for own, mask in zip(weight, valid, strict=True):
        assert own[mask == 1].mean() == pytest.approx(1, rel=1e-5) if mask.any() else True


def test_a_model_trains_by_it_and_is_saved_with_it(weighting, tmp_path):
    network = tiny_network(batch_norm=False)
    model = DepthPrivilegedModel(network, weighting=weighting)
    model.compile(keras.optimizers.SGD(1e-2))
    losses = [model.train_on_batch(*tiny_batch(), return_dict=True)["loss"] for _ in range(5)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.weighting) is type(weighting)
    assert loaded.weighting.get_config() == weighting.get_config()


def test_refinenet_stands_on_the_backbone_at_any_size():
    network = RefineNet(example("backbone").plain_backbone(width=4), 3, "light", channels=4)
    outputs = network.predict(np.zeros((1, 65, 50, 3), "uint8"), verbose=0)
    assert outputs["segmentation"].shape == (1, 17, 13, 3)
    assert outputs["side_32"].shape == (1, 3, 2, 3) and outputs["depth"].shape == (1, 17, 13, 1)
    assert all(np.isfinite(values).all() for values in outputs.values())
