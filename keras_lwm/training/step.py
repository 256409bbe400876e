"""The training step: gradients as each backend takes them, and what follows, which is the same."""

import warnings

import keras
from keras import ops

from keras_lwm import replicas
from keras_lwm.training.finite import invalid_unless_finite


def _forward_state(layers):
    """The variables that a training forward pass through `layers` may change.

    Batch norm statistics, seeds, the bins of a weighting; not the weights of frozen layers.
    """
    variables = []
    for layer in layers:
        if isinstance(layer, keras.Model):
            variables += _forward_state(layer.layers)
        elif layer.trainable:
            variables += layer.non_trainable_variables
    return variables


class _StatefulStep:
    """The step where variables hold their values: TensorFlow and PyTorch."""

    def train_step(self, data):
        x, y = self.unpack(data)
        state = _forward_state([*self.layers, self.weighting])
        before = [ops.copy(variable.value) for variable in state]
        variables = self.trainable_variables
        loss, parts, outputs, gradients = self._differentiate(x, y, variables)
        return self._finish(x, y, loss, parts, outputs, gradients, variables, state, before)

    def _finish(self, x, y, loss, parts, outputs, gradients, variables, state, before):
        valid = invalid_unless_finite(replicas.total(loss), gradients)
        self.optimizer.apply(valid, variables)
        finite = ops.equal(self.optimizer.skipped_in_a_row, 0)
        self._restore_unless(finite, state, before)
        return self.training_logs(x, y, loss, parts, outputs, finite)

    def _restore_unless(self, finite, state, before):
        for variable, value in zip(state, before, strict=True):
            variable.assign(ops.where(finite, variable.value, value))

    def test_step(self, data):
        return self.evaluation_logs(*self.unpack(data))


if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_lwm.tensorflow_operations import native_operations

    def _of_several_workers(strategy):
        return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)

    class TrainingStep(_StatefulStep, keras.Model):
        """`train_step` and `test_step` of a `DepthPrivilegedModel` under TensorFlow."""

        def train_step(self, data):
            with native_operations():
                return super().train_step(data)

        def _differentiate(self, x, y, variables):
            with tf.GradientTape() as tape:
                loss, parts, outputs = self.training_loss(x, y)
                # The gradients of all replicas of a strategy are summed.
                scaled = self.optimizer.scale_loss(loss) / replicas.number()
            return loss, parts, outputs, tape.gradient(scaled, variables)

        def _maybe_symbolic_build(self, iterator=None, data_batch=None):
            """Nothing: a functional model is built, and Keras would use up a batch for it."""

        def make_train_function(self, force=False):
            if not _of_several_workers(self.distribute_strategy):
                return super().make_train_function(force)
            if self.train_function is None or force:
                self.train_function = self._function_of_workers(self.train_step)

        def make_test_function(self, force=False):
            if not _of_several_workers(self.distribute_strategy):
                return super().make_test_function(force)
            if self.test_function is None or force:
                self.test_function = self._function_of_workers(self.test_step)

        def _function_of_workers(self, step):
            """A compiled step. Keras' own cannot take the mean of several workers' logs, which are
            the same in each."""
            strategy = self.distribute_strategy
            if self.steps_per_execution != 1:
                raise ValueError(
                    "Expected steps_per_execution=1 with several workers of TensorFlow; received "
                    f"{self.steps_per_execution}."
                )

            @tf.function
            def one_step(iterator):
                logs = strategy.run(step, args=(next(iterator),))
                return {
                    name: strategy.experimental_local_results(value)[0]
                    for name, value in logs.items()
                }

            return one_step

