import keras
import numpy as np
import pytest
from keras import ops

from keras_lwm.training import PolynomialDecay
from keras_lwm.training.optimizer import TrainingOptimizer

OPTIMIZERS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate),
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "adam": lambda rate: keras.optimizers.Adam(rate),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1),
    "nadam": lambda rate: keras.optimizers.Nadam(rate),
    "lion": lambda rate: keras.optimizers.Lion(rate),
    "adagrad": lambda rate: keras.optimizers.Adagrad(rate),
    "adafactor": lambda rate: keras.optimizers.Adafactor(rate),
    "ftrl": lambda rate: keras.optimizers.Ftrl(rate),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate, momentum=0.5),
    "clipped": lambda rate: keras.optimizers.SGD(rate, clipnorm=0.5),
    "accumulating": lambda rate: keras.optimizers.Adam(rate, gradient_accumulation_steps=2),
    "averaging": lambda rate: keras.optimizers.SGD(rate, use_ema=True, ema_momentum=0.5),
    "schedule": lambda rate: keras.optimizers.SGD(PolynomialDecay(rate, steps=9, rising=2)),
}
START = np.random.default_rng(0).normal(size=(2, 3, 2)).astype("float32")


def random_gradients(steps, seed=1):
    random = np.random.default_rng(seed)
    for _ in range(steps):
        yield [ops.convert_to_tensor(random.normal(size=(3, 2)), "float32") for _ in range(2)]


def two_variables():
    return [keras.Variable(value) for value in START]


def array(variable):
    return ops.convert_to_numpy(variable).copy()


def apply_compiled(optimizer, gradients, variables):
    """A step as it is taken in a compiled function: under JAX all state goes in and comes out."""
    if keras.backend.backend() != "jax":
        optimizer.apply(gradients, variables)
        return
    state = [*variables, *optimizer.variables]
    values = [variable.value for variable in state]
    after = optimizer.stateless_apply(values[len(variables) :], gradients, values[: len(variables)])
    for variable, value in zip(state, [*after[0], *after[1]], strict=True):
        variable.assign(value)


def slow_second(variables, multiplier=0.1):
    return lambda variable: multiplier if variable is variables[1] else 1.0


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_a_multiplier_equals_an_optimizer_of_ones_own(name):
    """Over several steps, two variables at 1x and 0.1x move as under two separate optimisers."""
    together, apart = two_variables(), two_variables()
    optimizer = TrainingOptimizer(OPTIMIZERS[name](0.05), slow_second(together))
    own = [OPTIMIZERS[name](0.05), OPTIMIZERS[name](0.005)]
    for gradients in random_gradients(6):
        optimizer.apply(gradients, together)
        for one, gradient, variable in zip(own, gradients, apart, strict=True):
            one.apply([gradient], [variable])
    optimizer.finalize_variable_values(together)
    for one, variable in zip(own, apart, strict=True):
        one.finalize_variable_values([variable])
    for variable, other, value in zip(together, apart, START, strict=True):
        moved = array(variable) - value
        assert np.abs(moved).max() > 1e-4
        np.testing.assert_allclose(moved, array(other) - value, rtol=1e-4, atol=1e-6)
    assert int(array(optimizer.iterations)) == int(array(own[0].iterations)) > 0


@pytest.mark.parametrize("name", ["accumulating", "schedule"])
def test_multipliers_for_all_variables_keep_the_count_of_steps(name):
    together, apart = two_variables(), two_variables()
    optimizer = TrainingOptimizer(OPTIMIZERS[name](0.05), lambda variable: 0.5)
    own = OPTIMIZERS[name](0.025)
    for gradients in random_gradients(4):
        optimizer.apply(gradients, together)
        own.apply(gradients, apart)
    assert int(array(optimizer.iterations)) == int(array(own.iterations)) > 0
    for variable, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(array(variable), array(other), rtol=1e-5)


@pytest.mark.parametrize("scaled", [False, True])
def test_without_multipliers_it_is_the_optimizer_inside(scaled):
    inside, outside = two_variables(), two_variables()
    optimizer = TrainingOptimizer(keras.optimizers.Adam(0.05, global_clipnorm=1.0), None, scaled)
    optimizer.build(inside)
    plain = keras.optimizers.Adam(0.05, global_clipnorm=1.0)
    for gradients in random_gradients(4):
        factor = float(array(optimizer.scale_loss(ops.convert_to_tensor(1.0))))
        assert factor == (2.0**15 if scaled else 1.0)
        optimizer.apply([gradient * factor for gradient in gradients], inside)
        plain.apply(gradients, outside)
    for one, other in zip(inside, outside, strict=True):
        np.testing.assert_allclose(array(one), array(other), rtol=1e-5)


