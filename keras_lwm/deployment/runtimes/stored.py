"""What every exported file carries, and what is checked of it when it is opened."""

import contextlib
from collections.abc import Iterator

import numpy as np

from keras_lwm.deployment.inference_network import CLASS_IDS, IMAGE, PROBABILITIES
from keras_lwm.description import Description
from keras_lwm.large_images.graph import Footprint


@contextlib.contextmanager
def opening(path, kind) -> Iterator[None]:
    """Turns whatever a package raises over a damaged file into a sentence that names the file.

    Packages written in C++ raise RuntimeError and classes of their own, so every `Exception` has
    to count.
    """
    try:
        yield
    except Exception as error:
        first, *_ = str(error).strip().splitlines() or [""]
        message = f"{type(error).__name__}: {first}".rstrip(": .")
        raise ValueError(f"{path} cannot be opened as {kind} ({message}).") from error


def stored_description(text, path) -> Description:
    """Reads the description that a file carries; `text` is None where it carries none.

    Raises:
        ValueError: if it carries none, or one that cannot be read.
    """
    if text is None:
        raise ValueError(
            f"Expected a model exported by keras_lwm; {path} carries no description of its classes."
        )
    description = Description.from_json(text, path)
    if description.footprint:
        try:
            Footprint(**description.footprint)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Expected a footprint as keras_lwm writes it in {path}; received "
                f"{description.footprint} ({error})."
            ) from error
    return description


def known_outputs(inputs, outputs, path) -> tuple[str, ...]:
    """Checks the names of a file's inputs and outputs, and returns the outputs to be used.

    Raises:
        ValueError: if they are not what keras_lwm exports.
    """
    if list(inputs) != [IMAGE] or CLASS_IDS not in outputs:
        raise ValueError(
            f"Expected a model exported by keras_lwm, with the input {IMAGE} and the output "
            f"{CLASS_IDS}; {path} has inputs {sorted(inputs)} and outputs {sorted(outputs)}."
        )
    return tuple(name for name in (CLASS_IDS, PROBABILITIES) if name in outputs)


def fixed_lengths(shape) -> tuple[int | None, tuple[int | None, int | None]]:
    """The batch and (height, width) of an input's shape (B, H, W, 3); None for what is free."""
    batch, *size = (
        length if isinstance(length, int) and length > 0 else None for length in shape[:3]
    )
    return batch, tuple(size)


def as_array(window) -> np.ndarray:
    """A `Window` as exported files take it: (4,) int32, its start and the whole's size."""
    return np.array([*window.start, *window.whole], "int32")