elif keras.backend.backend() == "torch":
    import torch
    from torch.nn.parallel import DistributedDataParallel

    from keras_lwm.torch_operations import lay_out_kernels, native_operations

    def _on_device(data):
        """A batch as tensors on Keras' device, copied there once: a `DataLoader` has it on the CPU,
        and operations that mix devices fail."""
        return keras.tree.map_structure(
            lambda leaf: leaf if leaf is None else ops.convert_to_tensor(leaf), data
        )

    class _TrainingLoss(torch.nn.Module):
        """`training_loss` as what PyTorch can run in parallel."""

        def __init__(self, model, variables):
            super().__init__()
            self.trained = torch.nn.ParameterList([variable.value for variable in variables])
            self.forward = model.training_loss

    class TrainingStep(_StatefulStep, keras.Model):
        """`train_step` and `test_step` of a `DepthPrivilegedModel` under PyTorch."""

        def make_train_function(self, force=False):
            if force or self.train_function is None:
                lay_out_kernels([*self.weights, *self.optimizer.variables])
            return super().make_train_function(force)

        def make_test_function(self, force=False):
            if force or self.test_function is None:
                lay_out_kernels(self.weights)
            return super().make_test_function(force)

        def train_step(self, data):
            with native_operations():
                return super().train_step(_on_device(data))

        def test_step(self, data):
            with native_operations():
                return super().test_step(_on_device(data))

        def _differentiate(self, x, y, variables):
            # Keras' `zero_grad` knows parameters by path, which a teacher's may share.
            for variable in variables:
                variable.value.grad = None
            forward = self.training_loss
            if replicas.number() > 1:
                forward = self._with_mean_gradients(variables)
            loss, parts, outputs = forward(x, y)
            self.optimizer.scale_loss(loss).backward()
            return loss.detach(), parts, outputs, [v.value.grad for v in variables]

        def _with_mean_gradients(self, variables):
            """`training_loss`, whose gradients become their mean over all processes."""
            trained = [id(variable.value) for variable in variables]
            made_for, parallel = self._parallel()
            if made_for != trained:
                # Its graph is the same in every step; what no loss depends on has no gradient.
                parallel = DistributedDataParallel(
                    _TrainingLoss(self, variables), static_graph=True
                )
                # It would tell users of Keras' order of a kernel's axes.
                warnings.filterwarnings("ignore", "Grad strides do not match")
                # In a function, or Keras would take it for a part of the model.
                self._parallel = lambda: (trained, parallel)
            return parallel

        def _parallel(self):
            return None, None

        def _finish(self, *step):
            with torch.no_grad():
                return super()._finish(*step)

        def _restore_unless(self, finite, state, before):
            # The host has waited for the optimiser's decision already; without it, every batch
            # statistic would be written once more.
            if not self.optimizer.took_last_step:
                for variable, value in zip(state, before, strict=True):
                    variable.assign(value)

elif keras.backend.backend() == "jax":
    import jax

    from keras_lwm.jax_on_cpu import for_cpu

    def _run(function, variables, values):
        """Runs `function` with `values` for the variables; returns its result and new values."""
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            result = function()
        return result, [scope.get_current_value(variable) for variable in variables]

    class TrainingStep(keras.Model):
        """`train_step` and `test_step` of a `DepthPrivilegedModel` under JAX."""

        def train_step(self, state, data):
            trainable, non_trainable, optimizer, metrics = state
            x, y = self.unpack(data)
            variables = [*self.trainable_variables, *self.non_trainable_variables]

            def scaled_loss(trainable):
                (loss, parts, outputs), values = _run(
                    lambda: self.training_loss(x, y), variables, [*trainable, *non_trainable]
                )
                scaled, _ = _run(
                    lambda: self.optimizer.scale_loss(loss), self.optimizer.variables, optimizer
                )
                return scaled, (loss, parts, outputs, values[len(trainable) :])

            differentiate = jax.value_and_grad(for_cpu(scaled_loss), has_aux=True)
            (_, (loss, parts, outputs, after)), gradients = differentiate(trainable)
            trainable, optimizer = self.optimizer.stateless_apply(
                optimizer, invalid_unless_finite(loss, gradients), trainable
            )
            finite = optimizer[0] == 0  # skipped_in_a_row
            non_trainable = [
                jax.numpy.where(finite, *pair) for pair in zip(after, non_trainable, strict=True)
            ]
            # The coefficient that is logged belongs to the state, not to the concrete variable.
            logs, values = _run(
                lambda: self.training_logs(x, y, loss, parts, outputs, finite),
                [*self.metrics_variables, *self.non_trainable_variables],
                [*metrics, *non_trainable],
            )
            return logs, (trainable, non_trainable, optimizer, values[: len(metrics)])

        def test_step(self, state, data):
            trainable, non_trainable, metrics = state
            x, y = self.unpack(data)
            variables = [
                *self.trainable_variables,
                *self.non_trainable_variables,
                *self.metrics_variables,
            ]

            def evaluate(values):
                return _run(lambda: self.evaluation_logs(x, y), variables, values)

            logs, values = for_cpu(evaluate)([*trainable, *non_trainable, *metrics])
            return logs, (trainable, non_trainable, values[len(trainable) + len(non_trainable) :])

else:
    raise ImportError(
        "keras_lwm trains with the Keras backends tensorflow, jax and torch; received "
        f"KERAS_BACKEND={keras.backend.backend()!r}."
    )
