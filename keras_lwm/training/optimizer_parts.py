"""Learning rates by layer: a copy of the optimiser for each rate."""

import contextlib

import keras
from keras import ops


class _Part:
    """An optimiser and the variables that it updates."""

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.variables = []


class OptimizerParts:
    """A Keras optimiser, and a copy of it for each other learning rate; the base comes last.

    No Keras object itself, so that Keras' saving does not walk into it. Arguments as of
    `TrainingOptimizer`, but that `multiplier_of` is a function.

    Raises:
        ValueError: not a Keras optimiser, or one that `TrainingOptimizer` refuses.

    Attributes:
        given: the optimiser that it was made of.
        base: the one inside it that updates weights.
        initial_scale, growth_steps: of loss scaling; `initial_scale` is None without.
    """

    def __init__(self, optimizer, multiplier_of, loss_scaling):
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(f"Expected a Keras optimizer; received {optimizer!r}.")
        self.given = optimizer
        self.base = optimizer
        self.initial_scale = None
        self.growth_steps = 2000
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            self.base = optimizer.inner_optimizer
            self.initial_scale = optimizer.initial_scale
            self.growth_steps = optimizer.dynamic_growth_steps
        elif loss_scaling and optimizer.loss_scale_factor is None:
            self.initial_scale = 2.0**15
        if self.base.built:
            raise ValueError(
                "Expected an optimizer without state, or the model's own with the trainable "
                f"variables that it has; received {self.base.name!r}, built for "
                f"{len(self.base._trainable_variables)} other variables: make a new one."
            )
        self.multiplier_of = multiplier_of
        self.parts = []

    def __iter__(self):
        return iter(self.parts)

    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The base and, once they are built, its copies."""
        return [part.optimizer for part in self.parts] or [self.base]

    def build(self, variables) -> None:
        """Makes the copies, and the state of all."""
        base, slower = _Part(self.base), {}
        for variable in variables:
            multiplier = self.multiplier_of(variable)
            if multiplier == 1.0:
                base.variables.append(variable)
            elif multiplier != 0.0:
                if multiplier not in slower:
                    slower[multiplier] = _Part(self._slower_copy(multiplier))
                slower[multiplier].variables.append(variable)
        if slower and self.base.global_clipnorm and self.base.gradient_accumulation_steps:
            raise ValueError(
                "Expected an optimizer without global_clipnorm or without "
                "gradient_accumulation_steps beside learning_rate_multipliers; received "
                f"{self.base.name!r} with both."
            )
        # The base comes last: its learning rate is read by all, and its step moves a schedule on.
        self.parts = [*slower.values(), base]
        for part in self.parts:
            part.optimizer.build(part.variables)
        # Which weights do not decay is in no configuration.
        undecayed = [v for v in variables if not self.base._use_weight_decay(v)]
        for part in slower.values():
            part.optimizer.exclude_from_weight_decay(var_list=undecayed)

    def _slower_copy(self, multiplier):
        optimizer = type(self.base).from_config(self.base.get_config())
        optimizer.global_clipnorm = None
        optimizer.learning_rate = lambda: (
            multiplier * ops.convert_to_tensor(self.base.learning_rate)
        )
        return optimizer

    def apply(self, grads, variables) -> None:
        """One step of all; variables without a gradient stay."""
        by_id = {id(v): g for v, g in zip(variables, grads, strict=True) if g is not None}
        clips_itself = len(self.parts) == 1
        if self.base.global_clipnorm and not clips_itself:
            by_id = _clipped_by_global_norm(by_id, self.base.global_clipnorm)
        for part in self.parts:
            chosen = [variable for variable in part.variables if id(variable) in by_id]
            if chosen:
                with contextlib.nullcontext() if clips_itself else _without_global_clip(part):
                    part.optimizer.apply([by_id[id(v)] for v in chosen], chosen)
            else:
                iterations, *_ = part.optimizer.variables
                iterations.assign_add(1)


def _clipped_by_global_norm(by_id, limit):
    squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in by_id.values()]
    norm = ops.sqrt(sum(squares))
    factor = limit / ops.maximum(norm, limit)
    return {key: g * ops.cast(factor, g.dtype) for key, g in by_id.items()}


@contextlib.contextmanager
def _without_global_clip(part):
    limit, part.optimizer.global_clipnorm = part.optimizer.global_clipnorm, None
    try:
        yield
    finally:
        part.optimizer.global_clipnorm = limit
