"""The optimiser of training: invalid steps skipped, loss scaling, and rates by layer."""

from collections.abc import Callable

import keras
from keras import ops

from keras_lwm import replicas
from keras_lwm.tensors import Tensor
from keras_lwm.training.finite import all_finite
from keras_lwm.training.optimizer_parts import OptimizerParts


class TrainingOptimizer(keras.optimizers.Optimizer):
    """Applies an optimiser so that an invalid step changes nothing, and some layers learn slower.

    A step whose gradients are not finite changes no variable of the model or the optimiser, and is
    counted. Variables of another learning-rate multiplier than 1 get a copy of the optimiser with
    its learning rate, so that every optimiser, its clipping, weight decay, averages and
    accumulation mean what they mean for an optimiser of one's own; a multiplier of 0 leaves
    variables as they are. With loss scaling the scale is halved by an invalid step and doubled
    after 2,000 valid ones, as by `keras.optimizers.LossScaleOptimizer`.

    `DepthPrivilegedModel.compile` makes it. Learning rate and iterations are those of the optimiser
    inside.

    Args:
        optimizer: the Keras optimiser; a `LossScaleOptimizer` brings loss scaling.
        multiplier_of: function from a variable to its learning-rate multiplier; None: 1 for all.
        loss_scaling: whether to scale the loss where the optimiser itself does not.

    Raises:
        ValueError: it is no Keras optimiser, or has state for other variables already, or clips the
            global norm of accumulated gradients, which copies cannot do together.

    Attributes:
        skipped_in_a_row: number of invalid steps since the last valid one; a scalar variable.
        loss_scale: the loss scale, a scalar variable; None without loss scaling.
        took_last_step: whether the last step was valid, under PyTorch, where the host knows.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        multiplier_of: Callable | None = None,
        loss_scaling: bool = False,
    ):
        super().__init__(learning_rate=0.0, name="training")
        self._parts = OptimizerParts(
            optimizer, multiplier_of or (lambda variable: 1.0), loss_scaling
        )
        self.loss_scale = None
        self.took_last_step = False

    def build(self, variables) -> None:
        if self.built:
            return
        self._parts.build(variables)
        self.skipped_in_a_row = self._counter("skipped_in_a_row", "zeros", "int32")
        if self.scales_loss:
            scale = keras.initializers.Constant(self._parts.initial_scale)
            self.loss_scale = self._counter("loss_scale", scale, "float32")
            self.valid_since = self._counter("valid_since", "zeros", "int32")
        # Not `super().build`, which would keep averages and accumulated gradients once more.
        self._trainable_variables = list(variables)
        self.built = True

    def _counter(self, name, initializer, dtype):
        # Every replica of a distributed step counts the same.
        return self.add_variable(
            (), initializer, dtype, aggregation="only_first_replica", name=name
        )

    @property
    def variables(self) -> list[keras.Variable]:
        if not self.built:
            return []
        scaling = [self.loss_scale, self.valid_since] if self.scales_loss else []
        inside = [variable for part in self._parts for variable in part.optimizer.variables]
        return [self.skipped_in_a_row, *scaling, *inside]

    @property
    def scales_loss(self) -> bool:
        """Whether there is loss scaling."""
        return self._parts.initial_scale is not None

    @property
    def iterations(self) -> Tensor:
        return self._parts.base.iterations

    @property
    def learning_rate(self) -> Tensor:
        return self._parts.base.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate) -> None:
        self._parts.base.learning_rate = learning_rate

    def scale_loss(self, loss) -> Tensor:
        """The loss to be differentiated: scaled, where there is loss scaling."""
        loss = self._parts.base.scale_loss(loss)
        return loss * ops.cast(self.loss_scale, loss.dtype) if self.scales_loss else loss

    def apply(self, grads, trainable_variables=None) -> None:
        """Takes a step, unless a gradient is not finite. Arguments as for any Keras optimiser."""
        if not self.built:
            self.build(trainable_variables)
        variables = list(trainable_variables or self._trainable_variables)
        finite = all_finite([gradient for gradient in grads if gradient is not None])
        if keras.backend.backend() == "jax":
            # All state is passed on anyway: choosing between new and old values copies nothing.
            state = [*variables, *(v for part in self._parts for v in part.optimizer.variables)]
            before = [ops.convert_to_tensor(variable) for variable in state]
            self._step(grads, variables)
            for variable, value in zip(state, before, strict=True):
                variable.assign(ops.where(finite, variable.value, value))
        elif _in_replica():
            finite = _step_of_replicas(self._step, finite, grads, variables)
        else:
            self.took_last_step = False
            ops.cond(finite, lambda: self._step_taken(grads, variables), lambda: None)
        self._count(finite)

    def _step_taken(self, grads, variables):
        self._step(grads, variables)
        self.took_last_step = True

    def _step(self, grads, variables):
        if self.scales_loss:
            grads = [None if g is None else g / ops.cast(self.loss_scale, g.dtype) for g in grads]
        self._parts.apply(grads, variables)

    def _count(self, finite):
        skipped = ops.convert_to_tensor(self.skipped_in_a_row)
        self.skipped_in_a_row.assign(ops.where(finite, ops.zeros_like(skipped), skipped + 1))
        if self.scales_loss:
            scale, valid = map(ops.convert_to_tensor, (self.loss_scale, self.valid_since))
            grows = valid + 1 >= self._parts.growth_steps
            scale = ops.where(finite, ops.where(grows, 2.0 * scale, scale), 0.5 * scale)
            keeps_counting = ops.logical_and(finite, ops.logical_not(grows))
            self.loss_scale.assign(scale)
            self.valid_since.assign(ops.where(keeps_counting, valid + 1, ops.zeros_like(valid)))

    def finalize_variable_values(self, var_list) -> None:
        for part in self._parts:
            part.optimizer.finalize_variable_values(part.variables)

    def load_own_variables(self, store) -> None:
        """Restores the state, all of it or none.

        Raises:
            ValueError: the file holds the state of another optimiser or of other variables.
        """
        received = [tuple(store[str(index)].shape) for index in range(len(store.keys()))]
        expected = [tuple(variable.shape) for variable in self.variables]
        if received != expected:
            raise ValueError(
                f"Expected the state of {self._parts.base.name!r} for this model's variables, "
                f"{len(expected)} arrays; the file holds {len(received)} arrays"
                + ("." if len(received) != len(expected) else " of other shapes.")
            )
        super().load_own_variables(store)

    def trained_variables(self) -> list:
        """The variables that the optimiser has state for, in the order of its state."""
        return list(self._trainable_variables) if self.built else []

    def excluded_from_weight_decay(self, variables) -> list:
        """Those of the variables that `exclude_from_weight_decay` was called for."""
        base = self._parts.base
        if base.weight_decay is None:
            return []
        return [variable for variable in variables if not base._use_weight_decay(variable)]

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        for optimizer in self._parts.optimizers():
            optimizer.exclude_from_weight_decay(var_list, var_names)

    def given(self) -> keras.optimizers.Optimizer:
        """The optimiser that this one was made of."""
        return self._parts.given

    def get_config(self) -> dict:
        """The configuration of the optimiser inside, which is what a model's file holds."""
        return self.given().get_config()


