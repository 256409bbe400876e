"""The training step under PyTorch."""

import torch

from keras_lwm.training.updates import (
    all_finite,
    apply_update,
    forward_state,
    handles_overflow,
    spoiled_unless_finite,
    variable_multipliers,
)


class TrainingStep:
    """`train_step` and `test_step` of a `DepthPrivilegedModel` under PyTorch."""

    def train_step(self, data):
        x, y = self.unpack(data)
        self.zero_grad()
        state = forward_state([*self.layers, self.weighting])
        before = [variable.value.detach().clone() for variable in state]
        loss, parts, outputs = self.training_loss(x, y)
        self.optimizer.scale_loss(loss).backward()
        variables = self.trainable_variables
        gradients = [variable.value.grad for variable in variables]
        with torch.no_grad():
            loss = loss.detach()
            finite = all_finite([loss, *(g for g in gradients if g is not None)])
            if handles_overflow(self.optimizer):
                gradients = spoiled_unless_finite(loss, gradients)
            if finite or handles_overflow(self.optimizer):
                multipliers = variable_multipliers(self, self.learning_rate_multipliers)
                apply_update(self.optimizer, gradients, variables, multipliers)
            if not finite:
                for variable, value in zip(state, before, strict=True):
                    variable.assign(value)
            return self.training_logs(loss, parts, outputs, y, finite)

    def test_step(self, data):
        x, y = self.unpack(data)
        return self.evaluation_logs(x, y)
