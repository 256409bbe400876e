import keras
import numpy as np
import pytest
from keras import ops
from training_samples import tiny_batch, tiny_network

from keras_lwm import mining
from keras_lwm.training import DepthPrivilegedModel, checks

SIZE = (32, 48)


def tiny_model(optimizer=None, compile_options=None, network=None, **options):
    """A model that is run eagerly, unless asked otherwise, because nothing is run often."""
    keras.utils.set_random_seed(0)
    network = network or tiny_network()
    model = DepthPrivilegedModel(network, **options)
    optimizer = optimizer or keras.optimizers.SGD(0.05, momentum=0.9)
    model.compile(optimizer, **(compile_options or {"run_eagerly": True}))
    return model


def compiled_model(*arguments, **options):
    return tiny_model(*arguments, compile_options={"run_eagerly": False}, **options)


def values(variables):
    return [ops.convert_to_numpy(variable.value).copy() for variable in variables]


def assert_same(first, second, **tolerance):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


def fit(model, x, y, **options):
    options = {"batch_size": 4, "epochs": 1, "verbose": 0, "shuffle": False, **options}
    return model.fit(x, y, **options).history


def test_fit_learns_and_logs_everything():
    x, y = tiny_batch(8)
    model = compiled_model(keras.optimizers.Adam(0.02))
    validation = (x, {"label": y["label"]})
    history = fit(
        model,
        x,
        y,
        epochs=12,
        validation_data=validation,
        callbacks=[mining.CurriculumCallback()],
    )
    assert set(history) == {
        "loss",
        "segmentation_loss",
        "side_8_loss",
        "depth_loss",
        "depth_prediction_error",
        "depth_aware_segmentation_error",
        "coefficient",
        "skipped_steps",
        "pixel_accuracy",
        "mean_accuracy",
        "mean_iou",
        "frequency_weighted_iou",
        "val_loss",
        "val_pixel_accuracy",
        "val_mean_accuracy",
        "val_mean_iou",
        "val_frequency_weighted_iou",
    }
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    assert history["val_mean_iou"][-1] > 0.5
    assert history["coefficient"][0] == 0 and history["coefficient"][-1] == 1
    assert sum(history["skipped_steps"]) == 0


def test_validation_loss_is_plain_whatever_the_weighting():
    x, y = tiny_batch(4)
    losses = []
    for weighting in ("uniform", "focal", "lwm"):
        model = tiny_model(weighting=weighting)
        losses.append(model.evaluate(x, y, verbose=0, return_dict=True))
    assert losses[0]["loss"] == pytest.approx(losses[1]["loss"], rel=1e-6)
    assert losses[0]["loss"] == pytest.approx(losses[2]["loss"], rel=1e-6)
    assert {"abs_rel", "rmse", "delta_1.25", "mean_iou"} <= set(losses[0])


class Batches(keras.utils.PyDataset):
    """One batch again and again: arrays that nobody checks before they are trained on."""

    def __init__(self, x, y, steps=1):
        super().__init__()
        self.batch, self.steps = (x, y), steps

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        return self.batch


def invalid_batches(x, y, steps=1):
    return Batches(np.full(x.shape, np.nan, "float32"), y, steps)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_step_that_is_not_finite_changes_no_weight_and_is_counted(policy):
    x, y = tiny_batch(4)
    keras.config.set_dtype_policy(policy)
    try:
        model = compiled_model(weighting=mining.LossWeightModule(depth_range=(1, 8)))
    finally:
        keras.config.set_dtype_policy("float32")
    fit(model, x.astype("float32"), y)
    before = values(model.variables), values(model.optimizer.variables)
    history = fit(model, invalid_batches(x, y), None, batch_size=None)
    assert history["skipped_steps"] == [1]
    assert np.isnan(history["loss"][0]), "an epoch without one valid step has no loss"
    names = [variable.path for variable in model.variables]
    metric_ids = {id(variable) for variable in model.metrics_variables}
    for variable, old in zip(model.variables, before[0], strict=True):
        if id(variable) not in metric_ids:
            np.testing.assert_array_equal(ops.convert_to_numpy(variable.value), old, str(names))
    counts = 1 if policy == "float32" else 3
    assert_same(values(model.optimizer.variables)[counts:], before[1][counts:])
    if policy == "mixed_float16":
        scale = ops.convert_to_numpy(model.optimizer.loss_scale)
        assert scale == before[1][1] / 2, "the loss scale must come down"
    history = fit(model, x.astype("float32"), y, epochs=2)
    assert history["skipped_steps"] == [0, 0]


