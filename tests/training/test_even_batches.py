"""Frames of void that let devices share a batch: scores stay, and every batch can be shared."""

import keras
import numpy as np
import pytest
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import DepthPrivilegedModel
from keras_lwm.devices import Share, several_devices
from keras_lwm.training import checked
from keras_lwm.training.even_batches import even_batches


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    network = tiny_network()
    model = DepthPrivilegedModel(network)
    model.compile()
    return model


def tf_dataset(x, y, batch_size):
    return (
        pytest.importorskip("tensorflow").data.Dataset.from_tensor_slices((x, y)).batch(batch_size)
    )


@pytest.mark.parametrize("kind", ["arrays", "tf.data"])
def test_scores_are_those_of_the_frames_alone(model, kind, monkeypatch):
    x, y = tiny_batch(11)
    sources = {"arrays": {"x": x, "y": y, "batch_size": 8}, "tf.data": {"x": tf_dataset(x, y, 8)}}
    alone = model.evaluate(**sources[kind], verbose=0, return_dict=True)
    monkeypatch.setattr(checked, "devices_sharing", lambda model: 4)
    shared = model.evaluate(**sources[kind], verbose=0, return_dict=True)
    assert np.isfinite(list(alone.values())).all() and len(alone) > 6
    assert shared == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize("classes", [NUM_CLASSES, 300])
def test_batches_are_filled_up_to_what_the_devices_share(classes):
    x, y = tiny_batch(11)
    y["label"] = y["label"].astype("uint8" if classes < 256 else "uint16")
    images, targets = even_batches(x, y, 4, classes, batch_size=8)
    assert len(images) == 12
    np.testing.assert_array_equal(images[:11], x)
    assert (targets["label"][11] == (255 if classes < 256 else 65535)).all()
    assert (targets["depth"][11] == 0).all()
    batches = list(even_batches(tf_dataset(x, y, 8), None, 4, classes)[0])
    assert [len(image) for image, _ in batches] == [8, 4]
    for index, (image, target) in enumerate(batches):
        frames = slice(8 * index, 8 * index + 8)
        np.testing.assert_array_equal(image, images[frames])
        for name, values in target.items():
            np.testing.assert_array_equal(values, targets[name][frames])


def test_a_batch_size_that_devices_cannot_share_is_refused():
    x, y = tiny_batch(11)
    with pytest.raises(ValueError, match="batch_size that 4 devices can share.*received 6"):
        even_batches(x, y, 4, NUM_CLASSES, batch_size=6)
    with pytest.raises(ValueError, match="batch_size that 6 devices can share.*received 8"):
        Share(index=0, count=3, devices=2).check(8)


def test_every_process_gets_its_own_part():
    shares = [Share(index, 3) for index in range(3)]
    parts = [share.of(np.arange(6)).tolist() for share in shares]
    assert parts == [[0, 1], [2, 3], [4, 5]]
    assert [share.leads for share in shares] == [True, False, False]


def test_devices_that_are_not_there_are_refused():
    keras.ops.zeros(1) + 1  # From now on devices are what they are.
    sentence = "received devices=99|from 1 to 1, .*; received 99"
    with pytest.raises(ValueError, match=sentence), several_devices(99):
        pass


def test_one_device_is_what_there_is_anyway():
    with several_devices(1) as share:
        assert share == Share(0, 1, 1)
