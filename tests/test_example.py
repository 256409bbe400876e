"""The packaged network and frame, as a newcomer loads them."""

import keras
import numpy as np
from training_samples import tiny_network

import keras_lwm
from keras_lwm.description import Description
from keras_lwm.example import PATH, load_example, load_example_frame
from keras_lwm.example.__main__ import pack
from keras_lwm.networks import RefineNet
from keras_lwm.run_folder.models import read_description, read_progress, save_model
from keras_lwm.training import DepthPrivilegedModel


def test_the_example_knows_the_rooms():
    image, label, depth = load_example_frame()
    assert image.shape == (240, 320, 3) and image.dtype == label.dtype == np.uint8
    assert label.shape == (240, 320) and depth.shape == (240, 320, 1)
    measured = depth[depth > 0]
    assert depth.dtype == np.float32 and measured.min() > 0.4 and measured.max() < 12
    predictor = keras_lwm.load_example()
    class_ids = predictor(image)
    valid = label != predictor.description.void
    assert np.mean(class_ids[valid] == label[valid]) > 0.8
    assert predictor.description.class_names[class_ids[0, 0]] == "wall"
    predicted = predictor.network.predict(image[None], verbose=0)["depth"][0, ..., 0]
    depth = depth[2::4, 2::4, 0]
    assert np.median(np.abs(predicted[depth > 0] / depth[depth > 0] - 1)) < 0.25
    assert isinstance(predictor.network, DepthPrivilegedModel)
    assert "backbone" in predictor.network.learning_rate_multipliers


def test_its_weights_go_to_a_network_of_other_classes(capsys):
    network = RefineNet("efficientnet_lite0", 5, "light", channels=128, weights=PATH)
    example = load_example().network
    kernels = [n.get_layer("stage_4_reduce").kernel for n in (network, example)]
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, kernels))
    assert "segmentation_logits" in capsys.readouterr().out


def test_packing_keeps_all_but_the_optimiser_and_a_few_digits(tmp_path):
    model = DepthPrivilegedModel(tiny_network())
    model.compile("adam")
    model.optimizer.build(model.trainable_variables)
    description = Description.unnamed(4)
    save_model(model, tmp_path / "best.keras", {"epochs": 3}, description)
    pack(tmp_path / "best.keras", tmp_path / "packed.keras")
    assert read_description(tmp_path / "packed.keras") == description
    assert read_progress(tmp_path / "packed.keras") == {"epochs": 3}
    packed = keras.saving.load_model(tmp_path / "packed.keras")
    assert not packed.compiled
    for before, after in zip(model.weights, packed.weights, strict=True):
        before, after = map(keras.ops.convert_to_numpy, (before, after))
        np.testing.assert_allclose(after, before, rtol=2**-8 if before.ndim > 1 else 0, atol=0)
