"""The one label id that means "nobody said what this pixel shows", and the dtype that holds it."""

VOID = 255


def void_id(num_classes: int) -> int:
    """255 for up to 255 classes, 65535 for more: an id that is never a class's."""
    return 255 if num_classes <= 255 else 65535


def label_dtype(num_classes: int) -> str:
    """The smallest unsigned integers that hold every class id and void: "uint8" or "uint16"."""
    return "uint8" if num_classes <= 255 else "uint16"
