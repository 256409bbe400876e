"""The TFDS builder of Cityscapes with depth."""

from pathlib import Path

import tensorflow_datasets as tfds

from keras_lwm.datasets.cityscapes.classes import CLASS_NAMES, PALETTE
from keras_lwm.datasets.cityscapes.frames import PACKAGES, PAGE, Frame, StreetFrames, find_frames
from keras_lwm.datasets.manual_files import warn_of_other_counts
from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.sample import sample_features, sample_metadata


class CityscapesDepth(PartwiseBuilder):
    """The finely labelled frames of Cityscapes with depth, in the 19 classes that it scores.

    Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding" (CVPR 2016).
    Splits, under their official names: `train` (2,975) and `val` (500). The official `test` has no
    public labels.

    Samples: image (1024, 2048, 3) uint8 RGB; depth (1024, 2048, 1) float32 metres along the optical
    axis, baseline * fx / disparity, 0 = not measured; label (1024, 2048, 1) uint8, training ids 0
    to 18, 255 = void; name, such as `aachen_000000_000019`. The least disparities, 1/256 pixel,
    stand for more than 100 km: far depth is as coarse as the files have it, and is not cut off.

    Needs `leftImg8bit`, `gtFine`, `disparity` and `camera` in the manual folder, as the official
    packages unpack. There may be no `disparity/val`: then no frame of `val` has depth, which
    scoring does not need.

    Examples:
        >>> builder = CityscapesDepth()
        >>> builder.download_and_prepare(
        ...     download_config=tfds.download.DownloadConfig(manual_dir="cityscapes")
        ... )
    """

    VERSION = tfds.core.Version("1.0.0")
    OFFICIAL_NUMBERS = {"train": 2975, "val": 500}
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"{', '.join(PACKAGES)} of {PAGE}, unpacked"

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Cityscapes: 19 classes, depth from disparity.",
            homepage=PAGE,
            features=sample_features(len(CLASS_NAMES)),
            metadata=sample_metadata(CLASS_NAMES, PALETTE),
            disable_shuffling=True,
        )

    def frames(self, dl_manager) -> dict[str, StreetFrames]:
        found = self._find(dl_manager)
        images = self.manual_folder(dl_manager) / "leftImg8bit"
        warn_of_other_counts(images, found, self.OFFICIAL_NUMBERS)
        return {split: StreetFrames(frames) for split, frames in found.items()}

    def source_files(self, dl_manager) -> list[Path]:
        found = self._find(dl_manager)
        return [path for frames in found.values() for frame in frames for path in frame.files()]

    def _find(self, dl_manager) -> dict[str, list[Frame]]:
        folder = self.manual_folder(dl_manager)
        return {
            split: find_frames(folder, split, depth_required=split == "train")
            for split in self.OFFICIAL_NUMBERS
        }
