"""A teacher: what it says is heard, its weights stay, and nothing of it is in what predicts."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import mining
from keras_lwm.networks import segmenter
from keras_lwm.training import DepthPrivilegedModel, privileged_objective
from keras_lwm.training.teacher import distillation_loss


def depth_network():
    """Sees nothing but depth."""
    rgbd = keras.Input((32, 48, 4), name="rgbd")
    maps = layers.AveragePooling2D(4)(rgbd[..., 3:])
    outputs = {
        "segmentation": layers.Conv2D(NUM_CLASSES, 1, name="logits")(maps),
        "side_8": layers.Conv2D(NUM_CLASSES, 1, name="side")(layers.AveragePooling2D(2)(maps)),
    }
    return keras.Model(rgbd, outputs)


def numbers(values):
    return [ops.convert_to_numpy(value).copy() for value in values]


def resolved(**options):
    return mining.LossWeightModule(
        gathering="resolved", **{"alpha": 0.0, "strength": 1.0, **options}
    )


def model_with_teacher(weighting="uniform", distillation_weight=0.5, teacher=None):
    keras.utils.set_random_seed(0)
    return DepthPrivilegedModel(
        tiny_network(),
        weighting=weighting,
        teacher=depth_network() if teacher is None else teacher,
        distillation_weight=distillation_weight,
    )


def test_distillation_is_the_divergence_from_the_teacher_over_valid_pixels():
    random = np.random.default_rng(0)
    logits, taught = random.normal(size=(2, 2, 3, 4, 5)).astype("float32")
    valid = (random.random((2, 3, 4, 1)) < 0.6).astype("float32")
    expected = []
    for image in range(2):
        found = []
        for row, column in np.argwhere(valid[image, ..., 0] > 0):
            p, q = (np.exp(maps[image, row, column]) for maps in (taught, logits))
            p, q = p / p.sum(), q / q.sum()
            found.append((p * np.log(p / q)).sum())
        expected.append(np.mean(found))
    assert float(distillation_loss(logits, taught, valid)) == pytest.approx(
        np.mean(expected), rel=1e-5
    )
    assert float(distillation_loss(logits, logits, valid)) == pytest.approx(0.0, abs=1e-6)
    nothing = np.zeros_like(valid)
    assert float(distillation_loss(logits, taught, nothing)) == 0.0


def test_what_is_resolved_weighs_more():
    """Of pixels alike to the network, those that the teacher knows weigh 1/4 + what it adds."""
    labels = np.array([[[0, 1, 0, 255]]])
    logits, taught = np.zeros((2, 1, 1, 4, 2), "float32")
    taught[0, 0, 0], taught[0, 0, 1] = (9.0, -9.0), (-9.0, 9.0)
    taught[0, 0, 2] = (-9.0, 9.0)  # wrong
    depth = np.ones((1, 1, 4, 1), "float32")
    weight = ops.convert_to_numpy(resolved()(logits, labels, depth, teacher_logits=taught))
    raw = np.array([0.75, 0.75, 0.25, 0.0])
    mean = raw[:3].mean()
    limited = np.clip(raw[:3] / mean, 0.1, 4.0)
    np.testing.assert_allclose(weight[0, 0, :3], limited / limited.mean(), rtol=1e-4)
    assert weight[0, 0, 3] == 0.0
    with pytest.raises(ValueError, match="LossWeightModule needs teacher_logits; received None"):
        resolved()(logits, labels, depth)


def test_the_objective_hears_the_teacher_at_every_output():
    random = np.random.default_rng(0)
    sizes = {"segmentation": (4, 6), "side_8": (2, 3)}
    outputs, taught = (
        {name: random.normal(size=(2, *size, 3)).astype("float32") for name, size in sizes.items()}
        for _ in range(2)
    )
    labels = random.integers(0, 4, (2, 8, 12))  # 3 is void
    plain, parts = privileged_objective(outputs, labels, None, mining.UniformWeighting())
    total, distilled = privileged_objective(
        outputs,
        labels,
        None,
        mining.UniformWeighting(),
        teacher_logits=taught,
        distillation_weight=0.7,
        side_weight=0.4,
    )
    from keras_lwm.mining.measures import valid_mask
    from keras_lwm.resampling import resize_labels

    losses = {
        name: float(
            distillation_loss(
                outputs[name], taught[name], valid_mask(resize_labels(labels, size), 3)
            )
        )
        for name, size in sizes.items()
    }
    assert float(distilled["distillation_loss"]) == pytest.approx(losses["segmentation"], rel=1e-5)
    added = 0.7 * (losses["segmentation"] + 0.4 * losses["side_8"])
    assert float(total) == pytest.approx(float(plain) + added, rel=1e-5)
    assert {name: float(distilled[name]) for name in parts} == pytest.approx(
        {name: float(value) for name, value in parts.items()}
    )


@pytest.mark.parametrize("weighting", ["uniform", "resolved"])
def test_it_trains_by_a_teacher_that_stays_as_it_is(weighting):
    weighting = resolved() if weighting == "resolved" else weighting
    model = model_with_teacher(weighting, distillation_weight=0.5)
    before = numbers(model.teacher.weights)
    own = numbers(model.trainable_variables)
    model.compile(keras.optimizers.Adam(1e-2))
    images, targets = tiny_batch()
    history = model.fit(images, targets, epochs=3, verbose=0).history
    assert history["distillation_loss"][-1] < history["distillation_loss"][0]
    for old, new in zip(before, numbers(model.teacher.weights), strict=True):
        np.testing.assert_array_equal(old, new)
    assert any(
        not np.array_equal(old, new)
        for old, new in zip(own, numbers(model.trainable_variables), strict=True)
    )
    logs = model.evaluate(images, targets, verbose=0, return_dict=True)
    assert "distillation_loss" not in logs


def test_depth_moves_the_training_through_the_teacher_alone():
    """The network is blind and the weighting uniform: only the teacher can tell depths apart."""
    images, targets = tiny_batch()
    other = {**targets, "depth": 1.5 * targets["depth"]}
    network = tiny_network(batch_norm=False)
    outputs = {name: network.output[name] for name in ("segmentation", "side_8")}

    def after(targets, **options):
        keras.utils.set_random_seed(1)
        model = DepthPrivilegedModel(
            keras.models.clone_model(keras.Model(network.input, outputs)),
            weighting="uniform",
            **options,
        )
        model.compile(keras.optimizers.SGD(0.1))
        model.train_on_batch(images, targets)
        return np.concatenate([v.ravel() for v in numbers(model.trainable_variables)])

    teacher = depth_network()
    taught = {"teacher": teacher, "distillation_weight": 1.0}
    np.testing.assert_array_equal(after(targets), after(other))
    assert np.abs(after(targets, **taught) - after(other, **taught)).max() > 1e-6


def test_saved_and_loaded_it_goes_on_alike_and_predicts_without_the_teacher(tmp_path):
    model = model_with_teacher(resolved())
    model.compile(keras.optimizers.Adam(1e-2))
    images, targets = tiny_batch()
    model.fit(images, targets, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.teacher.trainable
    for each in (model, loaded):
        each.fit(images, targets, epochs=1, verbose=0, shuffle=False)
    for own, other in zip(numbers(model.weights), numbers(loaded.weights), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)
    weights = {weight.path for weight in segmenter(loaded).weights}
    assert len(segmenter(loaded).weights) == len(segmenter(tiny_network()).weights), weights


def test_a_network_that_sees_depth_is_trained_and_validated_on_it():
    keras.utils.set_random_seed(0)
    model = DepthPrivilegedModel(depth_network(), weighting="uniform")
    model.compile(keras.optimizers.Adam(0.1))
    images, targets = tiny_batch()
    history = model.fit(
        images, targets, epochs=30, verbose=0, validation_data=(images, targets)
    ).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert history["val_loss"][-1] < 0.8 * history["val_loss"][0]
    with pytest.raises(ValueError, match="Expected targets as a dictionary with label and depth"):
        model.evaluate(images, {"label": targets["label"]}, verbose=0)


def test_a_teacher_that_nothing_asks_or_that_cannot_teach_is_refused():
    with pytest.raises(ValueError, match="together with distillation_weight"):
        model_with_teacher(distillation_weight=0.0)
    with pytest.raises(ValueError, match="together with distillation_weight"):
        DepthPrivilegedModel(tiny_network(), weighting=resolved())
    with pytest.raises(ValueError, match="with the outputs segmentation, side_8 of 4 classes"):
        model_with_teacher(teacher=keras.Sequential([layers.Input((32, 48, 4))]))


def test_what_is_hard_is_shown_with_the_teachers_word():
    """The map that a picture shows is the one that the loss is weighted by."""
    from keras_lwm.report.sheets import hard_pixel_maps

    model = model_with_teacher(resolved(), distillation_weight=0.0)
    images, targets = tiny_batch()
    label, depth = targets["label"][:1], targets["depth"][:1]
    shown = hard_pixel_maps(model, images[0], label[0], depth[0])
    logits = model.predict_on_batch(images[:1].astype("float32"))["segmentation"]
    taught = model.teacher_logits(images[:1], {"depth": depth})["segmentation"]
    expected = resolved()(logits, label.astype("int32"), depth, teacher_logits=taught)
    np.testing.assert_allclose(shown["weight"], ops.convert_to_numpy(expected)[0], rtol=1e-4)
