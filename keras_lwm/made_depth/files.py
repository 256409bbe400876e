"""Where made depth lies, and how it is marked.

    FOLDER/made_depth/
      made.json         the model, what its depth means, how it was aligned
      NAME.png          16 bits: millimetres, or thousandths of the image's median; 0 = none

A NAME may have folders of its own. Every PNG carries the model's name too, so that a file that was
copied elsewhere still says what it is.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from keras_lwm.atomic_write import atomic_write, write_json
from keras_lwm.local_paths import local_path
from keras_lwm.pictures import open_picture_file
from keras_lwm.rgbd_folder.made_depth import (
    MADE_FOLDER,
    RECORD,
    UNIT,
    MadeDepth,
    ScaleShift,
    read_record,
)
from keras_lwm.run_folder.lock import lock_folder

_MARK = "keras_lwm_made_depth"
_MOST = np.iinfo(np.uint16).max


class MadeFiles:
    """The made files of a folder of frames, for one process and one model at a time.

    Args:
        folder: of frames; its `made_depth` is created.
        model: plain values that tell one model from another, with a `name`.

    Raises:
        ValueError: another process is making depth there, another model made it, or nothing can
            be written there.
    """

    def __init__(self, folder: Path, model: Mapping):
        self.folder = local_path(folder) / MADE_FOLDER
        self.model = json.loads(json.dumps(model))
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.folder, "make depth in another folder")
        self.record = read_record(self.folder)
        if self.record is not None:
            self._check_same_model()
        elif any(self.folder.rglob("*.png")):
            raise ValueError(
                f"Expected {self.folder / RECORD} to say how the files beside it were made; there "
                "is none."
            )

    def _check_same_model(self):
        recorded = self.record.model
        for name in sorted({*recorded, *self.model}):
            if recorded.get(name) != self.model.get(name):
                raise ValueError(
                    f"{self.folder} holds depth made with {name}={recorded.get(name)!r}; received "
                    f"{name}={self.model.get(name)!r}: go on with the same model and options, or "
                    "delete that folder first."
                )

    def begin(self, relative: bool, alignment: ScaleShift | None) -> None:
        """Writes `made.json`, before any file that it speaks of."""
        self.record = MadeDepth(self.model, relative, alignment)
        with _writing(self.folder / RECORD):
            write_json(self.folder / RECORD, self.record.as_dict())

    def path(self, name: str) -> Path:
        """Where the made depth of a frame lies."""
        return self.folder / f"{name}.png"

    def write(self, name: str, depth: np.ndarray) -> None:
        """Writes the depth of a frame: (H, W) metres or relative, 0 = none, whole or not at all.

        What is farther than 16 bits hold, 65.5 m or medians, is not written: it is 0.
        """
        units = np.rint(depth / UNIT)
        units = np.where(units <= _MOST, units, 0).astype(np.uint16)
        mark = PngImagePlugin.PngInfo()
        mark.add_itxt(_MARK, self.record.describe())
        path = self.path(name)
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as partial:
                Image.fromarray(units).save(partial, "png", pnginfo=mark)


@contextlib.contextmanager
def _writing(path):
    """Turns what the system says, of a full disk for one, into a sentence that names the path."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"Cannot write made depth to {path}: {error.strerror or error}."
        ) from error


def made_by(path: Path) -> str | None:
    """What a PNG says of how it was made; None for one that does not say so, as if measured.

    Args:
        path: of the PNG.

    Raises:
        ValueError: the file is no picture.
    """
    try:
        with open_picture_file(path) as picture:
            picture.load()
            return getattr(picture, "text", {}).get(_MARK)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"Cannot read the picture {path}: {error}.") from error
