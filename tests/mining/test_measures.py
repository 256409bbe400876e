import numpy as np
import pytest
import reference
from keras import ops
from samples import batch

from keras_lwm import mining
from keras_lwm.mining.measures import valid_mask, window_error

SIZE = (9, 10)


def same_size_batch():
    return batch(size=SIZE, output=SIZE)


def masked(labels, num_classes):
    return ops.convert_to_numpy(valid_mask(labels, num_classes)) > 0


def close(actual, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(actual), expected, rtol=1e-4, atol=1e-5)


def image_by_image(function, *arrays):
    return np.stack([function(*images) for images in zip(*arrays, strict=True)])


def test_segmentation_error_is_one_minus_the_probability_of_the_right_class():
    sample = same_size_batch()
    expected = image_by_image(reference.segmentation_error, sample["logits"], sample["labels"])
    close(mining.segmentation_error(sample["logits"], sample["labels"])[..., 0], expected)


def test_depth_prediction_error_equals_the_loops():
    sample = same_size_batch()
    valid = masked(sample["labels"], sample["logits"].shape[-1])
    actual = mining.depth_prediction_error(
        sample["depth_pred"], sample["depth"], valid.astype("float32")
    )
    expected = image_by_image(
        reference.depth_prediction_error,
        sample["depth_pred"][..., 0],
        sample["depth"][..., 0],
        valid[..., 0],
    )
    close(actual[..., 0], expected)
    assert expected[0].max() > 0.5, "the sample must contain hard pixels"
    assert np.all(expected[1] == 0), "an image without depth scores 0"


def test_depth_prediction_error_without_a_mask_counts_every_measured_pixel():
    sample = same_size_batch()
    everywhere = np.ones_like(sample["depth"])
    close(
        mining.depth_prediction_error(sample["depth_pred"], sample["depth"]),
        mining.depth_prediction_error(sample["depth_pred"], sample["depth"], everywhere),
    )


@pytest.mark.parametrize(("window", "dilation", "tau"), [(5, 1, 0.1), (3, 2, 0.5), (1, 1, 0.1)])
def test_windowed_error_equals_the_loops(window, dilation, tau):
    sample = same_size_batch()
    error = mining.segmentation_error(sample["logits"], sample["labels"])
    valid = masked(sample["labels"], sample["logits"].shape[-1])
    actual = mining.depth_aware_segmentation_error(
        error, sample["depth"], valid.astype("float32"), window, dilation, tau
    )
    expected = image_by_image(
        lambda *arrays: reference.windowed_error(*arrays, window, dilation, tau),
        ops.convert_to_numpy(error)[..., 0].astype("float64"),
        sample["depth"][..., 0].astype("float64"),
        valid[..., 0],
    )
    close(actual[..., 0], expected)


def test_window_error_is_the_window_without_depth():
    sample = same_size_batch()
    error = mining.segmentation_error(sample["logits"], sample["labels"])
    valid = masked(sample["labels"], sample["logits"].shape[-1])
    expected = image_by_image(
        lambda error, valid: reference.windowed_error(error, None, valid, 5, 1, 1.0),
        ops.convert_to_numpy(error)[..., 0].astype("float64"),
        valid[..., 0],
    )
    close(window_error(error, valid.astype("float32"))[..., 0], expected)


def test_at_one_depth_the_depth_aware_error_is_the_window_error():
    sample = same_size_batch()
    error = mining.segmentation_error(sample["logits"], sample["labels"])
    valid = masked(sample["labels"], sample["logits"].shape[-1]).astype("float32")
    depth = np.full_like(sample["depth"], 2.5)
    close(
        mining.depth_aware_segmentation_error(error, depth, valid),
        ops.convert_to_numpy(window_error(error, valid)),
    )


@pytest.mark.parametrize("options", [{"window": 4}, {"window": -1}, {"dilation": 0}])
def test_impossible_windows_are_refused(options):
    sample = same_size_batch()
    error = mining.segmentation_error(sample["logits"], sample["labels"])
    name = next(iter(options))
    with pytest.raises(ValueError, match=f"received {name}={options[name]}"):
        mining.depth_aware_segmentation_error(error, sample["depth"], error, **options)


def test_every_measure_takes_numpy_arrays_and_tensors_alike():
    sample = same_size_batch()
    sample["valid"] = masked(sample["labels"], sample["logits"].shape[-1]).astype("float32")
    sample["error"] = np.full_like(sample["valid"], 0.25)
    measures = {
        mining.segmentation_error: ("logits", "labels"),
        mining.cross_entropy: ("logits", "labels"),
        mining.depth_prediction_error: ("depth_pred", "depth", "valid"),
        mining.depth_aware_segmentation_error: ("error", "depth", "valid"),
        window_error: ("error", "valid"),
    }
    for measure, names in measures.items():
        arrays = [ops.convert_to_numpy(sample[name]) for name in names]
        tensors = [ops.convert_to_tensor(array) for array in arrays]
        np.testing.assert_array_equal(
            ops.convert_to_numpy(measure(*arrays)), ops.convert_to_numpy(measure(*tensors))
        )


@pytest.mark.parametrize("invalid", [-1, 5, 255, 65535])
def test_a_label_that_is_no_class_is_void(invalid):
    sample = same_size_batch()
    num_classes = sample["logits"].shape[-1]
    labels = np.array(ops.convert_to_numpy(sample["labels"]), "int32")
    labels[:, 2:4] = max(invalid, num_classes) if invalid > 0 else invalid
    void = np.where((labels >= 0) & (labels < num_classes), labels, 255)
    for measure in (mining.segmentation_error, mining.cross_entropy):
        close(
            measure(sample["logits"], labels), ops.convert_to_numpy(measure(sample["logits"], void))
        )
        assert (ops.convert_to_numpy(measure(sample["logits"], labels))[:, 2:4] == 0).all()
