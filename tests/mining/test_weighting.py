import keras
import numpy as np
import pytest
import reference
from keras import ops
from samples import batch

from keras_lwm import mining

OUTPUT = (6, 7)
LWM_OPTIONS = {
    "window": {"gathering": "window"},
    "binned": {"bins": 3, "depth_range": (1, 6)},
    "distance": {"gathering": "distance", "bins": 3, "depth_range": (1, 6)},
}
EVERY = [*[("lwm", options) for options in LWM_OPTIONS.values()]] + [
    (name, {}) for name in sorted(mining.WEIGHTINGS) if name != "lwm"
]


def at_output(sample, output=OUTPUT):
    """The sample's maps image by image at the output's size, by the reference's loops."""
    return {
        "labels": np.stack([reference.labels_at(one, output) for one in sample["labels"]]),
        "depth": np.stack([reference.depth_at(one[..., 0], output) for one in sample["depth"]]),
        "depth_pred": np.stack(
            [reference.bilinear_at(one[..., 0], output) for one in sample["depth_pred"]]
        ),
        "logits": sample["logits"].astype("float64"),
    }


def expected_error(maps):
    return np.stack(
        [
            reference.segmentation_error(logits, labels)
            for logits, labels in zip(maps["logits"], maps["labels"], strict=True)
        ]
    )


def weight_of(module, sample, **kwargs):
    return ops.convert_to_numpy(module(**sample, **kwargs))


@pytest.mark.parametrize("coefficient", [1.0, -1.0, 0.4])
@pytest.mark.parametrize("gathering", LWM_OPTIONS)
def test_loss_weight_module_equals_the_loops(gathering, coefficient):
    sample = batch()
    maps = at_output(sample)
    labels, depth = maps["labels"], maps["depth"]
    error = expected_error(maps)
    dpe = np.stack(
        [
            reference.depth_prediction_error(pred, one, mask)
            for pred, one, mask in zip(maps["depth_pred"], depth, labels != 255, strict=True)
        ]
    )
    module = mining.LossWeightModule(alpha=0.5, beta=2.0, **LWM_OPTIONS[gathering])
    module.coefficient.assign(coefficient)
    actual = weight_of(module, sample, training=True)
    for image in range(len(error)):
        valid = labels[image] != 255
        if gathering != "window":
            of_all = np.where(labels == 255, 255, 0)
            classes, rows = (4, labels) if gathering == "binned" else (1, of_all)
            measured = []
            for errors in (dpe, error):
                binned = reference.BinnedError(classes, 3, (1, 6), 0.95)
                binned.update(errors, rows, depth)
                measured.append(binned.look_up(rows[image], depth[image]))
        else:
            dse = reference.windowed_error(error[image], depth[image], valid, 5, 1, 0.1)
            measured = [dpe[image], dse]
        beside = [reference.beside_average(values, valid) for values in measured]
        hardness = beside[0] ** 0.5 * beside[1] ** 2
        expected = reference.hardness_weight(hardness, valid, 0.5 * coefficient)
        np.testing.assert_allclose(actual[image], expected, rtol=1e-3, atol=1e-4)


def test_bins_remember_what_the_main_output_taught_them():
    module = mining.LossWeightModule(alpha=0, momentum=0.5, **LWM_OPTIONS["binned"])
    binned = reference.BinnedError(4, 3, (1, 6), 0.5)
    for seed in range(3):
        sample = batch(seed)
        maps = at_output(sample)
        binned.update(expected_error(maps), maps["labels"], maps["depth"])
        weight_of(module, sample, training=True)
        weight_of(module, batch(seed + 10), training=True, main_output=False)
        weight_of(module, batch(seed + 20), training=False)
    errors = ops.convert_to_numpy(module.binned_segmentation_error.errors)
    seen = ops.convert_to_numpy(module.binned_segmentation_error.seen)
    expected = np.zeros_like(errors)
    for cell, value in binned.table.items():
        expected[cell] = value
    np.testing.assert_allclose(errors, expected, rtol=1e-4)
    assert seen.sum() == len(binned.table)


def test_bins_never_fed_look_up_zero_and_weigh_all_pixels_alike():
    module = mining.LossWeightModule(alpha=0, **LWM_OPTIONS["binned"])
    sample = batch()
    valid = at_output(sample)["labels"] != 255
    np.testing.assert_allclose(weight_of(module, sample), valid, rtol=1e-6)


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_weights_have_mean_one_on_valid_pixels_and_are_zero_on_void(name, options):
    sample = batch()
    valid = at_output(sample)["labels"] != 255
    for coefficient in (1.0, -0.7):
        module = mining.get(name, **options)
        module.coefficient.assign(coefficient)
        weight = weight_of(module, sample, training=True)
        assert weight.dtype == "float32" and np.all(weight >= 0)
        assert np.all(weight[~valid] == 0)
        for one, mask in zip(weight, valid, strict=True):
            assert not mask.any() or np.isclose(one[mask].mean(), 1, rtol=1e-5)


@pytest.mark.parametrize("zero", ["coefficient", "strength"])
@pytest.mark.parametrize(("name", "options"), EVERY)
def test_without_strength_every_weight_is_exactly_one(name, options, zero):
    sample = batch()
    module = mining.get(name, strength=0.0 if zero == "strength" else 1.0, **options)
    if zero == "coefficient":
        module.coefficient.assign(0.0)
    valid = at_output(sample)["labels"] != 255
    np.testing.assert_array_equal(weight_of(module, sample, training=True), valid.astype("float32"))


