"""Exporting a segmenter to a file that needs no Keras."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras

from keras_lwm.deployment.export_process import ExportedModel, ExportRequest, export_in_child
from keras_lwm.deployment.formats import FORMATS
from keras_lwm.deployment.inference_network import inference_network
from keras_lwm.extras import check_installed
from keras_lwm.keras_files import check_keras_file
from keras_lwm.run_folder import find_run_model
from keras_lwm.run_folder.models import read_description


def check_place(path, suffix, overwrite) -> None:
    """Raises ValueError unless an export with this suffix ("" for a folder) may go to `path`."""
    if path.suffix != suffix and (suffix or path.suffix in (".onnx", ".tflite", ".xml", ".keras")):
        expected = f"a path ending in {suffix}" if suffix else "the path of a folder"
        raise ValueError(f"Expected {expected}; received {path}.")
    if not path.parent.is_dir():
        raise ValueError(f"Expected a path in an existing folder; received {path}.")
    taken = [place for place in _places(path) if os.path.lexists(place)]
    if taken and not overwrite:
        raise ValueError(
            f"{taken[0]} exists and is kept: choose another path, or allow it to be overwritten."
        )
    if suffix:
        strangers = [place for place in taken if place.is_dir()]
    else:
        is_saved_model = (path / "saved_model.pb").is_file() or not any(path.glob("*"))
        strangers = [place for place in taken if not (place.is_dir() and is_saved_model)]
    if strangers:
        raise ValueError(
            f"Expected an earlier export to overwrite; received {strangers[0]}, which is none."
        )


@contextlib.contextmanager
def complete_or_not_at_all(path) -> Iterator[Path]:
    """Lends a path in a new folder beside `path`; what was written there moves to `path`.

    Only once the block has ended well; else an earlier export stays as it was. A single file
    replaces its predecessor in an instant. Where a folder or a pair of files does, a process killed
    between its moves leaves no export at `path`, never one of mixed parts.
    """
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.partial.", dir=path.parent) as beside:
        new, old = Path(beside, "new"), Path(beside, "old")
        new.mkdir()
        old.mkdir()
        yield new / path.name
        _flush(new)
        places = _places(path)
        if len(places) > 1 or (new / path.name).is_dir():
            for place in places:
                if os.path.lexists(place):
                    os.rename(place, old / place.name)
        # The file that is opened comes last, when what it refers to is there.
        for place in reversed(places):
            os.replace(new / place.name, place)


def _places(path):
    """The files that an export to `path` consists of."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def _flush(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as written:
                os.fsync(written.fileno())


INPUT_TYPES = ("uint8", "float32")
QUANTISATIONS = ("float16", "dynamic_int8")


