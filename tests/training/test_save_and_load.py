"""Whatever the model, its options and its optimiser: saved and loaded, it goes on unchanged."""

import io
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops
from saving_cases import (
    ELSEWHERE,
    SLOW_ENCODER,
    ConvNorm,
    TwoConvNorms,
    assert_goes_on,
    assert_same_model,
    assert_same_step,
    compiled,
    composite_model,
    dtype_policy,
    freeze_all_but_norm,
    freeze_block_of_model,
    freeze_norm,
    freeze_one_block,
    nested_network,
    network_around,
    plain,
    saved_and_loaded,
    sgd,
    small_refinenet,
    step,
    tiny_model,
    trainable_layers,
    trainable_paths,
    with_optimizer_state,
)
from training_samples import NUM_CLASSES, tiny_network

from keras_lwm import DepthPrivilegedModel, mining
from keras_lwm.metrics import ConfusionMatrix, DepthErrors
from keras_lwm.networks import freeze_batch_norm
from keras_lwm.training import PolynomialDecay

BACKEND = keras.backend.backend()


def table(cases):
    """Parametrises `case` by the values of a dictionary, named by its keys."""
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


def values(variables):
    return [ops.convert_to_numpy(variable.value).copy() for variable in variables]


def moved(layer, before):
    return any(np.any(new != old) for new, old in zip(values(layer.weights), before, strict=True))


# Weightings.

LWM = mining.LossWeightModule
WEIGHTINGS = {
    **{name: lambda name=name: mining.get(name) for name in mining.WEIGHTINGS},
    "window": lambda: LWM(gathering="window", window=3, dilation=2, tau=0.2),
    "bins_1": lambda: LWM(bins=1),
    "alpha_0": lambda: LWM(alpha=0),
    "beta_0": lambda: LWM(beta=0),
    "depth_range_tuple": lambda: LWM(depth_range=(1, 8)),
    "depth_range_numpy": lambda: LWM(depth_range=np.array([1.0, 8.0])),
    "float32_numbers": lambda: LWM(alpha=np.float32(0.5), strength=np.float32(0.25)),
    "float64_numbers": lambda: LWM(beta=np.float64(0.5), strength=np.float64(0.25)),
    "int64_numbers": lambda: LWM(alpha=np.int64(2), bins=np.int64(2)),
    "focal_numpy": lambda: mining.FocalWeighting(gamma=np.float32(1.5)),
    "ohem_options": lambda: mining.OnlineHardExampleMining(threshold=0.9, min_share=0.5),
    "shuffled_seed_none": lambda: mining.ShuffledWeighting(seed=None),
    "shuffled_seed_7": lambda: mining.ShuffledWeighting(seed=7),
    "shuffled_depth_range_numpy": lambda: mining.ShuffledWeighting(
        seed=7, depth_range=np.array([1.0, 8.0])
    ),
    "named": lambda: LWM(name="hard_pixels", momentum=0.5),
}


@table(WEIGHTINGS)
def test_every_weighting_goes_on(case, tmp_path):
    """Also with a coefficient that is not what it began as."""
    model = tiny_model(weighting=case())
    model.weighting.coefficient.assign(0.75)
    loaded = assert_goes_on(model, tmp_path)
    assert type(loaded.weighting) is type(model.weighting)
    assert float(ops.convert_to_numpy(loaded.weighting.coefficient)) == 0.75


def test_a_network_without_a_depth_output_goes_on(tmp_path):
    keras.utils.set_random_seed(0)
    network = tiny_network()
    segmentation = {"segmentation": network.output["segmentation"]}
    network = keras.Model(network.input, segmentation)
    assert_goes_on(compiled(network, weighting=mining.LossWeightModule(alpha=0)), tmp_path)


# Options of the model.