def test_multipliers_reach_the_layers_they_name():
    x, y = tiny_batch(4)
    steps = []
    for multipliers in ({}, {"encoder_0": 0.1}):
        model = compiled_model(keras.optimizers.Adam(0.01), learning_rate_multipliers=multipliers)
        before = values(model.trainable_variables)
        fit(model, x, y)
        after = values(model.trainable_variables)
        steps.append([new - old for new, old in zip(after, before, strict=True)])
    for variable, full, slow in zip(model.trainable_variables, *steps, strict=True):
        factor = 0.1 if variable.path.startswith("encoder_0") else 1.0
        np.testing.assert_allclose(slow, factor * full, rtol=1e-2, atol=2e-7)


def test_multipliers_are_for_layers_that_exist():
    with pytest.raises(ValueError, match="encoder_0.*received 'backbone'"):
        tiny_model(learning_rate_multipliers={"backbone": 0.1})


def test_loss_scaling_under_mixed_float16_trains():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled_model(keras.optimizers.Adam(0.02))
    finally:
        keras.config.set_dtype_policy("float32")
    x, y = tiny_batch(8)
    history = fit(model, x, y, epochs=10)
    assert float(ops.convert_to_numpy(model.optimizer.loss_scale)) >= 2.0**13
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert sum(history["skipped_steps"]) <= 2


def test_gradient_accumulation_updates_every_second_step():
    x, y = tiny_batch(8)
    accumulate = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    model = compiled_model(accumulate, learning_rate_multipliers={"encoder_0": 0.5})
    start = values(model.trainable_variables)
    fit(model, x[:4], {key: value[:4] for key, value in y.items()})
    assert_same(values(model.trainable_variables), start)
    fit(model, x[4:], {key: value[4:] for key, value in y.items()})
    assert not np.allclose(values(model.trainable_variables)[0], start[0])


@pytest.mark.parametrize(
    "options",
    [{"jit_compile": True}, {"run_eagerly": True}]
    + ([{"steps_per_execution": 2}] if keras.backend.backend() != "torch" else []),
)
def test_ways_to_execute_agree(options):
    if options == {"jit_compile": True} and keras.backend.backend() == "torch":
        options = {"jit_compile": False}
    x, y = tiny_batch(8)
    plain, other = (
        tiny_model(compile_options={"jit_compile": False}),
        tiny_model(compile_options=options),
    )
    fit(plain, x, y), fit(other, x, y)
    assert_same(
        values(plain.trainable_variables), values(other.trainable_variables), rtol=1e-3, atol=1e-5
    )


def test_a_saved_model_goes_on_as_if_it_had_never_stopped(tmp_path):
    x, y = tiny_batch(8)
    weighting = mining.LossWeightModule(depth_range=(1, 8))
    model = compiled_model(
        keras.optimizers.Adam(0.01),
        weighting=weighting,
        learning_rate_multipliers={"encoder_0": 0.1},
        class_weights=[1.0, 2.0, 1.0, 1.0],
        depth_loss="log_l1",
    )
    fit(model, x, y)
    model.weighting.coefficient.assign(-0.25)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_config()["class_weights"] == [1.0, 2.0, 1.0, 1.0]
    assert_same(values(again.weights), values(model.weights))
    assert_same(values(again.optimizer.variables), values(model.optimizer.variables))
    assert float(ops.convert_to_numpy(again.weighting.coefficient)) == -0.25
    fit(model, x, y), fit(again, x, y)
    assert_same(values(again.weights), values(model.weights), rtol=1e-5, atol=1e-6)