@pytest.mark.parametrize(("name", "options"), [entry for entry in EVERY if entry[0] != "shuffled"])
def test_a_result_does_not_depend_on_how_the_batch_is_cut(name, options):
    sample = batch()
    module = mining.get(name, **options)
    whole = weight_of(module, sample)
    parts = [
        weight_of(module, {key: value[image : image + 1] for key, value in sample.items()})
        for image in range(len(whole))
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-6)


def test_focal_weight_is_the_error_to_the_power_of_gamma():
    sample = batch()
    maps = at_output(sample)
    weight = weight_of(mining.FocalWeighting(gamma=3.0), sample)
    for one, error, labels in zip(weight, expected_error(maps), maps["labels"], strict=True):
        expected = reference.normalised(error**3, labels != 255)
        np.testing.assert_allclose(one, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("threshold", "min_share"), [(0.3, 1 / 16), (0.9999, 0.25), (1.0, 1.0)])
def test_ohem_keeps_the_hardest(threshold, min_share):
    sample = batch()
    maps = at_output(sample)
    module = mining.OnlineHardExampleMining(threshold, min_share)
    weight = weight_of(module, sample)
    for one, error, labels in zip(weight, expected_error(maps), maps["labels"], strict=True):
        valid = labels != 255
        hardest = np.sort(error[valid])[::-1][: int(np.ceil(min_share * valid.sum()))]
        kept = (error > threshold) | (error >= (hardest.min() if hardest.size else 2) - 1e-7)
        np.testing.assert_allclose(one, reference.normalised(kept * 1.0, valid), rtol=1e-5)


def test_pixel_error_weighs_by_the_error_itself():
    sample = batch()
    maps = at_output(sample)
    weight = weight_of(mining.PixelErrorWeighting(strength=0.8), sample)
    for one, error, labels in zip(weight, expected_error(maps), maps["labels"], strict=True):
        valid = labels != 255
        expected = reference.hardness_weight(reference.beside_average(error, valid), valid, 0.8)
        np.testing.assert_allclose(one, expected, rtol=1e-3, atol=1e-4)


def test_error_window_ignores_depth():
    sample = batch()
    other = {**sample, "depth": sample["depth"] * 3 + 1, "depth_pred": None}
    module = mining.ErrorWindowWeighting()
    np.testing.assert_array_equal(weight_of(module, sample), weight_of(module, other))
    maps = at_output(sample)
    for one, error, labels in zip(
        weight_of(module, sample), expected_error(maps), maps["labels"], strict=True
    ):
        valid = labels != 255
        gathered = reference.windowed_error(error, None, valid, 5, 1, 1.0)
        expected = reference.hardness_weight(reference.beside_average(gathered, valid), valid, 0.5)
        np.testing.assert_allclose(one, expected, rtol=1e-3, atol=1e-4)


def test_shuffled_keeps_each_images_weights_and_moves_them():
    sample = batch(size=(20, 20), output=(20, 20))
    straight = weight_of(mining.LossWeightModule(gathering="window"), sample)
    module = mining.ShuffledWeighting(seed=3, gathering="window")
    first, second = weight_of(module, sample), weight_of(module, sample)
    for one, other, mixed in zip(straight, first, second, strict=True):
        np.testing.assert_allclose(np.sort(one.ravel()), np.sort(other.ravel()), rtol=1e-5)
        np.testing.assert_allclose(np.sort(one.ravel()), np.sort(mixed.ravel()), rtol=1e-5)
    valid = (sample["labels"][0] != 255).sum()
    assert np.isclose(straight[0], first[0]).sum() < 400 - valid + 0.2 * valid
    assert np.isclose(second[0], first[0]).sum() < 400 - valid + 0.2 * valid


def test_measure_shows_the_maps_behind_the_weight():
    sample = batch()
    module = mining.LossWeightModule()
    maps = module.measure(**sample)
    assert set(maps) == {
        "valid",
        "segmentation_error",
        "depth_prediction_error",
        "depth_aware_segmentation_error",
        "hardness",
        "loss_weight",
    }
    weight = ops.convert_to_numpy(maps["loss_weight"])
    np.testing.assert_array_equal(weight, weight_of(module, sample))


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_weightings_round_trip_through_their_configuration(name, options):
    module = mining.get(name, strength=0.3, **options)
    config = keras.saving.serialize_keras_object(module)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == module.get_config()
    assert again.strength == 0.3


def test_an_unknown_weighting_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="error_window, focal, lwm, ohem.*received 'hard'"):
        mining.get("hard")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0, "beta": 0}, "alpha=0, beta=0"),
        ({"gathering": "bins"}, "received 'bins'"),
        ({"floor": 1.5}, "floor=1.5"),
        ({"tau": 0.0}, "tau=0.0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mining.LossWeightModule(**options)


@pytest.mark.parametrize("missing", ["depth", "depth_pred"])
def test_missing_inputs_are_named(missing):
    sample = {**batch(), missing: None}
    with pytest.raises(ValueError, match=f"needs {missing}"):
        mining.LossWeightModule()(**sample)
