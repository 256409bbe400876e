"""The TFDS builder of SUN RGB-D."""

import dataclasses
from pathlib import Path

import tensorflow_datasets as tfds

from keras_lwm.datasets.manual_files import required_file, warn_of_other_counts
from keras_lwm.datasets.matlab import MatlabHdf5
from keras_lwm.datasets.nyu_depth_v2.classes import SPLITS_FILE
from keras_lwm.datasets.nyu_depth_v2.classes import read_splits as read_nyu_splits
from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.sample import sample_features, sample_metadata
from keras_lwm.datasets.sun_rgbd.classes import CLASS_NAMES
from keras_lwm.datasets.sun_rgbd.frames import SEGLABEL, SunFrames
from keras_lwm.datasets.sun_rgbd.lists import (
    check_nyu_overlap,
    frames_of_splits,
    read_frames,
    read_splits,
)
from keras_lwm.palette import distinct_palette

_PAGE = "https://rgbd.cs.princeton.edu"
_TOOLBOX_SOURCE = f"SUNRGBDtoolbox.zip of {_PAGE}, unpacked"
_TOOLBOX = "SUNRGBDtoolbox"
_META = f"{_TOOLBOX}/Metadata/SUNRGBDMeta.mat"
_LABELS = f"{_TOOLBOX}/Metadata/SUNRGBD2Dseg.mat"
_SPLITS = f"{_TOOLBOX}/traintestSUNRGBD/allsplit.mat"


@dataclasses.dataclass(eq=False)
class SunConfig(tfds.core.BuilderConfig):
    """Which folder of a frame the depth is taken from."""

    depth_folder: str = "depth_bfx"


class SunRgbd(PartwiseBuilder):
    """The 10,335 RGB-D frames of SUN RGB-D in 37 classes, indoors, from four kinds of sensors.

    Song, Lichtenberg and Xiao, "SUN RGB-D: A RGB-D Scene Understanding Benchmark Suite" (CVPR
    2015). Splits, official: `train` (5,285) and `test` (5,050).

    Samples: image (H, W, 3) uint8 RGB; depth (H, W, 1) float32 metres along the optical axis, 0 =
    not measured, 8 = 8 m or farther, cut off there as the official toolbox does; label (H, W, 1)
    uint8, 0 to 36, 255 = void; name, such as `kv1/NYUdata/NYU0003`: the frame's folder. Sizes
    differ between sensors.

    Configs: `depth_bfx`, the depth as the authors filled its holes, which segmentation papers use;
    `depth`, with its holes.

    Needs the folders `SUNRGBD` and `SUNRGBDtoolbox` in the manual folder, as SUNRGBD.zip and
    SUNRGBDtoolbox.zip unpack them. If NYU Depth V2's `splits.mat` lies there too, its lists are
    checked against these, for its frames are among these ones: see `check_nyu_overlap`.

    Examples:
        >>> builder = SunRgbd(config="depth_bfx")
        >>> builder.download_and_prepare(
        ...     download_config=tfds.download.DownloadConfig(manual_dir="downloads")
        ... )
    """

    VERSION = tfds.core.Version("1.0.0")
    OFFICIAL_NUMBERS = {"train": 5285, "test": 5050}
    BUILDER_CONFIGS = [
        SunConfig(
            name="depth_bfx", description="filled depth (depth_bfx).", depth_folder="depth_bfx"
        ),
        SunConfig(name="depth", description="depth with holes.", depth_folder="depth"),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"SUNRGBD.zip and SUNRGBDtoolbox.zip of {_PAGE}, unpacked to the folders SUNRGBD and "
        "SUNRGBDtoolbox"
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="SUN RGB-D in 37 classes; " + self.builder_config.description,
            homepage=_PAGE,
            features=sample_features(len(CLASS_NAMES)),
            metadata=sample_metadata(CLASS_NAMES, distinct_palette(len(CLASS_NAMES))),
            disable_shuffling=True,
        )

    def frames(self, dl_manager) -> dict[str, SunFrames]:
        folder = self.manual_folder(dl_manager)
        root = folder / "SUNRGBD"
        if not root.is_dir():
            raise ValueError(
                f"Expected the folder {root}; there is none: put SUNRGBD.zip of {_PAGE} there, "
                "unpacked."
            )
        splits = self._read_splits(folder)
        meta_path = required_file(folder, _META, _TOOLBOX_SOURCE)
        frames = read_frames(meta_path)
        labels = MatlabHdf5(required_file(folder, _LABELS, _TOOLBOX_SOURCE))
        if labels[SEGLABEL].size != len(frames):
            raise ValueError(
                f"Expected a label for each of the {len(frames)} frames of {meta_path}; "
                f"{labels.path} holds {labels[SEGLABEL].size}."
            )
        of_splits = frames_of_splits(frames, splits, folder / _SPLITS)
        sequences = {
            split: SunFrames(root, labels, of_split, self.builder_config.depth_folder)
            for split, of_split in of_splits.items()
        }
        self._pictures = [path for sequence in sequences.values() for path in sequence.all_files()]
        self._check_pictures()
        return sequences

    def source_files(self, dl_manager) -> list[Path]:
        folder = self.manual_folder(dl_manager)
        return [folder / _SPLITS, folder / _META, folder / _LABELS, *self._pictures]

    def _read_splits(self, folder):
        path = required_file(folder, _SPLITS, _TOOLBOX_SOURCE)
        splits = read_splits(path)
        warn_of_other_counts(path, splits, self.OFFICIAL_NUMBERS)
        if (folder / SPLITS_FILE).is_file():
            check_nyu_overlap(splits, read_nyu_splits(folder / SPLITS_FILE))
        return splits

    def _check_pictures(self):
        missing = [path for path in self._pictures if not path.is_file()]
        if missing:
            raise ValueError(
                f"{len(missing)} of {len(self._pictures)} image and depth files of {self.name} are "
                f"not there; the first is {missing[0]}."
            )