def test_frozen_layers_stay_and_regularisers_count():
    network = tiny_network(batch_norm=False, penalty=0.5)
    network.get_layer("encoder_0").trainable = False
    plain = tiny_model(network=tiny_network(batch_norm=False), weighting="uniform")
    model = tiny_model(network=network, weighting="uniform")
    model.set_weights(plain.get_weights())
    x, y = tiny_batch(4)
    before = values(network.get_layer("encoder_0").weights)
    penalty = 0.5 * np.sum(values(network.get_layer("encoder_1").weights)[0] ** 2)
    with_penalty, without = fit(model, x, y)["loss"][0], fit(plain, x, y)["loss"][0]
    assert with_penalty - without == pytest.approx(penalty, rel=1e-3)
    assert_same(values(network.get_layer("encoder_0").weights), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": None}, "label and depth; received \\['depth'\\]"),
        ({"depth": None}, "label and depth; received \\['label'\\]"),
        ({"depth": np.ones((4, 32, 48))}, "depth of shape"),
        ({"depth": np.ones((4, 16, 48, 1))}, "to go with labels"),
        ({"label": np.full((4, 32, 48), 9, "uint8")}, "label id 9 .* 0 to 3"),
        ({"label": np.zeros((4, 32, 48))}, "integer class ids; received float64"),
        ({"x": np.full((4, 32, 48, 3), 0.5)}, "0 to 255 in the array of images; received .*0.5"),
        ({"x": np.full((4, 32, 48, 3), np.nan)}, "received NaN or infinite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_a_sentence(change, message):
    x, y = tiny_batch(4)
    x = change.get("x", x)
    y = {key: value for key, value in {**y, **change}.items() if value is not None and key != "x"}
    with pytest.raises(ValueError, match=message):
        fit(tiny_model(), x, y)


def built_for(num_classes):
    weighting = mining.LossWeightModule()
    weighting.build((None, None, None, num_classes))
    return weighting


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side_weight": float("nan")}, "received side_weight=nan"),
        ({"depth_weight": -0.5}, "depth_weight .* at least 0; received depth_weight=-0.5"),
        ({"l2": float("inf")}, "received l2=inf"),
        ({"class_weights": [1, 2, 3, float("nan")]}, "class_weights.3.*nan"),
        ({"class_weights": {4: 1.0}}, "class ids from 0 to 3; received one for 4"),
        ({"learning_rate_multipliers": {"encoder_0": -1}}, "multiplier of encoder_0"),
        ({"max_skipped_steps": 0}, "at least 1; received max_skipped_steps=0"),
        ({"weighting": "hard"}, "received 'hard'"),
        ({"depth_loss": "l3"}, "received 'l3'"),
        ({"class_weights": [1, 2]}, "Expected 4 class weights"),
        (
            {"weighting": built_for(7)},
            "4 classes; received one of 7",
        ),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny_model(**options)


def test_a_weighting_by_predicted_depth_wants_a_depth_output():
    network = tiny_network()
    outputs = {"segmentation": network.output["segmentation"]}
    with pytest.raises(ValueError, match="needs predicted depth.*received \\['segmentation'\\]"):
        DepthPrivilegedModel(network.inputs, outputs)
    DepthPrivilegedModel(network.inputs, outputs, weighting="ohem")


def test_a_network_is_taken_as_itself_or_as_its_ends():
    network = tiny_network()
    whole = DepthPrivilegedModel(network, side_weight=0.2)
    ends = DepthPrivilegedModel(network.inputs, network.output, side_weight=0.2)
    assert [id(layer) for layer in whole.layers] == [id(layer) for layer in ends.layers]
    assert whole.input is ends.input is network.input
    x, y = tiny_batch(2)
    losses = [ops.convert_to_numpy(m.training_loss(x, y)[0]) for m in (whole, ends)]
    assert losses[0] == losses[1]


def test_what_is_no_network_gets_a_sentence():
    network = tiny_network()
    with pytest.raises(ValueError, match="in the place of outputs, 'uniform'"):
        DepthPrivilegedModel(network, "uniform")
    with pytest.raises(ValueError, match="dictionary of outputs; received 'plain', a Functional"):
        DepthPrivilegedModel(keras.Model(network.input, network.output["depth"], name="plain"))
    with pytest.raises(ValueError, match="dictionary of outputs; received 'empty', a Sequential"):
        DepthPrivilegedModel(keras.Sequential(name="empty"))
    with pytest.raises(ValueError, match="Expected a functional network or its inputs"):
        DepthPrivilegedModel("runs/rooms")


def test_averages_leave_a_layer_of_multiplier_0_as_it_was():
    """Also inside an optimiser that scales the loss."""
    x, y = tiny_batch(4)
    for wrap in (lambda inside: inside, keras.optimizers.LossScaleOptimizer):
        optimizer = wrap(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
        model = compiled_model(optimizer, learning_rate_multipliers={"encoder_0": 0.0})
        layer = model.get_layer("encoder_0")
        before = values(layer.weights)
        fit(model, x, y, epochs=2)
        assert_same(values(layer.weights), before)


@pytest.mark.parametrize("limit", [3, 4])
def test_a_run_of_invalid_steps_ends_in_a_sentence(limit):
    x, y = tiny_batch(4)
    model = tiny_model(max_skipped_steps=limit)
    batches = invalid_batches(x, y, steps=3)
    if limit == 4:
        assert fit(model, batches, None, batch_size=None)["skipped_steps"] == [3]
        batches.steps = 1
    with pytest.raises(ValueError, match=f"not finite in {limit} steps in a row.*max_skipped_step"):
        fit(model, batches, None, batch_size=None, epochs=4)


def test_valid_steps_between_invalid_ones_let_a_run_go_on():
    x, y = tiny_batch(4)

    class EveryThird(Batches):
        def __getitem__(self, index):
            return (x.astype("float32"), y) if index % 3 == 2 else self.batch

    invalid = np.full(x.shape, np.nan, "float32")
    history = fit(tiny_model(max_skipped_steps=3), EveryThird(invalid, y, 9), None, batch_size=None)
    assert history["skipped_steps"] == [6] and np.isfinite(history["loss"][0])


def test_steps_are_not_waited_for_one_by_one(monkeypatch):
    """A callback with a method for a step's end makes Keras read every log after every step."""
    for name in ("on_train_batch_end", "on_batch_end"):
        assert getattr(checks.InputCheck, name) is getattr(keras.callbacks.Callback, name)
    looks = []

    def check(self):
        looks.append(self._steps)
        return look(self)

    look = checks.InputCheck._check_skipped
    monkeypatch.setattr(checks.InputCheck, "_check_skipped", check)
    x, y = tiny_batch(4)
    batches = Batches(x.astype("float32"), y, 12)
    fit(compiled_model(max_skipped_steps=5), batches, None, batch_size=None, epochs=2)
    assert looks == [5, 10, 12, 17, 22, 24]


def test_a_count_of_an_earlier_run_is_not_held_against_the_next():
    x, y = tiny_batch(4)
    model = tiny_model(max_skipped_steps=3)
    invalid = invalid_batches(x, y, steps=2)
    for _ in range(2):
        assert fit(model, invalid, None, batch_size=None)["skipped_steps"] == [2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"label": np.full((4, 32, 48), 299, "int32")},
            "label id 299 .6144 pixels.: expected 0 to 3",
        ),
        ({"label": np.full((4, 32, 48), -7, "int32")}, "label id -7 .*or 255 for void"),
        ({"x": np.full((4, 32, 48, 3), 0.5, "float32")}, "0 to 255 in the batches; received .*0.5"),
        (
            {"depth": np.full((4, 32, 48, 1), 3000.0, "float32")},
            "looks like millimetres.*unusual_d",
        ),
    ],
)
@pytest.mark.parametrize("call", ["fit", "evaluate", "validation"])
def test_batches_that_do_not_fit_end_the_first_epoch_in_a_sentence(change, message, call):
    x, y = tiny_batch(4)
    bad = Batches(change.get("x", x.astype("float32")), {**y, **change})
    bad.batch[1].pop("x", None)
    good = Batches(x.astype("float32"), y)
    model = tiny_model()
    with pytest.raises(ValueError, match=message):
        if call == "evaluate":
            model.evaluate(bad, verbose=0)
        elif call == "fit":
            fit(model, bad, None, batch_size=None)
        else:
            fit(model, good, None, batch_size=None, validation_data=bad)
    fit(model, good, None, batch_size=None)  # What was wrong is said once.


