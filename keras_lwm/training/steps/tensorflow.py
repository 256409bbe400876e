"""The training step under TensorFlow."""

import tensorflow as tf

from keras_lwm.training.updates import (
    all_finite,
    apply_update,
    forward_state,
    handles_overflow,
    spoiled_unless_finite,
    variable_multipliers,
)


class TrainingStep:
    """`train_step` and `test_step` of a `DepthPrivilegedModel` under TensorFlow."""

    def train_step(self, data):
        x, y = self.unpack(data)
        variables = self.trainable_variables
        state = [variable.value for variable in forward_state([*self.layers, self.weighting])]
        before = [tf.identity(variable) for variable in state]
        with tf.GradientTape() as tape:
            loss, parts, outputs = self.training_loss(x, y)
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, variables)
        finite = all_finite([loss, *(g for g in gradients if g is not None)])
        multipliers = variable_multipliers(self, self.learning_rate_multipliers)
        if not self.optimizer.built:
            self.optimizer.build(variables)

        def update():
            apply_update(self.optimizer, gradients, variables, multipliers)
            return tf.constant(True)

        def undo_forward_pass():
            for variable, value in zip(state, before, strict=True):
                variable.assign(value)
            return tf.constant(False)

        if handles_overflow(self.optimizer):
            gradients = spoiled_unless_finite(loss, gradients)
            update()
            tf.cond(finite, lambda: tf.constant(True), undo_forward_pass)
        else:
            tf.cond(finite, update, undo_forward_pass)
        return self.training_logs(loss, parts, outputs, y, finite)

    def test_step(self, data):
        x, y = self.unpack(data)
        return self.evaluation_logs(x, y)
