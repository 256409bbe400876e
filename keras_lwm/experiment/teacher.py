"""The trained network that teaches a run's: from the folder of the run that made it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_lwm.deployment.inference_network import load_in_float32
from keras_lwm.run_folder import find_run_model
from keras_lwm.run_folder.models import read_description
from keras_lwm.training.objective import segmentation_outputs


def teacher_file(path: str | Path) -> Path:
    """The model's file in a run's folder, or `path` itself; a `ValueError` if there is none."""
    path = Path(path)
    file = find_run_model(path) if path.is_dir() else path
    if file is None or not file.is_file():
        raise ValueError(
            f"Expected a teacher as the folder of a run, or a .keras file; found no model at {path}"
            "."
        )
    return file


def teacher_digest(path: str | Path) -> str:
    """What tells a teacher from others, wherever it lies: a digest of its file."""
    with open(teacher_file(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def open_teacher(path: str | Path, class_names: Sequence[str]) -> keras.Model:
    """Loads what a run trained as a teacher for networks of the same classes.

    Args:
        path: a run's folder, of which its best model is taken, or a `.keras` file that a run left.
        class_names: of the network that is to be taught, one a class.

    Returns:
        A functional network in float32, with the outputs that segment, and no others.

    Raises:
        ValueError: there is no model, it cannot be loaded, or its classes are others.
    """
    file = teacher_file(path)
    description = read_description(file)
    classes = [] if description is None else list(description.class_names)
    class_names = list(class_names)
    if len(classes) != len(class_names):
        raise ValueError(
            f"Expected a teacher of the {len(class_names)} classes {_some(class_names)}; that of "
            f"{file} has {f'{len(classes)}: {_some(classes)}' if classes else 'no names of any'}."
        )
    for index, (own, wanted) in enumerate(zip(classes, class_names, strict=True)):
        if own != wanted:
            raise ValueError(
                f"Expected a teacher of the same classes; class {index} is {own!r} in {file} and "
                f"{wanted!r} in the data set."
            )
    model = load_in_float32(file, str(file))
    outputs = {name: model.output[name] for name in segmentation_outputs(model.output)}
    return keras.Model(model.input, outputs, name="teacher")


def _some(names):
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