CLASS_WEIGHTS = [1.0, 2.0, 0.5, 1.0]
OPTIONS = {
    "defaults": {},
    "side_weight": {"side_weight": 0.1},
    "side_weight_0": {"side_weight": 0},
    "side_weight_float32": {"side_weight": np.float32(0.1)},
    "depth_weight": {"depth_weight": 2},
    "depth_weight_float64": {"depth_weight": np.float64(0.3)},
    "depth_weight_int64": {"depth_weight": np.int64(2)},
    "l2": {"l2": 0.01},
    "l2_float32": {"l2": np.float32(0.01)},
    "l2_array_of_no_dimension": {"l2": np.array(0.01)},
    "class_weights_list": {"class_weights": CLASS_WEIGHTS},
    "class_weights_tuple": {"class_weights": tuple(CLASS_WEIGHTS)},
    "class_weights_numpy": {"class_weights": np.array(CLASS_WEIGHTS, "float32")},
    "class_weights_of_numpy": {"class_weights": list(np.array(CLASS_WEIGHTS, "float32"))},
    "class_weights_by_id": {"class_weights": dict(enumerate(CLASS_WEIGHTS))},
    "class_weights_of_some": {"class_weights": {1: 2.0, 2: 0.5}},
    "class_weights_by_numpy_id": {"class_weights": {np.int64(1): np.float32(2.0), 2: 0.5}},
    **{f"depth_loss_{n}": {"depth_loss": n} for n in ("berhu", "log_l1", "scale_invariant")},
    "name": {"name": "segmenter_of_rooms"},
    "multipliers": SLOW_ENCODER,
    "multipliers_of_two": {"learning_rate_multipliers": {"encoder_0": 0.1, "logits": 2}},
    "multipliers_numpy": {"learning_rate_multipliers": {"encoder_0": np.float32(0.1)}},
    "multipliers_0": {"learning_rate_multipliers": {"encoder_0": 0}},
}


@table(OPTIONS)
def test_every_option_goes_on(case, tmp_path):
    loaded = assert_goes_on(tiny_model(weighting="uniform", **case), tmp_path)
    for name, value in case.items():
        if name != "class_weights":
            assert plain(getattr(loaded, name)) == plain(value)


@pytest.mark.parametrize(
    "same",
    [tuple(CLASS_WEIGHTS), np.array(CLASS_WEIGHTS), {1: 2.0, 2: 0.5}],
    ids=["tuple", "numpy", "dictionary"],
)
def test_class_weights_mean_the_same_in_every_form(same, tmp_path):
    """In a dictionary, a class that is missing counts 1; and so it does once it is loaded."""
    by_list = tiny_model(class_weights=CLASS_WEIGHTS)
    by_other = tiny_model(class_weights=same)
    unweighted = step(tiny_model())["segmentation_loss"]
    first = [step(model)["segmentation_loss"] for model in (by_list, by_other)]
    assert first[0] == pytest.approx(first[1], rel=1e-6) != pytest.approx(unweighted, rel=1e-3)
    loaded = saved_and_loaded(by_other, tmp_path)
    assert_same_step(by_list, loaded)


@pytest.mark.parametrize(
    "class_weights", [{4: 2.0}, {-1: 2.0}, {"wall": 2.0}], ids=["above", "below", "name"]
)
def test_class_weights_are_for_classes_that_exist(class_weights):
    with pytest.raises(ValueError, match="class"):
        tiny_model(class_weights=class_weights)


# Frozen layers.


@pytest.mark.parametrize("before", [True, False], ids=["frozen_before", "frozen_after"])
@pytest.mark.parametrize("multiplier", [None, 0, 0.1, 1])
def test_a_frozen_layer_stays_frozen_whatever_its_multiplier(multiplier, before, tmp_path):
    """Frozen before the model is made of the network, or after."""
    options = {} if multiplier is None else {"learning_rate_multipliers": {"encoder_0": multiplier}}
    model = tiny_model(frozen=["encoder_0", "norm_0"] if before else [], **options)
    if not before:
        model.get_layer("encoder_0").trainable = False
        model.get_layer("norm_0").trainable = False
        model.compile(sgd(), run_eagerly=True)
    frozen = model.get_layer("encoder_0")
    start = values(frozen.weights)
    loaded = assert_goes_on(model, tmp_path)
    assert not moved(frozen, start) and not moved(loaded.get_layer("encoder_0"), start)
    assert not any(path.startswith(("encoder_0", "norm_0")) for path in trainable_paths(loaded))


def test_a_layer_of_multiplier_0_does_not_move_once_it_is_loaded(tmp_path):
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.1)
    model = tiny_model(optimizer, learning_rate_multipliers={"encoder_0": 0})
    start = values(model.get_layer("encoder_0").weights)
    loaded = assert_goes_on(model, tmp_path)
    assert not moved(loaded.get_layer("encoder_0"), start)


