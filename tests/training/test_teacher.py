"""A teacher: what it says is heard, its weights stay, and nothing of it is in what predicts."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import mining
from keras_lwm.networks import segmenter
from keras_lwm.training import DepthPrivilegedModel, privileged_objective
from keras_lwm.training.objective import MEASURES
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


def model_with_teacher(weighting="uniform", distillation_weight=0.5, teacher=None):
    keras.utils.set_random_seed(0)
    return DepthPrivilegedModel(
        tiny_network(),
        weighting=weighting,
        teacher=depth_network() if teacher is None else teacher,
        distillation_weight=distillation_weight,
    )


def test_distillation_is_the_divergence_from_the_teacher_over_all_pixels():
    random = np.random.default_rng(0)
    logits, taught = random.normal(size=(2, 2, 3, 4, 5)).astype("float32")
    expected = []
    for pixel in np.ndindex(2, 3, 4):
        p, q = (np.exp(maps[pixel]) for maps in (taught, logits))
        p, q = p / p.sum(), q / q.sum()
        expected.append((p * np.log(p / q)).sum())
    assert float(distillation_loss(logits, taught)) == pytest.approx(np.mean(expected), rel=1e-5)
    assert float(distillation_loss(logits, logits)) == pytest.approx(0.0, abs=1e-6)


def test_frames_without_a_label_are_learnt_from_by_the_teacher_alone():
    images, targets = tiny_batch()
    unlabelled = {**targets, "label": np.full_like(targets["label"], 255)}

    def after(**options):
        keras.utils.set_random_seed(1)
        network = tiny_network(batch_norm=False)
        outputs = {name: network.output[name] for name in ("segmentation", "side_8")}
        model = DepthPrivilegedModel(network.input, outputs, weighting="uniform", **options)
        before = numbers(model.trainable_variables)
        model.compile(keras.optimizers.SGD(0.1))
        model.train_on_batch(images, unlabelled)
        changes = [
            np.abs(old - new).max()
            for old, new in zip(before, numbers(model.trainable_variables), strict=True)
        ]
        return max(changes)

    assert after() == 0
    assert after(teacher=depth_network()) > 1e-5


def test_the_logged_distillation_is_over_all_frames_labelled_or_not():
    images, targets = tiny_batch()
    model = model_with_teacher()
    model.compile(keras.optimizers.SGD(0.0))
    logged = []
    for void in (slice(0), slice(1)):
        targets["label"][void] = 255
        history = model.fit(images, targets, batch_size=len(images), verbose=0).history
        logged.append(history["distillation_loss"][0])
    assert logged[1] == pytest.approx(logged[0], rel=1e-5)


def test_logs_are_of_the_images_that_have_what_they_are_of():
    """An image without a label changes no log of what labels take part in, but its own share."""
    images, targets = tiny_batch(8)
    images = images.astype("float32")

    def logged(images, targets):
        keras.utils.set_random_seed(0)
        weighting = mining.LossWeightModule(gathering="window")
        model = DepthPrivilegedModel(tiny_network(batch_norm=False), weighting=weighting)
        model.compile(keras.optimizers.SGD(0.0))
        return model.fit(images, targets, batch_size=len(images), verbose=0).history

    some = logged(images[:3], {name: values[:3] for name, values in targets.items()})
    targets["label"][3:] = 255
    mixed = logged(images, targets)
    names = {"segmentation_loss", "side_8_loss", *MEASURES}
    assert names <= set(mixed)
    for name in names:
        assert mixed[name][0] == pytest.approx(some[name][0], rel=1e-5), name


def test_labels_too_few_for_a_coarse_output_do_not_thin_it_out():
    """One pixel is labelled, which lies under a cell's centre at stride 4 and not at stride 8."""
    images, targets = tiny_batch(2)
    void = np.full_like(targets["label"][:1], 255)
    few = void.copy()
    few[0, 2, 2] = 1

    def learnt(label):
        keras.utils.set_random_seed(0)
        network = tiny_network(batch_norm=False)
        outputs = {name: network.output[name] for name in ("segmentation", "side_8")}
        model = DepthPrivilegedModel(network.input, outputs, weighting="uniform")
        model.compile(keras.optimizers.SGD(0.1))
        data = images, {**targets, "label": np.concatenate([targets["label"][:1], label])}
        logs = model.fit(*data, batch_size=2, verbose=0).history
        return logs, numbers(model.get_layer("side_logits").trainable_variables)

    with_few, without = learnt(few), learnt(void)
    assert with_few[0]["side_8_loss"][0] == pytest.approx(without[0]["side_8_loss"][0], rel=1e-6)
    for one, other in zip(with_few[1], without[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert with_few[0]["segmentation_loss"][0] != without[0]["segmentation_loss"][0]


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
    losses = {name: float(distillation_loss(outputs[name], taught[name])) for name in sizes}
    assert float(distilled["distillation_loss"]) == pytest.approx(losses["segmentation"], rel=1e-5)
    added = 0.7 * (losses["segmentation"] + 0.4 * losses["side_8"])
    assert float(total) == pytest.approx(float(plain) + added, rel=1e-5)
    assert {name: float(distilled[name]) for name in parts} == pytest.approx(
        {name: float(value) for name, value in parts.items()}
    )


def test_it_trains_by_a_teacher_that_stays_as_it_is():
    model = model_with_teacher()
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
    np.testing.assert_array_equal(after(targets), after(other))
    assert np.abs(after(targets, teacher=teacher) - after(other, teacher=teacher)).max() > 1e-6


def test_saved_and_loaded_it_goes_on_alike_and_predicts_without_the_teacher(tmp_path):
    model = model_with_teacher(mining.LossWeightModule())
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
    with pytest.raises(ValueError, match="distillation_weight above 0 with a teacher"):
        model_with_teacher(distillation_weight=0.0)
    with pytest.raises(ValueError, match="with the outputs segmentation, side_8 of 4 classes"):
        model_with_teacher(teacher=keras.Sequential([layers.Input((32, 48, 4))]))


@pytest.mark.parametrize("l2", [0.0, 1e-2])
def test_it_stays_frozen_whatever_the_model_is_set_to(l2, tmp_path):
    keras.utils.set_random_seed(0)
    model = DepthPrivilegedModel(tiny_network(), teacher=depth_network(), l2=l2)
    own = len(model.trainable_variables)
    model.trainable = False
    assert not model.trainable and not model.trainable_variables
    model.trainable = True
    assert model.trainable and len(model.trainable_variables) == own
    before = numbers(model.teacher.weights)
    model.compile(keras.optimizers.AdamW(1e-2))
    images, targets = tiny_batch()
    model.fit(images, targets, epochs=2, verbose=0)
    for old, new in zip(before, numbers(model.teacher.weights), strict=True):
        np.testing.assert_array_equal(old, new)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_variables) == own


def test_a_teacher_that_shares_weights_with_the_network_is_refused():
    network = tiny_network()
    outputs = {name: network.output[name] for name in ("segmentation", "side_8")}
    teacher = keras.Model(network.input, outputs)
    trainable = len(network.trainable_variables)
    with pytest.raises(ValueError, match=r"weights of its own; it shares \d+ with the network"):
        DepthPrivilegedModel(network, teacher=teacher)
    assert len(network.trainable_variables) == trainable  # Nothing was frozen.
    DepthPrivilegedModel(network, teacher=keras.models.clone_model(teacher))


def test_depth_of_another_size_than_the_image_ends_in_a_sentence():
    model = DepthPrivilegedModel(depth_network(), weighting="uniform")
    model.compile("sgd")
    images, targets = tiny_batch()
    half = {**targets, "depth": targets["depth"][:, ::2, ::2]}
    with pytest.raises(ValueError, match=r"depth of the images' size, \(32, 48\), .*\(16, 24\)"):
        model.train_on_batch(images, half)
