"""A transformer as backbone, at free sizes, in a file of ONNX, which has the fewest operations."""

import hub_presets
import numpy as np
import pytest

from keras_lwm import Predictor, RefineNet, export_segmenter, segmenter


@pytest.mark.parametrize("family", ["mit", "dinov3"])
def test_a_transformer_is_the_same_in_a_file(family, tmp_path):
    name = hub_presets.write_preset(
        tmp_path / "preset", hub_presets.fill(getattr(hub_presets, family)())
    )
    network = RefineNet(name, 4, "light", weights="preset", channels=8)
    for variable in network.get_layer("segmentation_logits").weights:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    image = np.random.default_rng(0).integers(0, 256, (72, 104, 3), dtype=np.uint8)
    expected = segmenter(network).predict(image[None], verbose=0)[0].argmax(-1)
    export_segmenter(network, tmp_path / "segmenter.onnx", "onnx")
    assert np.mean(Predictor(tmp_path / "segmenter.onnx")(image) == expected) > 0.999
