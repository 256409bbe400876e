import numpy as np
import pytest
import reference
from keras import ops
from samples import batch

from keras_lwm.training import depth_loss, segmentation_loss

SIZE = (6, 7)


def per_pixel_entropy(logits, labels):
    error = np.stack(
        [reference.segmentation_error(*images) for images in zip(logits, labels, strict=True)]
    )
    return -np.log(1 - error)


@pytest.mark.parametrize("class_weights", [None, [0.5, 2.0, 1.0, 0.0]])
def test_segmentation_loss_is_the_mean_over_valid_pixels_and_then_images(class_weights):
    sample = batch(size=SIZE, output=SIZE)
    weight = np.random.default_rng(1).uniform(0, 2, sample["labels"].shape).astype("float32")
    entropy = per_pixel_entropy(sample["logits"].astype("float64"), sample["labels"])
    images = []
    for one, labels, weights in zip(entropy, sample["labels"], weight, strict=True):
        pixels = [at for at in reference.pixels(SIZE) if labels[at] != 255]
        factors = {at: class_weights[labels[at]] if class_weights else 1.0 for at in pixels}
        images.append(reference.mean(one[at] * weights[at] * factors[at] for at in pixels))
    actual = segmentation_loss(sample["logits"], sample["labels"], weight, class_weights)
    assert images[2] == 0, "the sample must have an image without a valid pixel"
    np.testing.assert_allclose(ops.convert_to_numpy(actual), np.mean(images), rtol=1e-4)


def expected_depth_loss(depth_pred, depth, loss):
    known = reference.measured(depth)
    t = [np.log(depth_pred[at]) - np.log(depth[at]) for at in reference.pixels(SIZE) if known[at]]
    if loss == "scale_invariant":
        return reference.mean(v**2 for v in t) - 0.5 * reference.mean(t) ** 2
    limit = 0.2 * max((abs(v) for v in t), default=0)
    if loss == "log_l1":
        limit = np.inf
    return reference.mean(abs(v) if abs(v) <= limit else (v**2 + limit**2) / (2 * limit) for v in t)


@pytest.mark.parametrize("loss", ["berhu", "log_l1", "scale_invariant"])
def test_depth_loss_equals_the_loops(loss):
    sample = batch(size=SIZE, output=SIZE)
    expected = np.mean(
        [
            expected_depth_loss(pred[..., 0], depth[..., 0], loss)
            for pred, depth in zip(sample["depth_pred"], sample["depth"], strict=True)
        ]
    )
    actual = depth_loss(sample["depth_pred"], sample["depth"], loss)
    np.testing.assert_allclose(ops.convert_to_numpy(actual), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", ["berhu", "log_l1", "scale_invariant"])
def test_perfect_depth_costs_nothing(loss):
    depth = np.full((1, *SIZE, 1), 3.0, "float32")
    assert float(ops.convert_to_numpy(depth_loss(depth, depth, loss))) == 0
