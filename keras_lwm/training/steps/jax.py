"""The training step under JAX, where all state goes in and comes out."""

import jax
import jax.numpy as jnp
import keras

from keras_lwm.training.updates import (
    all_finite,
    handles_overflow,
    shortened,
    spoiled_unless_finite,
    variable_multipliers,
)


def _run(function, variables, values):
    """Runs `function` with `values` for the variables; returns its result and their new values."""
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
        result = function()
    return result, [scope.get_current_value(variable) for variable in variables]


class TrainingStep:
    """`train_step` and `test_step` of a `DepthPrivilegedModel` under JAX."""

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metrics = state
        x, y = self.unpack(data)
        model_variables = [*self.trainable_variables, *self.non_trainable_variables]

        def scaled_loss(trainable):
            (loss, parts, outputs), values = _run(
                lambda: self.training_loss(x, y), model_variables, [*trainable, *non_trainable]
            )
            scaled, _ = _run(
                lambda: self.optimizer.scale_loss(loss), self.optimizer.variables, optimizer
            )
            return scaled, (loss, parts, outputs, values[len(trainable) :])

        (_, (loss, parts, outputs, new_non_trainable)), gradients = jax.value_and_grad(
            scaled_loss, has_aux=True
        )(trainable)
        finite = all_finite([loss, *gradients])

        def kept_unless_finite(new, old):
            return [jnp.where(finite, *pair) for pair in zip(new, old, strict=True)]

        if handles_overflow(self.optimizer):
            gradients = spoiled_unless_finite(loss, gradients)
        new_trainable, new_optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, trainable
        )
        multipliers = variable_multipliers(self, self.learning_rate_multipliers)
        new_trainable = [
            shortened(old, new, multiplier)
            for old, new, multiplier in zip(trainable, new_trainable, multipliers, strict=True)
        ]
        if not handles_overflow(self.optimizer):
            new_optimizer = kept_unless_finite(new_optimizer, optimizer)
        new_trainable = kept_unless_finite(new_trainable, trainable)
        new_non_trainable = kept_unless_finite(new_non_trainable, non_trainable)
        # The coefficient that is logged belongs to the state, not to the concrete variable.
        logs, values = _run(
            lambda: self.training_logs(loss, parts, outputs, y, finite),
            [*self.metrics_variables, *self.non_trainable_variables],
            [*metrics, *new_non_trainable],
        )
        return logs, (new_trainable, new_non_trainable, new_optimizer, values[: len(metrics)])

    def test_step(self, state, data):
        trainable, non_trainable, metrics = state
        x, y = self.unpack(data)
        logs, values = _run(
            lambda: self.evaluation_logs(x, y),
            [*self.trainable_variables, *self.non_trainable_variables, *self.metrics_variables],
            [*trainable, *non_trainable, *metrics],
        )
        return logs, (trainable, non_trainable, values[len(trainable) + len(non_trainable) :])