def test_unfrozen_after_loading_a_layer_learns_at_its_multiple_of_the_rate(tmp_path):
    """As it does without saving; a new optimiser, as Keras wants it for another set of weights."""
    model = tiny_model(frozen=["encoder_0"], **SLOW_ENCODER)
    step(model)
    loaded = saved_and_loaded(model, tmp_path)
    plainly = tiny_model()
    plainly.set_weights(loaded.get_weights())
    for each in (model, loaded):
        each.get_layer("encoder_0").trainable = True
        each.compile(sgd(), run_eagerly=True)
    start = values(loaded.get_layer("encoder_0").weights)
    assert trainable_paths(model) == trainable_paths(loaded) == trainable_paths(plainly)
    assert_same_step(model, loaded)
    step(plainly)
    slow, full = (
        [
            new - old
            for new, old in zip(values(m.get_layer("encoder_0").weights), start, strict=True)
        ]
        for m in (loaded, plainly)
    )
    for one, other in zip(slow, full, strict=True):
        assert np.any(other != 0)
        np.testing.assert_allclose(one, 0.1 * other, rtol=1e-2, atol=1e-6)


def test_frozen_after_loading_a_layer_stays(tmp_path):
    model = tiny_model(**SLOW_ENCODER)
    step(model)
    loaded = saved_and_loaded(model, tmp_path)
    for each in (model, loaded):
        each.get_layer("encoder_0").trainable = False
        each.compile(sgd(), run_eagerly=True)
    start = values(loaded.get_layer("encoder_0").weights)
    assert_same_step(model, loaded)
    assert not moved(loaded.get_layer("encoder_0"), start)
    assert_goes_on(loaded, tmp_path)


@pytest.mark.parametrize("trainable", [False, True], ids=["frozen", "unfrozen"])
def test_flags_set_behind_the_optimisers_back_are_refused_or_kept(trainable, tmp_path):
    """Without compiling again the optimiser is of another set of weights: never half of it."""
    model = tiny_model(frozen=[] if not trainable else ["encoder_0"])
    step(model)
    model.get_layer("encoder_0").trainable = trainable
    try:
        loaded = saved_and_loaded(model, tmp_path)
    except ValueError:
        return
    assert_same_model(model, loaded)


COMPOSITE = {
    "unfrozen": (lambda: ConvNorm(6, name="block"), lambda layer: None),
    "norm_in_layer": (lambda: ConvNorm(6, name="block"), freeze_norm),
    "all_but_norm_in_layer": (lambda: ConvNorm(6, name="block"), freeze_all_but_norm),
    "layer": (lambda: ConvNorm(6, name="block"), lambda layer: setattr(layer, "trainable", False)),
    "layers_in_list_in_layer": (lambda: TwoConvNorms(6, name="blocks"), freeze_one_block),
    "layers_in_model": (nested_network, freeze_block_of_model),
    "model": (nested_network, lambda layer: setattr(layer, "trainable", False)),
}


@table(COMPOSITE)
def test_frozen_layers_inside_of_layers_stay_frozen(case, tmp_path):
    make, freeze = case
    assert_goes_on(composite_model(make(), freeze), tmp_path)


@table({name: case for name, case in COMPOSITE.items() if name != "unfrozen"})
def test_layers_inside_of_layers_are_unfrozen_after_loading(case, tmp_path):
    make, freeze = case
    model = composite_model(make(), freeze)
    step(model)
    loaded = saved_and_loaded(model, tmp_path)
    for each in (model, loaded):
        each.trainable = True
        each.compile(sgd(), run_eagerly=True)
    assert_same_model(model, loaded)
    assert_same_step(model, loaded)


def test_multipliers_reach_into_a_layer_with_frozen_ones_inside(tmp_path):
    options = {"learning_rate_multipliers": {"block": 0.1}}
    assert_goes_on(composite_model(ConvNorm(6, name="block"), freeze_norm, **options), tmp_path)


def test_a_model_that_is_frozen_whole_is_loaded_so(tmp_path):
    model = tiny_model()
    step(model)
    model.trainable = False
    model.compile(sgd(), run_eagerly=True)
    model.optimizer.build([])
    assert_same_model(model, saved_and_loaded(model, tmp_path))


def test_a_dropout_goes_on_with_its_own_draws(tmp_path):
    keras.utils.set_random_seed(0)
    assert_goes_on(compiled(network_around(layers.Dropout(0.5, seed=1, name="dropout"))), tmp_path)


# Backbones.