def _forwarded(name):
    """A property of the optimiser inside, and of its copies."""

    def read(self):
        return getattr(self._parts.base, name)

    def write(self, value):
        # The base class writes its own defaults before there is an optimiser inside.
        if "_parts" in self.__dict__:
            copies = [] if name == "global_clipnorm" else self._parts.optimizers()
            for optimizer in [self._parts.base, *copies]:
                setattr(optimizer, name, value)

    return property(read, write)


for _name in (
    *("weight_decay", "clipnorm", "global_clipnorm", "clipvalue"),
    *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
    *("loss_scale_factor", "gradient_accumulation_steps"),
):
    setattr(TrainingOptimizer, _name, _forwarded(_name))


def _in_replica():
    """Whether this is one replica of several of a TensorFlow strategy."""
    return keras.backend.backend() == "tensorflow" and replicas.number() > 1


def _step_of_replicas(step, finite, grads, variables):
    """Takes a step where no replica's gradients are invalid; returns whether none were.

    Optimisers wait for all replicas, which TensorFlow allows in a condition only outside of them:
    see `keras.optimizers.LossScaleOptimizer`.
    """
    import tensorflow as tf

    def across_replicas(strategy, grads, finite):
        (finite, *_) = strategy.experimental_local_results(finite)
        tf.cond(
            finite,
            lambda: strategy.extended.call_for_each_replica(step, args=(grads, variables)),
            lambda: None,
        )

    finite = tf.equal(replicas.total(tf.cast(~finite, "float32")), 0.0)
    tf.distribute.get_replica_context().merge_call(across_replicas, args=(grads, finite))
    return finite
