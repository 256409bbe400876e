"""The TFDS builder of the rendered rooms."""

import contextlib
from collections.abc import Iterator

import tensorflow_datasets as tfds

from keras_lwm.datasets.progress import expect_examples
from keras_lwm.datasets.rooms.catalogue import CLASS_NAMES, PALETTE
from keras_lwm.datasets.rooms.splits import SIZES, SPLITS, room_tasks, size_named
from keras_lwm.datasets.rooms.workers import render_rooms
from keras_lwm.datasets.sample import sample_features, sample_metadata

_DESCRIPTION = """\
Furnished indoor rooms, ray-cast on this machine from fixed seeds: colour, depth as a
structured-light sensor reports it (noise that grows with the square of the distance, steps, holes),
and labels in 13 classes named as NYU Depth V2's 13. Rooms are never shared between splits. Nothing
is downloaded."""


class Rooms(tfds.core.GeneratorBasedBuilder):
    """Rendered indoor rooms in the library's sample form; configs `default` and `tiny`.

    Samples: image (H, W, 3) uint8 RGB; depth (H, W, 1) float32 metres along the optical axis,
    0 = not measured; label (H, W, 1) uint8, 0 to 12, 255 = void; name. Stored in the order of
    rendering.

    Example:

    >>> builder = Rooms(config="tiny")
    >>> builder.download_and_prepare()
    >>> train = builder.as_dataset(split="train")
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=size.name, description=size.description)
        for size in SIZES.values()
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=sample_features(),
            metadata=sample_metadata(CLASS_NAMES, PALETTE),
            disable_shuffling=True,
        )

    def _download_and_prepare(self, *arguments, **options):
        size = size_named(self.builder_config.name)
        expect_examples(self, {split: size.frame_count(split) for split in SPLITS})
        tasks = [task for split in SPLITS for task in room_tasks(split, size.name)]
        # One set of workers for all splits; closed, and with it the workers, whatever happens.
        with contextlib.closing(render_rooms(tasks)) as self._rendered:
            super()._download_and_prepare(*arguments, **options)

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
        size = size_named(self.builder_config.name)
        key, total = 0, size.frame_count(split)
        while key < total:
            task, samples = next(self._rendered)
            if task.split != split:  # left over from a split that TFDS was told to cut short
                continue
            for sample in samples:
                yield key, {**sample, "label": sample["label"][..., None]}
                key += 1