@pytest.fixture(scope="module")
def lite0():
    """One network for all its states of frozenness, because making it is what takes time."""
    keras.utils.set_random_seed(0)
    return small_refinenet()


def freeze_whole(backbone):
    backbone.trainable = False


def unfreeze_again(backbone):
    backbone.trainable = False
    backbone.trainable = True


def freeze_all_but_one(backbone):
    backbone.trainable = False
    backbone.get_layer("block_15_project").trainable = True


BACKBONES = {
    "unfrozen": lambda backbone: None,
    "batch_norm": freeze_batch_norm,
    "whole": freeze_whole,
    "unfrozen_again": unfreeze_again,
    "all_but_one_layer": freeze_all_but_one,
}


@table(BACKBONES)
def test_a_refinenet_is_loaded_whatever_of_its_backbone_is_frozen(case, lite0, tmp_path):
    """No step is made: smaller models make theirs, and JAX compiles one of this for a minute."""
    backbone = lite0.get_layer("backbone")
    backbone.trainable = True
    case(backbone)
    options = {"learning_rate_multipliers": {"backbone": 0.1}}
    model = with_optimizer_state(compiled(lite0, **options))
    assert_same_model(model, saved_and_loaded(model, tmp_path))


def test_frozen_batch_norm_is_frozen_once_it_is_loaded(tmp_path):
    """As the argument of RefineNet, not as a flag that is set later."""
    model = with_optimizer_state(compiled(small_refinenet(frozen_batch_norm=True)))
    loaded = saved_and_loaded(model, tmp_path)
    assert trainable_paths(loaded) == trainable_paths(model)
    assert not any("norm" in path for path in trainable_paths(loaded) if "block_" in path)


def test_batch_norm_inside_of_keras_cvs_blocks_stays_frozen(tmp_path):
    pytest.importorskip("keras_cv")
    network = small_refinenet("efficientnetv2_b0", frozen_batch_norm=True)
    model = with_optimizer_state(compiled(network))
    loaded = saved_and_loaded(model, tmp_path)
    assert trainable_layers(loaded) == trainable_layers(model)
    assert trainable_paths(loaded) == trainable_paths(model)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)


# Optimisers.

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adagrad": lambda: keras.optimizers.Adagrad(0.05),
    "ftrl": lambda: keras.optimizers.Ftrl(0.05, l2_regularization_strength=0.01),
    "lion": lambda: keras.optimizers.Lion(0.001),
    "nadam": lambda: keras.optimizers.Nadam(0.01),
    "schedule": lambda: keras.optimizers.AdamW(PolynomialDecay(0.02, steps=10, rising=3)),
    "accumulating": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "loss_scale": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.01), initial_scale=64.0, dynamic_growth_steps=2
    ),
    "loss_scale_accumulating": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.AdamW(
            PolynomialDecay(0.02, steps=10, rising=3), gradient_accumulation_steps=2
        ),
        initial_scale=64.0,
    ),
}


@pytest.mark.parametrize("multipliers", [{}, {"encoder_0": 0.1}], ids=["plain", "multipliers"])
@table(OPTIMIZERS)
def test_every_optimizer_goes_on(case, multipliers, tmp_path):
    model = tiny_model(case(), weighting="uniform", learning_rate_multipliers=multipliers)
    assert_goes_on(model, tmp_path)


def test_a_schedule_of_numpys_numbers_goes_on(tmp_path):
    rate = PolynomialDecay(np.float32(0.02), steps=np.int64(10), power=np.float64(0.5))
    assert_goes_on(tiny_model(keras.optimizers.SGD(rate), weighting="uniform"), tmp_path)


def test_averages_of_weights_go_on(tmp_path):
    optimizer = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5)
    assert_goes_on(tiny_model(optimizer, weighting="uniform"), tmp_path)


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "loss_scale"])
def test_averages_beside_multipliers_are_refused_or_right(scaled):
    """A layer of multiplier 0 never moves, nor does its average."""
    optimizer = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
    try:
        model = tiny_model(optimizer, learning_rate_multipliers={"encoder_0": 0})
    except ValueError as error:
        assert "use_ema" in str(error)
        return
    start = values(model.get_layer("encoder_0").weights)
    step(model), step(model)
    assert not moved(model.get_layer("encoder_0"), start)


