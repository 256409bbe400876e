"""The TFDS builder of a folder of RGB-D frames."""

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.sample import sample_features, sample_metadata
from keras_lwm.rgbd_folder import (
    FolderOptions,
    Frame,
    FrameReader,
    FramesOnDisk,
    Layout,
    folder_options,
)
from keras_lwm.rgbd_folder.frames import question_depth_unit


def check_size(size: tuple[int, int] | None) -> None:
    """Raises a `ValueError` for a size that no frames can have."""
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"Expected size=(height, width), in pixels; received {size!r}.")


class RgbdFolder(PartwiseBuilder):
    """Your own RGB-D frames as a TFDS data set of samples in the library's form.

    Unless `layout` or other options say otherwise, the folder holds `rgb/NAME.jpg|png`,
    `label/NAME.png`, `depth/NAME.png|npy|...`, `classes.txt` (one name a line) and lists of NAMEs:
    `train.txt`, `val.txt`, ... A frame without a file in `depth/` is one whose depth was not
    measured. Label and depth of another size than the image are brought to the image's, by nearest
    pixel, if the aspect is the same.

    The prepared copy lies in TFDS's data folder under a name made from the options and from every
    file's name, size and time of change: a changed folder is prepared anew. Copies of former
    states, finished or not, stay until they are deleted.

    Args:
        folder: where the frames are.
        layout: a well-known form of such a folder: a key of `keras_lwm.rgbd_folder.NAMED_LAYOUTS`.
        size: (height, width) to store frames in, for speed: images are averaged down, label and
            depth take the nearest pixel. `None`: each image's own.
        unusual_depth: accept a median depth below 0.1 m or above 80 m.
        data_dir: where to put the prepared copy; `None`: TFDS's own folder.
        **options: those of `keras_lwm.rgbd_folder.FolderOptions`, such as `depth_unit=0.001` or
            `rgb="images/{name}_rgb.jpg"`, or of TFDS' builders.

    Raises:
        ValueError: at once for what is wrong with the folder as a whole, and by
            `download_and_prepare` for a file that cannot be used; each names the file.

    Examples:
        >>> builder = RgbdFolder("kitchen", depth_unit=0.001, first_id=1, void_ids=(0,))
        >>> builder.download_and_prepare()
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self,
        folder,
        *,
        layout: str | None = None,
        size: tuple[int, int] | None = None,
        unusual_depth: bool = False,
        data_dir=None,
        **options,
    ):
        given, builder_options = split_options(options)
        self._options = folder_options(layout, **given)
        self._size = None if size is None else tuple(size)
        check_size(self._size)
        self._folder = Path(folder).expanduser().resolve()
        self.unusual_depth = bool(unusual_depth)
        """Whether a median depth below 0.1 m or above 80 m was said to be right."""
        self._layout = self._look()
        config = tfds.core.BuilderConfig(
            name=self._config_name(), description=f"Frames of the folder {self._folder.name}"
        )
        super().__init__(config=config, data_dir=data_dir, **builder_options)
        # What TFDS pickles a builder as: the arguments that make it again.
        self._original_state = {
            "folder": self._folder,
            "size": self._size,
            "unusual_depth": self.unusual_depth,
            "data_dir": data_dir,
            **self._options.given(),
            **builder_options,
        }

    @property
    def notes(self) -> list[str]:
        """Sentences on what was chosen in reading the folder, for users to see."""
        return self._layout.notes

    def download_and_prepare(self, **options) -> None:
        """Prepares the data set, unless it is; then the folder must be as it was when the builder
        was made, or a `ValueError` says so."""
        if self._look().fingerprint != self._layout.fingerprint:
            raise ValueError(
                f"{self._folder} has changed since this RgbdFolder was made: make a new one."
            )
        super().download_and_prepare(**options)

    def _look(self) -> Layout:
        layout = Layout(self._folder, self._options)
        unit = self._options.depth_unit
        if unit is not None and not any(
            frame.depth for frames in layout.frames.values() for frame in frames
        ):
            raise ValueError(
                f"depth_unit={unit:g} was given, but no frame has a file at "
                f"{self._folder / self._options.depth}."
            )
        return layout

    def _config_name(self) -> str:
        reader = FrameReader.of(self._layout, self._size)
        state = repr((self._layout.fingerprint, reader, self.unusual_depth))
        name = re.sub(r"\W+", "_", self._folder.name)
        return f"{name}-{hashlib.sha256(state.encode()).hexdigest()[:16]}"

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.builder_config.description,
            features=sample_features(len(self._layout.class_names)),
            metadata=sample_metadata(self._layout.class_names, self._layout.palette),
            disable_shuffling=True,
        )

    def source_files(self, dl_manager) -> list[Path]:
        return [path for frame in self._all_frames() for path in frame.files()]

    def frames(self, dl_manager) -> dict[str, Sequence[dict]]:
        reader = FrameReader.of(self._layout, self._size)
        if not self.unusual_depth:
            question_depth_unit(self._all_frames(), reader)
        return {
            split: FramesOnDisk(frames, reader) for split, frames in self._layout.frames.items()
        }

    def _all_frames(self) -> list[Frame]:
        return [frame for frames in self._layout.frames.values() for frame in frames]


def split_options(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those of `FolderOptions` that are not `None`, and the others."""
    names = {field.name for field in dataclasses.fields(FolderOptions)}
    given = {name: value for name, value in options.items() if name in names and value is not None}
    return given, {name: value for name, value in options.items() if name not in names}