def test_the_global_norm_is_that_of_all_variables_at_every_multiplier():
    variables, limit = two_variables(), 0.7
    optimizer = TrainingOptimizer(
        keras.optimizers.SGD(1.0, global_clipnorm=limit), slow_second(variables)
    )
    (gradients,) = random_gradients(1)
    optimizer.apply(gradients, variables)
    norm = np.sqrt(sum(np.sum(array(gradient) ** 2) for gradient in gradients))
    for variable, start, gradient, rate in zip(variables, START, gradients, (1, 0.1), strict=True):
        expected = start - rate * limit / norm * array(gradient)
        np.testing.assert_allclose(array(variable), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "ftrl", "averaging"])
def test_a_multiplier_of_zero_leaves_the_variable_as_it_was(name):
    variables = two_variables()
    optimizer = TrainingOptimizer(OPTIMIZERS[name](0.05), slow_second(variables, 0.0))
    for gradients in random_gradients(3):
        optimizer.apply(gradients, variables)
    optimizer.finalize_variable_values(variables)
    np.testing.assert_array_equal(array(variables[1]), START[1])
    assert np.abs(array(variables[0]) - START[0]).max() > 1e-4


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("name", ["adamw", "accumulating", "averaging", "schedule"])
def test_an_invalid_step_changes_nothing_but_its_count(name, scaled):
    variables = two_variables()
    optimizer = TrainingOptimizer(OPTIMIZERS[name](0.05), slow_second(variables), scaled)
    for gradients in random_gradients(3):
        optimizer.apply(gradients, variables)
    own = 3 if scaled else 1
    state = [*variables, *optimizer.variables[own:]]
    before = [array(variable) for variable in state]
    for times, broken in enumerate((np.nan, np.inf), 1):
        (gradients,) = random_gradients(1)
        optimizer.apply([gradients[0], gradients[1] * broken], variables)
        assert int(array(optimizer.skipped_in_a_row)) == times
        for variable, value in zip(state, before, strict=True):
            np.testing.assert_array_equal(array(variable), value)
    if scaled:
        assert float(array(optimizer.loss_scale)) == 2.0**13
    optimizer.apply(gradients, variables)
    assert int(array(optimizer.skipped_in_a_row)) == 0


def test_the_loss_scale_grows_as_that_of_keras():
    given = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2
    )
    peer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2
    )
    ours, theirs = two_variables(), two_variables()
    optimizer = TrainingOptimizer(given)
    optimizer.build(ours)
    peer.build(theirs)
    for factor in (1.0, 1.0, 1.0, np.nan, 1.0, 1.0):
        (gradients,) = random_gradients(1)
        gradients = [gradient * factor for gradient in gradients]
        apply_compiled(optimizer, gradients, ours)
        apply_compiled(peer, gradients, theirs)
        assert float(array(optimizer.loss_scale)) == float(array(peer.dynamic_scale))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array(one), array(other), rtol=1e-6)


def test_the_learning_rate_is_read_and_set_through_it():
    variables = two_variables()
    optimizer = TrainingOptimizer(keras.optimizers.SGD(0.5), slow_second(variables))
    assert float(array(optimizer.learning_rate)) == 0.5
    optimizer.learning_rate = 0.25
    (gradients,) = random_gradients(1)
    optimizer.apply(gradients, variables)
    for variable, start, gradient, rate in zip(
        variables, START, gradients, (0.25, 0.025), strict=True
    ):
        np.testing.assert_allclose(array(variable), start - rate * array(gradient), rtol=1e-5)


def test_what_copies_cannot_do_together_is_refused():
    variables = two_variables()
    inside = keras.optimizers.SGD(0.1, global_clipnorm=1.0, gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match="without global_clipnorm or without gradient_accum"):
        TrainingOptimizer(inside, slow_second(variables)).build(variables)


def test_an_optimizer_with_state_is_refused():
    used = keras.optimizers.SGD(0.1)
    used.build(two_variables())
    with pytest.raises(ValueError, match="without state.*built for 2 other variables"):
        TrainingOptimizer(used)
