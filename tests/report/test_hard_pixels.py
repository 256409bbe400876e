import numpy as np
import pytest
from keras import ops
from training_samples import tiny_batch, tiny_network

from keras_lwm import DepthPrivilegedModel, mining
from keras_lwm.report import hard_pixel_maps
from keras_lwm.resampling import resize_bilinear


@pytest.mark.parametrize("weighting", ["lwm", "uniform"])
def test_every_weighting_shows_the_same_maps(weighting):
    network = tiny_network(size=(None, None))
    model = DepthPrivilegedModel(network, weighting=weighting)
    images, targets = tiny_batch(1, size=(40, 48))
    image, label, depth = images[0], targets["label"][0], np.full((40, 48, 1), 2.0, "float32")
    outputs = model(images.astype("float32"), training=False)
    logits = outputs["segmentation"]
    if weighting == "lwm":  # Its bins are empty before it has seen anything.
        model.weighting(logits, label[None], depth[None], outputs["depth"], training=True)
    maps = hard_pixel_maps(model, image, label, depth)
    class_ids = ops.argmax(resize_bilinear(logits, (40, 48)), axis=-1)
    np.testing.assert_array_equal(maps["prediction"], ops.convert_to_numpy(class_ids)[0])
    given = (logits, label[None], depth[None], outputs["depth"])
    expected = model.weighting.measure(*given)["loss_weight"]
    np.testing.assert_allclose(maps["weight"], ops.convert_to_numpy(expected)[0], rtol=1e-3)
    by_window = mining.LossWeightModule(gathering="window")
    measured = (model.weighting if weighting == "lwm" else by_window).measure(*given)
    for short, name in (
        ("dpe", "depth_prediction_error"),
        ("dse", "depth_aware_segmentation_error"),
    ):
        assert np.ptp(maps[short]) > 0
        np.testing.assert_allclose(
            maps[short], ops.convert_to_numpy(measured[name])[0], rtol=1e-3, atol=1e-5
        )


def test_a_network_without_depth_has_all_maps_but_those_of_predicted_depth():
    network = tiny_network(size=(None, None))
    outputs = {"segmentation": network.output["segmentation"]}
    model = DepthPrivilegedModel(network.inputs, outputs, weighting="focal")
    images, targets = tiny_batch(1, size=(40, 48))
    depth = np.full((40, 48, 1), 2.0, "float32")
    maps = hard_pixel_maps(model, images[0], targets["label"][0], depth)
    assert sorted(maps) == ["dse", "prediction", "weight"]
    assert np.ptp(maps["dse"]) > 0