def test_a_learning_rate_that_was_set_later_goes_on(tmp_path):
    model = tiny_model(weighting="uniform")
    step(model)
    model.optimizer.learning_rate = 0.01
    loaded = assert_goes_on(model, tmp_path, steps=0)
    assert float(ops.convert_to_numpy(loaded.optimizer.learning_rate)) == pytest.approx(0.01)


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "loss_scale"])
def test_a_model_that_has_not_made_a_step_is_loaded_without_a_word(scaled, tmp_path):
    """Its optimiser has no state yet, which fits every set of weights."""
    optimizer = keras.optimizers.Adam(0.01)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
    model = tiny_model(optimizer, weighting="uniform")
    loaded = saved_and_loaded(model, tmp_path)
    assert_same_step(model, loaded)


# Ways to compile.


def compile_cases():
    """Options of `compile`, and whether they are trained with here."""
    several = {"steps_per_execution": 2, "jit_compile": False}
    compiled = {"jit": ({"jit_compile": True}, True), "steps_per_execution": (several, False)}
    return {
        **({} if BACKEND == "torch" else compiled),
        "auto": ({}, True),
        "not_jit": ({"jit_compile": False}, True),
        "eager": ({"run_eagerly": True}, True),
        "unscaled": ({"auto_scale_loss": False, "run_eagerly": True}, True),
    }


@table(compile_cases())
def test_options_of_compile_go_on(case, tmp_path):
    options, runs = case
    model = tiny_model(compile_options=options, weighting="uniform")
    if runs:
        loaded = assert_goes_on(model, tmp_path)
    else:
        loaded = saved_and_loaded(with_optimizer_state(model), tmp_path)
        assert_same_model(model, loaded)
    for name in ("run_eagerly", "steps_per_execution", "jit_compile"):
        if name in options:
            assert getattr(loaded, name) == options[name]


POLICIES = {
    "float32": ("float32", None, True, {}),
    "float16": ("mixed_float16", None, True, SLOW_ENCODER),
    "float16_not_scaled": ("mixed_float16", None, False, {}),
    "float16_own_scaling": (
        "mixed_float16",
        lambda: keras.optimizers.LossScaleOptimizer(sgd(), initial_scale=64.0),
        True,
        SLOW_ENCODER,
    ),
    "bfloat16": ("mixed_bfloat16", lambda: keras.optimizers.AdamW(0.01), True, SLOW_ENCODER),
}


@pytest.mark.parametrize("loaded_under", ["float32", "mixed_float16"])
@table(POLICIES)
def test_every_dtype_policy_goes_on(case, loaded_under, tmp_path):
    """With the loss scaled as it was: by model, by whoever made the optimiser, or not at all."""
    policy, optimizer, scaled, options = case
    with dtype_policy(policy):
        model = tiny_model(
            optimizer and optimizer(),
            compile_options={"run_eagerly": True, "auto_scale_loss": scaled},
            **options,
        )
    assert model.optimizer.scales_loss == (scaled and policy == "mixed_float16")
    loaded = assert_goes_on(model, tmp_path, loaded_under=loaded_under)
    policies, again = (
        [layer.dtype_policy.name for layer in each.layers if layer.weights]
        for each in (model, loaded)
    )
    assert policy in policies and again == policies


# More ways to come to a copy of a model.


@table({name: ELSEWHERE[name] for name in ("numpy_options", "frozen_inside_a_layer")})
def test_the_copy_of_a_copy_goes_on(case, tmp_path):
    model = case()
    step(model)
    once = saved_and_loaded(model, tmp_path)
    twice = saved_and_loaded(once, tmp_path)
    assert_same_model(model, twice)
    assert_same_step(model, twice)


