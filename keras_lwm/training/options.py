"""What a model may be made of, and asked for: its options checked, and made plain values."""

import keras

from keras_lwm.option_values import real, reals
from keras_lwm.training.objective import MAIN_OUTPUT, segmentation_outputs
from keras_lwm.void import check_num_classes


def network_ends(inputs, outputs) -> tuple:
    """Input and outputs of a functional network, given as itself or as these two."""
    if isinstance(inputs, keras.Model):
        if outputs is not None:
            raise ValueError(
                f"Expected a network, or its inputs and its outputs; received the network "
                f"{inputs.name!r} and, in the place of outputs, {outputs!r}."
            )
        if not isinstance(getattr(inputs, "output", None), dict):
            raise ValueError(
                f"Expected a functional network with a dictionary of outputs; received "
                f"{inputs.name!r}, a {type(inputs).__name__} without one."
            )
        inputs, outputs = inputs.input, inputs.output
    elif outputs is None:
        raise ValueError(
            f"Expected a functional network or its inputs and outputs; received {inputs!r} alone."
        )
    if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
        inputs = inputs[0]
    return inputs, outputs


def plain_class_weights(class_weights, num_classes) -> list[float] | None:
    if class_weights is None:
        return None
    if isinstance(class_weights, dict):
        unknown = [key for key in class_weights if key not in range(num_classes)]
        if unknown:
            raise ValueError(
                f"Expected class_weights for class ids from 0 to {num_classes - 1}; received one "
                f"for {unknown[0]!r}."
            )
        class_weights = [class_weights.get(index, 1.0) for index in range(num_classes)]
    if len(class_weights) != num_classes:
        raise ValueError(
            f"Expected {num_classes} class weights, one a class; received {len(class_weights)}."
        )
    return reals("class_weights", class_weights)


def plain_multipliers(model, multipliers) -> dict[str, float]:
    """Learning-rate multipliers as plain values; ValueError where the model has no such layer."""
    names = [layer.name for layer in model.layers if layer.weights]
    for name in multipliers:
        if name not in names:
            raise ValueError(
                f"Expected learning-rate multipliers for layers with weights, {names}; received "
                f"{name!r}."
            )
    return {
        str(name): real(f"the learning-rate multiplier of {name}", multiplier)
        for name, multiplier in multipliers.items()
    }


def refuse_weights(arguments) -> None:
    """Refuses what `fit` and `evaluate` take elsewhere to weight samples and classes."""
    for name in ("sample_weight", "class_weight"):
        if arguments.get(name) is not None:
            raise ValueError(
                f"Expected no {name}: what a pixel weighs is the weighting's to say, what a class "
                "weighs DepthPrivilegedModel(class_weights=...)."
            )


def refuse_other_losses(options) -> None:
    for name, value in options.items():
        if name not in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            raise TypeError(f"compile() got an unexpected keyword argument {name!r}.")
        if value is not None:
            raise ValueError(
                f"Expected no {name} in compile(): DepthPrivilegedModel has its own losses, set by "
                "weighting, side_weight, depth_weight, depth_loss and class_weights, and logs its "
                "own scores; keras_lwm.evaluation.evaluate gives more."
            )


def check_network(outputs, weighting) -> int:
    """Refuses outputs that cannot be trained with this weighting; returns the number of classes."""
    names = sorted(outputs) if isinstance(outputs, dict) else type(outputs).__name__
    known = {MAIN_OUTPUT, "side_8", "side_16", "side_32", "depth"}
    if not isinstance(outputs, dict) or MAIN_OUTPUT not in outputs or not set(outputs) <= known:
        raise ValueError(
            f"Expected outputs as a dictionary with {MAIN_OUTPUT!r} and any of side_8, side_16, "
            f"side_32 and depth; received {names}."
        )
    classes = {name: outputs[name].shape[-1] for name in segmentation_outputs(outputs)}
    if len(set(classes.values())) > 1:
        raise ValueError(f"Expected one number of classes in every output; received {classes}.")
    num_classes = classes[MAIN_OUTPUT]
    check_num_classes(num_classes)
    if weighting.uses_depth_prediction and "depth" not in outputs:
        raise ValueError(
            f"{type(weighting).__name__} needs predicted depth: expected a network with a depth "
            f"output (depth_branch=True), or a weighting without it; received {names}."
        )
    if getattr(weighting, "num_classes", None) not in (None, num_classes):
        raise ValueError(
            f"Expected a weighting for the network's {num_classes} classes; received one of "
            f"{weighting.num_classes}, which it had before."
        )
    return num_classes