def test_unusual_depth_is_trained_on_if_it_is_said_to_be_right():
    x, y = tiny_batch(4)
    y["depth"] = y["depth"] * 1000
    with pytest.raises(ValueError, match="array index .*looks like millimetres: divide it by 1000"):
        fit(tiny_model(), x, y)
    fit(tiny_model(unusual_depth=True), x, y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x, y: m.fit(x, y, class_weight={0: 2.0}), "no class_weight.*class_weights="),
        (lambda m, x, y: m.fit(x, y, sample_weight=np.ones(4)), "no sample_weight"),
        (lambda m, x, y: m.fit(x, y, validation_data=(x, y, np.ones(4))), "no sample_weight"),
        (lambda m, x, y: m.evaluate(x, y, sample_weight=np.ones(4)), "no sample_weight"),
        (lambda m, x, y: m.compile(metrics=["accuracy"]), "no metrics in compile"),
        (lambda m, x, y: m.compile("sgd", loss="mse"), "no loss in compile.*depth_loss"),
        (lambda m, x, y: keras.models.clone_model(m), "clone_model .*from_config"),
    ],
)
def test_what_the_model_says_itself_is_refused_elsewhere(call, message):
    x, y = tiny_batch(4)
    with pytest.raises(ValueError, match=message):
        call(tiny_model(), x, y)
    tiny_model().compile("sgd", loss=None, metrics=None)


