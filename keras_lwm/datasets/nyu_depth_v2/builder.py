"""The TFDS builder of NYU Depth V2's labelled frames."""

import dataclasses
import http.client
import itertools
from pathlib import Path

import tensorflow_datasets as tfds

from keras_lwm.datasets.manual_files import download, required_file, warn_of_other_counts
from keras_lwm.datasets.matlab import MatlabHdf5
from keras_lwm.datasets.nyu_depth_v2.classes import (
    MAPPING_13_FILE,
    MAPPING_40_FILE,
    SPLITS_FILE,
    read_13_classes,
    read_40_classes,
    read_splits,
)
from keras_lwm.datasets.nyu_depth_v2.frames import LabeledFrames
from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.sample import sample_features, sample_metadata
from keras_lwm.palette import distinct_palette

LABELED_FILE = "nyu_depth_v2_labeled.mat"
LABELED_URL = f"http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/{LABELED_FILE}"

# Not on the data set's own page: copies of files that others published with their papers.
_SMALL_FILES_SOURCE = "https://github.com/ankurhanda/nyuv2-meta-data"
_PAGE = "https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html"


@dataclasses.dataclass(eq=False)
class NyuConfig(tfds.core.BuilderConfig):
    """Which classes (40 or 13), which depth (`depths` or `rawDepths`), with or without border."""

    classes: int = 40
    depth: str = "depths"
    crop_border: bool = False


def _configs():
    choices = itertools.product(
        (False, True), (40, 13), (("inpainted", "depths"), ("raw", "rawDepths"))
    )
    return [
        NyuConfig(
            name=f"{classes}_{word}{'_cropped' if crop else ''}",
            description=f"{classes} classes, {word} depth, "
            + ("426x560, without the white border." if crop else "480x640."),
            classes=classes,
            depth=depth,
            crop_border=crop,
        )
        for crop, classes, (word, depth) in choices
    ]


class NyuDepthV2Labeled(PartwiseBuilder):
    """The 1,449 labelled RGB-D frames of NYU Depth V2 (a Kinect of the first kind, indoors).

    Silberman, Hoiem, Kohli and Fergus, "Indoor Segmentation and Support Inference from RGBD Images"
    (ECCV 2012). Splits, official: `train` (795) and `test` (654).

    Samples: image (480, 640, 3) uint8 RGB, with a white border of 8 to 10 pixels; depth
    (480, 640, 1) float32 metres along the optical axis, 0 = not measured; label (480, 640, 1) uint8
    from 0, 255 = void ("unlabelled"); name, such as `0042_kitchen_0004`: official number from 1 and
    scene.

    Configs are named `CLASSES_DEPTH` and `CLASSES_DEPTH_cropped`:

    - CLASSES: `40` or `13`.
    - DEPTH: `inpainted`, without holes, as the official file fills them, or `raw`, as projected
      from the sensor, where both 0 and the 10 m at which the official toolbox cuts off become 0.
    - `cropped`: rows 45 to 470 and columns 41 to 600 from 0 only, (426, 560), as the depth protocol
      has it; the border is left out.

    The first, `40_inpainted`, is what segmentation papers use.

    Needs `splits.mat`, `classMapping40.mat` and, for 13 classes, `class13Mapping.mat` in the manual
    folder; and `nyu_depth_v2_labeled.mat` (2.8 GB), which is downloaded if it is not there. Class
    names are those of the mapping files, known once the data set is prepared.

    Examples:
        >>> builder = NyuDepthV2Labeled(config="40_inpainted")
        >>> builder.download_and_prepare(
        ...     download_config=tfds.download.DownloadConfig(manual_dir="downloads")
        ... )
    """

    VERSION = tfds.core.Version("1.0.0")
    OFFICIAL_NUMBERS = {"train": 795, "test": 654}
    BUILDER_CONFIGS = _configs()
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"{SPLITS_FILE}, {MAPPING_40_FILE} and {MAPPING_13_FILE} from {_SMALL_FILES_SOURCE}, and "
        f"{LABELED_FILE} from {_PAGE} if this machine cannot download it"
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Labelled frames of NYU Depth V2: " + self.builder_config.description,
            homepage=_PAGE,
            features=sample_features(self.builder_config.classes),
            # Filled in from the mapping files by frames().
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def frames(self, dl_manager) -> dict[str, LabeledFrames]:
        folder = self.manual_folder(dl_manager)
        splits_file = required_file(folder, SPLITS_FILE, _SMALL_FILES_SOURCE)
        splits = read_splits(splits_file)
        warn_of_other_counts(splits_file, splits, self.OFFICIAL_NUMBERS)
        classes = self._read_classes(folder)
        palette = distinct_palette(len(classes.names))
        self.info.metadata.update(sample_metadata(classes.names, palette))
        file = MatlabHdf5(self._labeled_file(dl_manager))
        config = self.builder_config
        return {
            split: LabeledFrames(
                file, numbers, classes, depth=config.depth, crop_border=config.crop_border
            )
            for split, numbers in splits.items()
        }

    def source_files(self, dl_manager) -> list[Path]:
        folder = self.manual_folder(dl_manager)
        small = [SPLITS_FILE, MAPPING_40_FILE]
        if self.builder_config.classes == 13:
            small.append(MAPPING_13_FILE)
        return [*(folder / name for name in small), self._labeled_file(dl_manager)]

    def _read_classes(self, folder):
        classes = read_40_classes(required_file(folder, MAPPING_40_FILE, _SMALL_FILES_SOURCE))
        if self.builder_config.classes == 13:
            path = required_file(folder, MAPPING_13_FILE, _SMALL_FILES_SOURCE)
            classes = read_13_classes(path, classes)
        if len(classes.names) != self.builder_config.classes:
            raise ValueError(
                f"Expected {self.builder_config.classes} classes for the config "
                f"{self.builder_config.name} of {self.name}; the mapping files in {folder} name "
                f"{len(classes.names)}."
            )
        return classes

    def _labeled_file(self, dl_manager) -> Path:
        path = self.manual_folder(dl_manager) / LABELED_FILE
        if path.is_file():
            return path
        try:
            return download(dl_manager, LABELED_URL)
        except (OSError, http.client.HTTPException, tfds.download.DownloadError) as error:
            raise ValueError(
                f"There is no {path}, and {LABELED_URL} cannot be downloaded "
                f"({' '.join(str(error).split())}): put the file there, from {_PAGE}."
            ) from error
