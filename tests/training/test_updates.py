import keras
import numpy as np
import pytest
from keras import ops

from keras_lwm.training.updates import all_finite, apply_update, shortened

OPTIMIZERS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate),
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "adam": lambda rate: keras.optimizers.Adam(rate),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate, momentum=0.5),
    "accumulating": lambda rate: keras.optimizers.Adam(rate, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_a_multiplier_equals_an_optimizer_of_ones_own(name):
    """Over several steps, two variables at 1x and 0.1x move as under two separate optimisers."""
    random = np.random.default_rng(0)
    start = [random.normal(size=(3, 2)).astype("float32") for _ in range(2)]
    together = [keras.Variable(value) for value in start]
    apart = [keras.Variable(value) for value in start]
    optimizer = OPTIMIZERS[name](0.05)
    own = [OPTIMIZERS[name](0.05), OPTIMIZERS[name](0.005)]
    for _ in range(6):
        gradients = [ops.convert_to_tensor(random.normal(size=(3, 2)), "float32") for _ in range(2)]
        apply_update(optimizer, gradients, together, [1.0, 0.1])
        for one, gradient, variable in zip(own, gradients, apart, strict=True):
            one.apply([gradient], [variable])
    for variable, other, value in zip(together, apart, start, strict=True):
        moved = ops.convert_to_numpy(variable.value) - value
        assert np.abs(moved).max() > 1e-4
        np.testing.assert_allclose(
            moved, ops.convert_to_numpy(other.value) - value, rtol=1e-4, atol=1e-6
        )


def test_a_multiplier_of_zero_leaves_the_variable_as_it_was():
    assert shortened(0.1, 0.7, 0.0) == 0.1


def test_all_finite_sees_every_infinity():
    fine = [ops.ones((2, 2)), ops.zeros((3,))]
    assert bool(all_finite(fine))
    for broken in (np.nan, np.inf, -np.inf):
        assert not bool(all_finite([*fine, ops.convert_to_tensor([1.0, broken])]))