def test_a_compiler_that_cannot_is_refused():
    if keras.backend.backend() == "torch":
        with pytest.raises(ValueError, match="jit_compile.*received True"):
            tiny_model(compile_options={"jit_compile": True})
        with pytest.raises(ValueError, match="steps_per_execution=1.*received 2"):
            tiny_model(compile_options={"steps_per_execution": 2})
    else:
        assert tiny_model(compile_options={"jit_compile": True}).jit_compile


def test_layers_frozen_after_compiling_are_refused_until_it_is_compiled_again():
    x, y = tiny_batch(4)
    model = tiny_model(learning_rate_multipliers={"encoder_0": 0.1})
    fit(model, x, y)
    model.get_layer("encoder_0").trainable = False
    with pytest.raises(ValueError, match="frozen or unfrozen after compile.*Compile the model ag"):
        fit(model, x, y)
    model.compile(keras.optimizers.SGD(0.1))
    frozen = values(model.get_layer("encoder_0").weights)
    fit(model, x, y)
    assert_same(values(model.get_layer("encoder_0").weights), frozen)
    model.get_layer("encoder_0").trainable = True
    model.compile(keras.optimizers.SGD(0.1))
    fit(model, x, y)
    assert not np.allclose(values(model.get_layer("encoder_0").weights)[0], frozen[0])


def test_l2_adds_its_share_of_each_weight_to_the_gradient():
    """One step of plain SGD, beside the same step without: the difference is -rate * l2 * w."""
    x, y = tiny_batch(4)
    rate, l2 = 0.05, 0.3
    plain, penalised = (tiny_model(keras.optimizers.SGD(rate), l2=amount) for amount in (0.0, l2))
    start = values(plain.trainable_variables)
    assert_same(values(penalised.trainable_variables), start)
    for model in (plain, penalised):
        fit(model, x, y)
    shrunk = [
        after - rate * l2 * before
        for after, before in zip(values(plain.trainable_variables), start, strict=True)
    ]
    assert_same(values(penalised.trainable_variables), shrunk, rtol=1e-4, atol=1e-6)


def test_l2_is_saved_with_the_model_and_must_be_a_number(tmp_path):
    tiny_model(l2=0.25).save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").l2 == 0.25
    with pytest.raises(ValueError, match="received l2=-1"):
        tiny_model(l2=-1)


def test_a_model_is_saved_before_it_is_compiled_too(tmp_path):
    network = tiny_network()
    DepthPrivilegedModel(network).save(tmp_path / "model.keras")
    assert not keras.saving.load_model(tmp_path / "model.keras").compiled


@pytest.mark.parametrize("validated", [False, True])
def test_skipped_steps_are_counted_beside_a_validation_too(validated):
    x, y = tiny_batch(4)

    class EverySecond(Batches):
        def __getitem__(self, index):
            return (x.astype("float32"), y) if index % 2 else self.batch

    batches = EverySecond(np.full(x.shape, np.nan, "float32"), y, 4)
    validation = {"validation_data": (x, y)} if validated else {}
    history = fit(tiny_model(), batches, None, batch_size=None, **validation)
    assert history["skipped_steps"] == [2] and history["coefficient"] == [1]


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("multipliers", [{}, {"encoder_1": 0.5}])
def test_what_has_no_weight_decay_has_none_once_it_is_loaded(steps, multipliers, tmp_path):
    x, y = tiny_batch(4)
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    model = tiny_model(optimizer, learning_rate_multipliers=multipliers, weighting="uniform")
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    fit(model, x, y, epochs=steps)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    undecayed = [
        [v.path for v in each.optimizer.excluded_from_weight_decay(each.trainable_variables)]
        for each in (model, loaded)
    ]
    assert undecayed[0] == undecayed[1] and undecayed[0]
    for each in (model, loaded):
        fit(each, x, y)
    assert_same(values(model.weights), values(loaded.weights), rtol=1e-5, atol=1e-6)


