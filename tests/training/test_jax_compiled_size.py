"""How much XLA makes of a step: a guard of its first seconds that is no clock."""

import jax
import jax.numpy as jnp

from keras_lwm.training.finite import all_finite


def instructions(tensors):
    """How many XLA writes for a step of so many tensors that is skipped as a whole."""

    @jax.jit
    def step(values, gradients):
        finite = all_finite(gradients)
        pairs = zip(values, gradients, strict=True)
        return [jnp.where(finite, value - gradient, value) for value, gradient in pairs]

    ones = [jnp.ones(3)] * tensors
    return step.lower(ones, ones).compile().as_text().count(" = ")


def test_a_step_grows_with_its_tensors_not_with_their_square():
    few, many = instructions(50), instructions(200)
    assert many < 6 * few
