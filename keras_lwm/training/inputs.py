"""Checks of training data, with a sentence for what does not fit."""

from keras_lwm.samples import check_label


def check_targets(y, needs_depth):
    """Checks the structure of targets, arrays and tensors alike.

    Raises:
        ValueError: unless `y` is a dictionary with "label" (B, H, W) and, where `needs_depth`,
            "depth" (B, H, W, 1).
    """
    keys = sorted(y) if isinstance(y, dict) else type(y).__name__
    needed = ["label", "depth"] if needs_depth else ["label"]
    if not isinstance(y, dict) or any(key not in y for key in needed):
        raise ValueError(
            f"Expected targets as a dictionary with {' and '.join(needed)}; received {keys}."
        )
    for key, rank, form in (("label", 3, "(B, H, W)"), ("depth", 4, "(B, H, W, 1)")):
        if key in y and len(y[key].shape) != rank:
            raise ValueError(
                f"Expected {key} of shape {form}; received shape {tuple(y[key].shape)}."
            )


def check_arrays(x, y, num_classes, needs_depth):
    """Checks whole arrays before training, since a compiled step cannot raise.

    Args:
        x: images, (N, H, W, 3), 0..255.
        y: {"label": (N, H, W) integers, "depth": (N, H, W, 1) metres}.
        num_classes: ids from 0 to `num_classes` - 1 are classes, 255 is void.
        needs_depth: whether "depth" must be there.

    Raises:
        ValueError: shapes that do not fit together, labels that are not integers, an id that is no
            class (with the first image that has one).
    """
    check_targets(y, needs_depth)
    label = y["label"]
    expected = {"image": (*label.shape, 3), "depth": (*label.shape, 1)}
    for key, array in (("image", x), ("depth", y.get("depth"))):
        if array is not None and tuple(array.shape) != expected[key]:
            raise ValueError(
                f"Expected {key} of shape {expected[key]} to go with labels of shape "
                f"{tuple(label.shape)}; received shape {tuple(array.shape)}."
            )
    for index, one in enumerate(label):
        check_label(one, num_classes, f"array index {index}")
