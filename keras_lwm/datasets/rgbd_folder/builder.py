"""The TFDS builder of a folder of RGB-D frames."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import tensorflow_datasets as tfds

from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.sample import sample_features, sample_metadata
from keras_lwm.rgbd_folder.frames import FramesOnDisk, question_depth_unit
from keras_lwm.rgbd_folder.layout import Frame, Layout
from keras_lwm.void import void_id


def check_arguments(
    depth_unit: float | None, size: tuple[int, int] | None, splits: Sequence[str] | None
) -> None:
    """Raises a `ValueError` for options of `RgbdFolder` that no folder can have."""
    if depth_unit is not None and not 0 < depth_unit < float("inf"):
        raise ValueError(f"Expected depth_unit, metres per unit, above 0; received {depth_unit!r}.")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"Expected size=(height, width), in pixels; received {size!r}.")
    for split in splits or ():
        if not re.fullmatch(r"\w+", split) or split == "all":
            raise ValueError(
                f"Expected names of splits made of letters, digits and '_', not 'all'; "
                f"received {split!r}."
            )


class RgbdFolder(PartwiseBuilder):
    """Your own RGB-D frames as a TFDS data set of samples in the library's form.

    The folder holds `rgb/NAME.jpg|png`, `label/NAME.png`, `depth/NAME.png|npy`, `classes.txt` (one
    name a line) and lists of NAMEs: `train.txt`, `val.txt`, ... A frame without a file in `depth/`
    is one whose depth was not measured. Label and depth of another size than the image are brought
    to the image's, by nearest pixel, if the aspect is the same.

    The prepared copy lies in TFDS's data folder under a name made from the options and from every
    file's name, size and time of change: a changed folder is prepared anew. Copies of former
    states, finished or not, stay until they are deleted.

    Args:
        folder: where the frames are.
        depth_unit: metres per unit of the depth files: 0.001 for millimetres. 16-bit PNG needs
            it; a .npy is in metres where it is `None`.
        first_id: the id by which the label files mean the first class, usually 0 or 1.
        void_ids: the ids by which the label files mean void, a class's among them or not; `None`:
            255, or 65535 beyond 255 classes.
        splits: names of the splits, each with a list `<split>.txt`; `None`: all there are of train,
            tune, val, valid, validation, dev and test.
        classes: name of the file of class names.
        colours: name of a file of 'red green blue' lines, 0 to 255, one a class; `None`:
            `colours.txt` if there is one, else colours made up here.
        size: (height, width) to store frames in, for speed: images are averaged down, label and
            depth take the nearest pixel. `None`: each image's own.
        unusual_depth: accept a median depth below 0.1 m or above 80 m.
        data_dir: where to put the prepared copy; `None`: TFDS's own folder.

    Raises:
        ValueError: at once for what is wrong with the folder as a whole, and by
            `download_and_prepare` for a file that cannot be used; each names the file.

    Example:

    >>> builder = RgbdFolder("kitchen", depth_unit=0.001, first_id=1, void_ids=(0,))
    >>> builder.download_and_prepare()
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self,
        folder,
        *,
        depth_unit: float | None = None,
        first_id: int = 0,
        void_ids: Sequence[int] | None = None,
        splits: Sequence[str] | None = None,
        classes: str = "classes.txt",
        colours: str | None = None,
        size: tuple[int, int] | None = None,
        unusual_depth: bool = False,
        data_dir=None,
        **builder_options,
    ):
        self._arguments = {
            "folder": Path(folder).expanduser().resolve(),
            "depth_unit": depth_unit,
            "first_id": first_id,
            "void_ids": None if void_ids is None else tuple(void_ids),
            "splits": None if splits is None else tuple(splits),
            "classes": classes,
            "colours": colours,
            "size": None if size is None else tuple(size),
            "unusual_depth": unusual_depth,
        }
        check_arguments(*(self._arguments[key] for key in ("depth_unit", "size", "splits")))
        self._layout = self._look()
        if void_ids is None:
            self._arguments["void_ids"] = (void_id(len(self._layout.class_names)),)
        config = tfds.core.BuilderConfig(
            name=self._config_name(), description=f"Frames of the folder {self._layout.folder.name}"
        )
        super().__init__(config=config, data_dir=data_dir, **builder_options)
        # What TFDS pickles a builder as: the arguments that make it again.
        self._original_state = {**self._arguments, "data_dir": data_dir, **builder_options}

    @property
    def unusual_depth(self) -> bool:
        """Whether a median depth below 0.1 m or above 80 m was said to be right."""
        return self._arguments["unusual_depth"]

    def download_and_prepare(self, **options) -> None:
        """Prepares the data set, unless it is; then the folder must be as it was when the builder
        was made, or a `ValueError` says so."""
        if self._look().fingerprint != self._layout.fingerprint:
            raise ValueError(
                f"{self._layout.folder} has changed since this RgbdFolder was made: make a new one."
            )
        super().download_and_prepare(**options)

    def _look(self) -> Layout:
        folder = self._arguments["folder"]
        layout = Layout(folder, *(self._arguments[key] for key in ("splits", "classes", "colours")))
        if self._arguments["depth_unit"] is not None and not any(
            frame.depth for frames in layout.frames.values() for frame in frames
        ):
            raise ValueError(
                f"depth_unit={self._arguments['depth_unit']:g} was given, but no frame has a file "
                f"in {folder / 'depth'}."
            )
        return layout

    def _config_name(self) -> str:
        options = {key: value for key, value in self._arguments.items() if key != "folder"}
        state = repr((self._layout.fingerprint, sorted(options.items())))
        name = re.sub(r"\W+", "_", self._layout.folder.name)
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
        unit = self._arguments["depth_unit"]
        if not self._arguments["unusual_depth"]:
            question_depth_unit(self._all_frames(), unit)
        options = {key: self._arguments[key] for key in ("first_id", "void_ids", "size")}
        options.update(depth_unit=unit, num_classes=len(self._layout.class_names))
        return {
            split: FramesOnDisk(frames, options) for split, frames in self._layout.frames.items()
        }

    def _all_frames(self) -> list[Frame]:
        return [frame for frames in self._layout.frames.values() for frame in frames]
