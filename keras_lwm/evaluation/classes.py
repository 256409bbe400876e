"""Whether a model and a data set speak of the same classes."""

from keras_lwm.description import Description


def check_classes(model, num_classes, class_names=None):
    """Checks the classes of a model, as far as they are known before it has predicted anything.

    Args:
        model: a Keras model, or a `keras_lwm.Predictor`, which may know the classes' names.
        num_classes, class_names: of the data set; names may be None.

    Raises:
        ValueError: if number or names differ; names are compared where both sides have them.
    """
    description = getattr(model, "description", None)
    number = _number_of_classes(model) if description is None else len(description.class_names)
    if number not in (None, num_classes):
        raise ValueError(
            f"Expected a network of {num_classes} classes, as the data set has; received one of "
            f"{number}."
        )
    if description is None or class_names is None:
        return
    if description.class_names == Description.unnamed(number).class_names:
        return
    for index, (own, wanted) in enumerate(zip(description.class_names, class_names, strict=True)):
        if own != str(wanted):
            raise ValueError(
                f"Expected a network of the data set's classes; class {index} is {own!r} in the "
                f"model and {str(wanted)!r} in the data set."
            )


def _number_of_classes(model):
    outputs = getattr(model, "output", None)
    logits = outputs.get("segmentation") if isinstance(outputs, dict) else outputs
    return None if logits is None else logits.shape[-1]