def test_without_compiling_weights_and_flags_are_loaded(tmp_path):
    model = tiny_model(frozen=["encoder_0"])
    step(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert not loaded.compiled
    assert trainable_paths(loaded) == trainable_paths(model)
    for one, other in zip(values(loaded.weights), values(model.weights), strict=True):
        np.testing.assert_array_equal(one, other)


CLONED = {
    "options": lambda: tiny_model(
        weighting=mining.FocalWeighting(gamma=1.0),
        side_weight=0.1,
        depth_loss="log_l1",
        class_weights=CLASS_WEIGHTS,
        l2=0.01,
        **SLOW_ENCODER,
    ),
    "numpy_options": lambda: tiny_model(
        weighting=mining.LossWeightModule(depth_range=np.array([1.0, 8.0])),
        depth_weight=np.float32(0.25),
        class_weights=np.array(CLASS_WEIGHTS),
    ),
    "frozen": lambda: tiny_model(frozen=["encoder_0"], **SLOW_ENCODER),
    "frozen_inside_a_layer": lambda: composite_model(ConvNorm(6, name="block"), freeze_norm),
}


@table(CLONED)
def test_a_clone_keeps_weighting_and_options(case):
    model = case()
    clone = type(model).from_config(model.get_config())
    with pytest.raises(ValueError, match="clone_model .*from_config"):
        keras.models.clone_model(model)
    assert type(clone) is DepthPrivilegedModel
    assert plain(clone.get_config()) == plain(model.get_config())
    assert trainable_paths(clone) == trainable_paths(model)
    assert clone.weighting is not model.weighting
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]


METRICS = {
    "confusion_matrix": lambda: ConfusionMatrix(NUM_CLASSES, name="of_rooms"),
    "confusion_matrix_numpy": lambda: ConfusionMatrix(np.int64(3)),
    "depth_errors": lambda: DepthErrors(name="of_depth"),
}


@table(METRICS)
def test_metrics_are_known_to_keras_by_name(case):
    metric = case()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()


# What cannot be saved or loaded is refused.


class UnregisteredWeighting(mining.Weighting):
    """Nobody told Keras of it, so no other process could load it."""


@pytest.mark.parametrize("older", [None, b"an older model"], ids=["no_file", "older_file"])
def test_what_could_not_be_loaded_is_not_saved(older, tmp_path):
    """Rather at once and in a sentence than after a night; an older file stays as it is."""
    path = tmp_path / "model.keras"
    if older:
        path.write_bytes(older)
    model = tiny_model(weighting=UnregisteredWeighting())
    with pytest.raises(ValueError, match="UnregisteredWeighting.*register_keras_serializable") as e:
        model.save(path)
    assert "\n" not in str(e.value)
    assert (path.read_bytes() if path.exists() else None) == older
    assert list(tmp_path.iterdir()) == ([path] if older else [])


WEIGHTS = "model.weights.h5"


def rewritten(source, target, weights):
    """Writes `source` as `target` with other weights, given as the bytes of their file."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, weights if name == WEIGHTS else old.read(name))
    return target


def edited(source, target, edit):
    """Writes `source` as `target`, after `edit(group)` of the optimiser's group of its weights."""
    with zipfile.ZipFile(source) as archive:
        buffer = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(buffer, "r+") as file:
        edit(file["optimizer/vars"])
    return rewritten(source, target, buffer.getvalue())


def without_last(group):
    del group[str(len(group) - 1)]


def without_all(group):
    for name in list(group):
        del group[name]


def with_one_more(group):
    group[str(len(group))] = np.zeros(3, "float32")


def of_other_shape(group):
    last = str(len(group) - 1)
    del group[last]
    group[last] = np.zeros((2, 3, 5), "float32")


FORGED = {
    "one_fewer": without_last,
    "none": without_all,
    "one_more": with_one_more,
    "other_shape": of_other_shape,
}


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "loss_scale"])
@table(FORGED)
def test_state_of_an_optimizer_that_does_not_fit_is_an_error(case, scaled, tmp_path):
    """Keras warns and goes on without it, which nobody sees in a night's log."""
    optimizer = sgd()
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
    model = tiny_model(optimizer, weighting="uniform")
    step(model)
    model.save(tmp_path / "model.keras")
    forged = edited(tmp_path / "model.keras", tmp_path / "forged.keras", case)
    with pytest.raises(ValueError, match="(?i)optimizer"):
        keras.saving.load_model(forged)


def test_an_optimizer_of_another_set_of_weights_is_an_error(tmp_path):
    """The configuration of a model with all layers unfrozen, the weights of one with one frozen."""
    for name, frozen in {"unfrozen": [], "frozen": ["encoder_0"]}.items():
        model = tiny_model(frozen=frozen, weighting="uniform")
        step(model)
        model.save(tmp_path / f"{name}.keras")
    with zipfile.ZipFile(tmp_path / "frozen.keras") as archive:
        weights = archive.read(WEIGHTS)
    forged = rewritten(tmp_path / "unfrozen.keras", tmp_path / "forged.keras", weights)
    with pytest.raises(ValueError, match="(?i)optimizer"):
        keras.saving.load_model(forged)
