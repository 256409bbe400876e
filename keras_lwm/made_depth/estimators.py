"""Models that see depth in one RGB image, of three kinds behind one small interface.

An estimator has:

- `name`: what its files are marked with.
- `kind`: what its numbers mean, out of `kinds.KINDS`.
- `identity`: plain values that tell it from every other, for resuming.
- `size`: the (height, width) that it is shown images in; None: each image's own.
- `estimator(images)`: its numbers, float32 (B, h, w) of any resolution, for images (B, H, W, 3),
  uint8 RGB.
"""

import hashlib
from pathlib import Path
from typing import Any

from keras_lwm.run_folder import find_run_model

HUB = "hub:"
_KINDS = (
    "a run folder or .keras file with a depth branch, an .onnx file, or hub:PRESET or hub:FOLDER "
    "of KerasHub"
)


def open_estimator(
    model: str, size: tuple[int, int] | None = None, onnx_options: dict | None = None
) -> Any:
    """Opens a depth model by what it is.

    Args:
        model: a run folder, a `.keras` file, an `.onnx` file, or `hub:` and a preset's name or
            folder.
        size: (height, width) to show it images in; None: the model's own, or else each image's.
        onnx_options: arguments of `onnx_file.OnnxEstimator`, of an `.onnx` file alone.

    Raises:
        ValueError: it is no such model, it has no depth branch, or an option is not its.
        ImportError: the package that runs it is missing.
    """
    path = Path(model)
    if not path.is_dir() and path.suffix.lower() == ".onnx":
        from keras_lwm.made_depth.onnx_file import OnnxEstimator

        return OnnxEstimator(existing_file(path), size, **(onnx_options or {}))
    if onnx_options:
        raise ValueError(
            f"Expected {', '.join(onnx_options)} with an .onnx file; received {model}."
        )
    if str(model).startswith(HUB):
        from keras_lwm.made_depth.keras_hub_preset import KerasHubEstimator

        return KerasHubEstimator(str(model).removeprefix(HUB), size)
    from keras_lwm.made_depth.trained_network import TrainedNetwork

    found = find_run_model(path) if path.is_dir() else path
    if found is None or found.suffix.lower() != ".keras":
        raise ValueError(f"Expected a depth model ({_KINDS}); received {model}.")
    return TrainedNetwork(existing_file(found), size, name=path.resolve().name)


def existing_file(path: Path) -> Path:
    """The path, or a `ValueError` that there is nothing."""
    if not path.is_file():
        raise ValueError(f"Expected a depth model ({_KINDS}); there is no file {path}.")
    return path


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fixed_size(own: tuple, asked: tuple[int, int] | None, name: str) -> tuple[int, int] | None:
    """The size to show a model images in: its own where it is fixed, else the one asked for.

    Args:
        own: the model's (height, width), each None where any will do.
        asked: (height, width), or None.

    Raises:
        ValueError: another size is asked for than the model takes.
    """
    fixed = [length or None for length in own]
    if asked is None:
        if fixed.count(None) == 1:
            raise ValueError(f"{name} takes images of {own}: give a size.")
        return None if None in fixed else tuple(fixed)
    if any(length not in (None, wanted) for length, wanted in zip(fixed, asked, strict=True)):
        raise ValueError(f"{name} takes images of {tuple(own)}; received size={tuple(asked)}.")
    return tuple(asked)
