import re

import h5py
import keras
import numpy as np
import pytest

from keras_lwm.networks import RefineNet, transfer_weights
from keras_lwm.training import DepthPrivilegedModel

HEADS = {"segmentation_logits", "side_8_logits", "side_16_logits", "side_32_logits"}


def build(tiny_backbone, num_classes, **options):
    return RefineNet(tiny_backbone(), num_classes, variant="light", channels=8, **options)


def save(network, path):
    if path.suffix == ".keras":
        network.save(path)
    else:
        network.save_weights(path)
    return path


def named_weights(network):
    return {
        v.path: np.array(w) for v, w in zip(network.weights, network.get_weights(), strict=True)
    }


@pytest.mark.parametrize("file", ["old.keras", "old.weights.h5"])
def test_everything_but_the_heads_is_taken(file, tiny_backbone, tmp_path, capsys):
    old = build(tiny_backbone, 3)
    old.set_weights([np.random.rand(*w.shape) for w in old.get_weights()])
    new = build(tiny_backbone, 5)
    before, source = named_weights(new), named_weights(old)
    path = save(old, tmp_path / file)
    transfer = transfer_weights(new, path)
    assert set(transfer.left) == HEADS
    assert "backbone/conv_4" in transfer.taken
    for name, weights in named_weights(new).items():
        expected = before if name.split("/")[0] in HEADS else source
        np.testing.assert_array_equal(weights, expected[name])
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert all(name in printed for name in {file, *HEADS})


def test_the_same_network_takes_everything(tiny_backbone, tmp_path, random_images):
    old = build(tiny_backbone, 3)
    path = save(old, tmp_path / "old.keras")
    new = build(tiny_backbone, 3, weights=path)
    images = random_images(33, 50)
    expected = old.predict(images, verbose=0)
    for key, value in new.predict(images, verbose=0).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-5, atol=1e-6)


def test_layers_that_only_the_file_has_are_ignored(tiny_backbone, tmp_path):
    path = save(build(tiny_backbone, 3), tmp_path / "old.weights.h5")
    plain = build(tiny_backbone, 3, side_outputs=(16,), depth_branch=False)
    assert transfer_weights(plain, path, verbose=False).left == ()


def test_a_file_of_another_network_gets_a_sentence(tiny_backbone, tmp_path):
    with h5py.File(tmp_path / "other.weights.h5", "w") as file:
        file.create_group("layers/conv2d/vars")["0"] = np.zeros((3, 3))
        file["layers/conv2d/vars"].attrs["name"] = "somebody_else"
    network = build(tiny_backbone, 3)
    before = network.get_weights()
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "other.weights.h5"))):
        transfer_weights(network, tmp_path / "other.weights.h5")
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_broken_file_gets_a_sentence(tiny_backbone, tmp_path):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ValueError, match="Cannot read .*broken.keras as a .keras or .weights.h5"):
        transfer_weights(build(tiny_backbone, 3), path)


def taught(tiny_backbone, seed):
    """A network beside a teacher of the same layers and other weights."""
    keras.utils.set_random_seed(seed)
    network, teacher = (build(tiny_backbone, 3) for _ in range(2))
    return DepthPrivilegedModel(network, weighting="uniform", teacher=teacher), network, teacher


@pytest.mark.parametrize("file", ["student.keras", "student.weights.h5"])
def test_of_a_file_with_a_teacher_the_network_is_taken(file, tiny_backbone, tmp_path):
    model, network, _ = taught(tiny_backbone, 0)
    new = build(tiny_backbone, 3)
    assert transfer_weights(new, save(model, tmp_path / file), verbose=False).left == ()
    for taken, own in zip(new.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(taken, own)


def test_into_a_model_with_a_teacher_the_network_takes(tiny_backbone, tmp_path):
    old = build(tiny_backbone, 3)
    path = save(old, tmp_path / "old.keras")
    model, network, teacher = taught(tiny_backbone, 1)
    before = teacher.get_weights()
    transfer_weights(model, path, verbose=False)
    for taken, own in zip(network.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(taken, own)
    for now, then in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
