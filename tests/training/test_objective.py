import numpy as np
import pytest
from keras import ops
from samples import batch

from keras_lwm import mining
from keras_lwm.mining.measures import valid_mask
from keras_lwm.resampling import resize_depth, resize_labels
from keras_lwm.training import (
    depth_loss,
    plain_objective,
    privileged_objective,
    segmentation_loss,
)

SIZES = {"segmentation": (6, 8), "side_8": (3, 4), "side_16": (2, 2)}


def outputs_and_targets():
    sample = batch(size=(12, 15), output=SIZES["segmentation"])
    outputs = {
        name: batch(seed, output=size)["logits"] for seed, (name, size) in enumerate(SIZES.items())
    }
    return {**outputs, "depth": sample["depth_pred"]}, sample["labels"], sample["depth"]


def number(tensor):
    return float(ops.convert_to_numpy(tensor))


def test_the_total_is_the_weighted_sum_of_every_outputs_own_loss():
    outputs, labels, depth = outputs_and_targets()
    weighting = mining.LossWeightModule()
    total, parts = privileged_objective(
        outputs, labels, depth, weighting, side_weight=0.3, depth_weight=0.7
    )
    expected = 0.0
    for name, size in SIZES.items():
        weight = weighting(outputs[name], labels, depth, outputs["depth"])
        loss = number(segmentation_loss(outputs[name], resize_labels(labels, size), weight))
        assert number(parts[f"{name}_loss"]) == pytest.approx(loss, rel=1e-5)
        # One of the four images has no label.
        loss *= 4 / 3
        expected += loss if name == "segmentation" else 0.3 * loss
    own_depth = resize_depth(depth, SIZES["segmentation"])
    expected += 0.7 * number(depth_loss(outputs["depth"], own_depth))
    assert number(total) == pytest.approx(expected, rel=1e-5)


def test_images_without_a_label_do_not_thin_out_what_labels_teach():
    outputs, labels, depth = outputs_and_targets()
    assert [(one == 255).all() for one in labels] == [False, False, True, False]
    weighting = mining.get("uniform")
    total, parts = privileged_objective(outputs, labels, depth, weighting, depth_weight=0.0)
    some = {name: values[[0, 1, 3]] for name, values in outputs.items()}
    labelled = labels[[0, 1, 3]], depth[[0, 1, 3]]
    expected, _ = privileged_objective(some, *labelled, weighting, depth_weight=0.0)
    assert number(total) == pytest.approx(number(expected), rel=1e-5)
    # The parts are means over all images, and the logs make of them what they are of the labelled.
    total_of_parts = sum(
        number(value) * (1.0 if name == "segmentation_loss" else 0.4)
        for name, value in parts.items()
        if name.startswith(("segmentation", "side"))
    )
    assert number(total) == pytest.approx(total_of_parts * 4 / 3, rel=1e-5)
    nothing, _ = privileged_objective(outputs, np.full_like(labels, 255), depth, weighting, 0.4, 0)
    assert number(nothing) == 0


def test_logged_measures_are_means_over_the_main_outputs_valid_pixels():
    outputs, labels, depth = outputs_and_targets()
    weighting = mining.LossWeightModule()
    _, parts = privileged_objective(outputs, labels, depth, weighting)
    maps = weighting.measure(outputs["segmentation"], labels, depth, outputs["depth"])
    for name in ("depth_prediction_error", "depth_aware_segmentation_error"):
        values, valid = (ops.convert_to_numpy(maps[key]) for key in (name, "valid"))
        images = [
            one[mask > 0].mean() if mask.any() else 0
            for one, mask in zip(values, valid, strict=True)
        ]
        assert number(parts[name]) == pytest.approx(np.mean(images), rel=1e-4)


def test_only_the_main_output_feeds_the_bins():
    outputs, labels, depth = outputs_and_targets()
    options = {"depth_range": (1, 8)}
    fed, reference = mining.LossWeightModule(**options), mining.LossWeightModule(**options)
    privileged_objective(outputs, labels, depth, fed)
    reference(outputs["segmentation"], labels, depth, outputs["depth"], training=True)
    for one, other in zip(fed.weights, reference.weights, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(one.value), ops.convert_to_numpy(other.value), rtol=1e-5
        )


def test_a_network_without_depth_trains_with_weightings_that_need_none():
    outputs, labels, _ = outputs_and_targets()
    outputs = {"segmentation": outputs["segmentation"]}
    total, parts = privileged_objective(outputs, labels, None, mining.get("focal"))
    assert set(parts) == {"segmentation_loss"}
    # One of the four images has no label.
    assert number(total) == pytest.approx(number(parts["segmentation_loss"]) * 4 / 3, rel=1e-6)


def test_the_plain_objective_is_uniform_cross_entropy_of_the_main_output():
    outputs, labels, depth = outputs_and_targets()
    _, parts = privileged_objective(outputs, labels, depth, mining.get("uniform"))
    plain = number(plain_objective(outputs, labels))
    assert plain == pytest.approx(number(parts["segmentation_loss"]), rel=1e-6)
    size = SIZES["segmentation"]
    valid = valid_mask(resize_labels(labels, size), 4)
    assert number(ops.sum(valid)) < labels.shape[0] * size[0] * size[1]
