"""What an update needs on every backend: shorter steps for some layers, none for a broken batch."""

import keras
from keras import ops


def variable_multipliers(model, layer_multipliers):
    """The learning-rate multiplier of each of the model's trainable variables, in their order.

    Args:
        model: a `keras.Model`.
        layer_multipliers: dictionary from the name of one of the model's layers to the multiplier
            of all variables in it.

    Raises:
        ValueError: where the model has no layer of a name; the message lists those it has.
    """
    multipliers = {}
    for name, multiplier in layer_multipliers.items():
        names = [layer.name for layer in model.layers if layer.trainable_variables]
        if name not in names:
            raise ValueError(
                f"Expected learning-rate multipliers for trainable layers among {names}; received "
                f"{name!r}."
            )
        for variable in model.get_layer(name).trainable_variables:
            multipliers[id(variable)] = multiplier
    return [multipliers.get(id(variable), 1.0) for variable in model.trainable_variables]


def shortened(old, new, multiplier):
    """The value after a step of `multiplier` times the length of the step from `old` to `new`.

    Every Keras optimiser's step, decoupled weight decay included, is proportional to its learning
    rate, and keeps no memory of the variable itself: so this equals a learning rate of its own.
    """
    return new if multiplier == 1.0 else old + multiplier * (new - old)


def apply_update(optimizer, gradients, variables, multipliers):
    """Lets the optimiser update the variables, each at its own multiple of the learning rate."""
    slow = [
        (variable, ops.copy(variable.value), multiplier)
        for variable, multiplier in zip(variables, multipliers, strict=True)
        if multiplier != 1.0
    ]
    optimizer.apply(gradients, variables)
    for variable, old, multiplier in slow:
        variable.assign(shortened(old, ops.convert_to_tensor(variable.value), multiplier))


def handles_overflow(optimizer):
    """Whether the optimiser itself skips steps whose gradients overflow, and learns from them."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def forward_state(layers):
    """The variables that a training forward pass through `layers` may change.

    Batch norm statistics, seeds, the bins of a weighting; not the weights of frozen layers.
    """
    variables = []
    for layer in layers:
        if isinstance(layer, keras.Model):
            variables += forward_state(layer.layers)
        elif layer.trainable:
            variables += layer.non_trainable_variables
    return variables


def all_finite(tensors):
    """Whether every number in every tensor is finite, as a boolean scalar."""
    return ops.all(ops.stack([ops.all(ops.isfinite(tensor)) for tensor in tensors]))


def spoiled_unless_finite(loss, gradients):
    """The gradients, made NaN if the loss is not finite, for an optimiser that looks at them."""
    spoiled = ops.where(ops.isfinite(loss), 0.0, float("nan"))
    return [None if g is None else g + ops.cast(spoiled, g.dtype) for g in gradients]
