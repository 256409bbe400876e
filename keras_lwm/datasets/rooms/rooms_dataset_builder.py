"""The TFDS builder of the rendered rooms."""

import contextlib
from collections.abc import Iterator

import tensorflow_datasets as tfds

from keras_lwm.datasets.partwise import PartwiseBuilder
from keras_lwm.datasets.rooms.catalogue import CLASS_NAMES, PALETTE
from keras_lwm.datasets.rooms.splits import (
    SIZES,
    SPLITS,
    RoomTask,
    check_renderer,
    room_tasks,
    size_named,
)
from keras_lwm.datasets.rooms.workers import render_rooms
from keras_lwm.datasets.sample import sample_features, sample_metadata

_DESCRIPTION = """\
Furnished indoor rooms, ray-cast on this machine from fixed seeds: colour, depth as a
structured-light sensor reports it (noise that grows with the square of the distance, steps, holes),
and labels in 13 classes named as NYU Depth V2's 13. Rooms are never shared between splits. Nothing
is downloaded."""


class Rooms(PartwiseBuilder):
    """Rendered indoor rooms in the library's sample form; configs `default`, `small` and `tiny`.

    Samples: image (H, W, 3) uint8 RGB; depth (H, W, 1) float32 metres along the optical axis,
    0 = not measured; label (H, W, 1) uint8, 0 to 12, 255 = void; name. Stored in the order of
    rendering.

    Examples:
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
            features=sample_features(len(CLASS_NAMES)),
            metadata=sample_metadata(CLASS_NAMES, PALETTE),
            disable_shuffling=True,
        )

    def frames(self, dl_manager) -> dict[str, list[tuple[RoomTask, int]]]:
        """What to render: split -> room and camera of each frame; `read` renders them."""
        check_renderer()
        size = size_named(self.builder_config.name)
        return {
            split: [
                (task, camera)
                for task in room_tasks(split, size.name)
                for camera in range(size.cameras)
            ]
            for split in SPLITS
        }

    def read(self, frames, wanted) -> Iterator[dict]:
        """Renders the rooms of the wanted frames, and no others, with one set of workers."""
        cameras = {}
        for split, index in wanted:
            task, camera = frames[split][index]
            cameras.setdefault(task, []).append(camera)
        # Closed, and with it the workers, whatever happens.
        with contextlib.closing(render_rooms(cameras)) as rendered:
            for task, samples in rendered:
                for camera in cameras[task]:
                    sample = samples[camera]
                    yield {**sample, "label": sample["label"][..., None]}