def export_segmenter(
    model,
    path,
    format="saved_model",
    *,
    size=None,
    input_type="uint8",
    probabilities=False,
    quantisation=None,
    description=None,
    overwrite=False,
) -> ExportedModel:
    """Exports the RGB-only segmenter inside a model, with its preprocessing, to one file.

    The file has one input, `image` (B, H, W, 3), RGB, 0..255, and the outputs `class_ids` (B, H, W)
    int32 and, if asked for, `probabilities` (B, H, W, C) float32, both at the image's size. It
    computes in float32, a model trained in mixed precision too. The model's description (class
    names, palette, void id, options of its training) is inside, as JSON:

    | format        | `path`   | the description |
    | ------------- | -------- | --- |
    | `saved_model` | a folder | in `assets/keras_lwm.json` |
    | `onnx`        | .onnx    | in the metadata, key `keras_lwm` |
    | `litert`      | .tflite  | in the metadata, entry `keras_lwm` |
    | `openvino`    | .xml (its weights beside it in .bin) | in `rt_info`, key `keras_lwm` |

    A SavedModel has the signatures `serving_default`, which takes `image`, and `serving_bytes`,
    which takes `encoded`, (B,) strings, JPEG or PNG files of one size (a rotation noted in EXIF is
    not done). Plain TensorFlow loads it, without Keras. TensorFlow makes the other formats too, in
    a process of its own: the backend here does not matter.

    Args:
        model: a run folder (its `best.keras`, else its `last.keras`), a `.keras` file, or a
            functional `keras.Model`: a training network, or a segmenter of logits or probabilities.
        path: what to write.
        format: "saved_model", "onnx", "litert" or "openvino".
        size: (height, width) of every image; None for any, as far as the model takes any. With a
            size a LiteRT file takes one image at a time, because accelerators need whole shapes.
        input_type: "uint8" or "float32", of the image; its values are 0..255 either way.
        probabilities: whether the probabilities of all classes are an output too.
        quantisation: for LiteRT: "float16" (weights of half the size) or "dynamic_int8" (of a
            quarter, and quantised computation). Its results are no longer the model's own.
        description: a `Description`; None: what the `.keras` file says, or classes by number.
        overwrite: whether to replace an earlier export at `path`, once the new one is complete.

    Returns:
        An `ExportedModel`: path, size, inputs and outputs of what was written.

    Raises:
        ValueError: the model is none of these, `path` exists or has another suffix, or an argument
            is out of its range.
        ImportError: a package that the format needs is not installed.

    Examples:
        >>> exported = export_segmenter("runs/rooms", "rooms.onnx", "onnx", probabilities=True)
        >>> exported.outputs["class_ids"]
        ('int32', (None, None, None))
    """
    path = Path(path)
    _check_options(format, size, input_type, quantisation)
    check_place(path, FORMATS[format].suffix, overwrite)
    _check_packages(format)
    with tempfile.TemporaryDirectory() as folder:
        source, title, found = _source(model, folder)
        description = description or found
        with complete_or_not_at_all(path) as partial:
            request = ExportRequest(
                source=str(source.resolve()),
                title=title,
                path=str(partial.resolve()),
                format=format,
                size=None if size is None else tuple(size),
                input_type=input_type,
                probabilities=bool(probabilities),
                quantisation=quantisation,
                description=None if description is None else description.as_json(),
                modules=_modules_of_layers(),
            )
            facts = export_in_child(request)
            check_place(path, FORMATS[format].suffix, overwrite)  # It took a while.
            num_bytes = _num_bytes(partial.parent)
    shapes = {
        kind: {name: (dtype, tuple(shape)) for name, (dtype, shape) in facts[kind].items()}
        for kind in ("inputs", "outputs")
    }
    return ExportedModel(path, format, num_bytes, **shapes, parameters=facts["parameters"])


def _check_options(format, size, input_type, quantisation):
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; received {format!r}.")
    if input_type not in INPUT_TYPES:
        raise ValueError(
            f"input_type must be one of {', '.join(INPUT_TYPES)}; received {input_type!r}."
        )
    if size is not None and not _is_size(size):
        raise ValueError(
            f"size must be (height, width), two positive integers, or None; received {size!r}."
        )
    if quantisation is not None and (format != "litert" or quantisation not in QUANTISATIONS):
        raise ValueError(
            f"quantisation must be None, or, for litert, one of {', '.join(QUANTISATIONS)}; "
            f"received {quantisation!r} for {format}."
        )


def _is_size(size):
    is_pair = isinstance(size, (tuple, list)) and len(size) == 2
    return is_pair and all(isinstance(length, int) and length > 0 for length in size)


def _check_packages(format):
    check_installed("tensorflow", "Exporting, under any backend,", "tensorflow")
    wanted = FORMATS[format]
    check_installed(wanted.extra, f"Exporting to {wanted.title}", *wanted.packages)


def _source(model, folder):
    """The `.keras` file of a model, what sentences call it, and its description or None."""
    if isinstance(model, keras.Model):
        source = Path(folder, "segmenter.keras")
        inference_network(model).save(source)
        return source, f"model {model.name!r}", None
    source = Path(model)
    if source.is_dir():
        found = find_run_model(source)
        if found is None:
            raise ValueError(
                f"Expected a run folder with best.keras or last.keras; found neither in {source}."
            )
        source = found
    elif not source.is_file():
        raise ValueError(f"Expected a run folder or a .keras file; found nothing at {source}.")
    check_keras_file(source, source)
    return source, str(source), read_description(source)


def _modules_of_layers():
    """Modules that registered layers with Keras here, so that the child may import them too."""
    registered = keras.saving.get_custom_objects().values()
    return tuple(sorted({item.__module__ for item in registered} - {"__main__"}))


def _num_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
