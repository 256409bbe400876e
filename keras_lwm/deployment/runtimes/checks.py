"""What every runtime asks of the package and of the file that it is about to use."""

import contextlib
import importlib

from keras_lwm.deployment.graph import CLASS_IDS, IMAGE, PROBABILITIES
from keras_lwm.description import Description


def import_package(name, install, path):
    """Imports the package that runs `path`.

    Raises:
        ImportError: if it is missing; the sentence says what to install: an extra of keras_lwm.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{path} is run by the package {name.partition('.')[0]}, which cannot be imported "
            f"({error}): pip install {install}"
        ) from error


@contextlib.contextmanager
def opening(path, kind):
    """Turns whatever a package raises over a damaged file into a sentence that names the file.

    Packages written in C++ raise RuntimeError and classes of their own, so every `Exception` has
    to count.
    """
    try:
        yield
    except Exception as error:
        first, *_ = str(error).strip().splitlines() or [""]
        told = f"{type(error).__name__}: {first}".rstrip(": .")
        raise ValueError(f"{path} cannot be opened as {kind} ({told}).") from error


def read_description(text, path):
    """Reads the description that a file carries; `text` is None where it carries none.

    Raises:
        ValueError: if it carries none, or one that cannot be read.
    """
    if text is None:
        raise ValueError(
            f"Expected a model exported by keras_lwm; {path} carries no description of its classes."
        )
    return Description.from_json(text, path)


def known_outputs(inputs, outputs, path):
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


def fixed_lengths(shape):
    """The batch and (height, width) of an input's shape (B, H, W, 3); None for what is free."""
    batch, *size = (
        length if isinstance(length, int) and length > 0 else None for length in shape[:3]
    )
    return batch, tuple(size)