def test_a_mean_is_over_the_images_that_have_something_to_be_a_mean_of():
    """Void-only images have no loss, unmeasured ones no depth loss; of none there is no mean."""
    x, y = tiny_batch(4)
    model = tiny_model(keras.optimizers.SGD(0.0), weighting="uniform")
    half = {name: values[:2] for name, values in y.items()}
    mixed = {name: values.copy() for name, values in y.items()}
    mixed["label"][2:], mixed["depth"][2:] = 255, 0
    expected = model.evaluate(x[:2], half, verbose=0, return_dict=True)["loss"]
    evaluated = model.evaluate(x, mixed, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(expected, rel=1e-5)
    nothing = {"label": np.full_like(y["label"], 255), "depth": y["depth"]}
    evaluated = model.evaluate(x, nothing, verbose=0, return_dict=True)
    assert np.isnan([evaluated["loss"], evaluated["mean_iou"]]).all()
    with pytest.warns(UserWarning, match="No frame of this epoch has a label"):
        assert np.isnan(fit(model, x, nothing)["segmentation_loss"]).all()
    with pytest.warns(UserWarning, match="No depth was measured"):
        unmeasured = fit(model, x, {**y, "depth": np.zeros_like(y["depth"])})
    assert np.isnan(unmeasured["depth_loss"]).all() and np.isfinite(unmeasured["loss"]).all()


def test_labels_that_are_no_integers_are_refused_from_everywhere():
    x, y = tiny_batch(4)
    labels = {**y, "label": np.full(y["label"].shape, np.nan, "float32")}
    with pytest.raises(ValueError, match="integer class ids; received float32"):
        fit(tiny_model(), Batches(x.astype("float32"), labels), None, batch_size=None)


def test_a_batch_by_itself_is_checked_at_once():
    x, y = tiny_batch(4)
    model = tiny_model()
    for call in (model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match="0 to 255 in the batches"):
            call(x / np.float32(255), y)
        call(x.astype("float32"), y)


def test_names_of_what_evaluate_returns_are_in_its_order():
    x, y = tiny_batch(4)
    model = tiny_model()
    as_list = model.evaluate(x, y, verbose=0)
    named = dict(zip(model.metrics_names, as_list, strict=True))
    assert named == pytest.approx(model.evaluate(x, y, verbose=0, return_dict=True), rel=1e-5)


def test_images_in_a_dictionary_have_a_range_as_well():
    x, y = tiny_batch(4)
    with pytest.raises(ValueError, match="0 to 255 in the batches"):
        fit(tiny_model(), {"image": x / np.float32(255)}, y)


def test_settings_of_the_optimizer_reach_it_through_the_model():
    x, y = tiny_batch(4)
    model = tiny_model(learning_rate_multipliers={"encoder_0": 0.1})
    model.optimizer.clipnorm = 1e-9
    before = values(model.trainable_variables)
    fit(model, x, y)
    assert model.optimizer.clipnorm == 1e-9
    assert_same(values(model.trainable_variables), before, atol=1e-7)
    assert tiny_model(keras.optimizers.SGD(0.1, use_ema=True)).optimizer.use_ema


def test_a_model_with_nothing_to_train_says_so():
    x, y = tiny_batch(4)
    model = tiny_model()
    model.trainable = False
    model.compile("sgd")
    with pytest.raises(ValueError, match="all layers of .* are frozen"):
        fit(model, x, y)
    with pytest.raises(ValueError, match="Expected a Keras optimizer; received None"):
        model.compile(None)


def test_a_list_of_callbacks_made_before_is_taken_and_left_as_it_was():
    x, y = tiny_batch(4)
    model = tiny_model()
    callbacks = keras.callbacks.CallbackList(
        [mining.CurriculumCallback()], add_history=True, model=model, epochs=1
    )
    for _ in range(2):
        fit(model, x, y, callbacks=callbacks)
    assert len(callbacks.callbacks) == 2


def test_compiling_again_with_ones_own_optimizer_goes_on_with_it():
    x, y = tiny_batch(4)
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    model = tiny_model(optimizer)
    fit(model, x, y)
    model.compile(optimizer)
    fit(model, x, y)
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == 2


def test_a_file_of_a_backend_that_runs_several_steps_at_once_is_loaded(tmp_path):
    model = tiny_model()
    model._compile_options |= {"steps_per_execution": 2, "jit_compile": True}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    asked_for = loaded.get_compile_config()
    assert asked_for["steps_per_execution"] == 2 and asked_for["jit_compile"] is True
