"""The frames of a split as plain NumPy samples: which rooms, which seeds, which size."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from keras_lwm.extras import check_installed, imports_of

SEED = 20210


@dataclass(frozen=True)
class RoomsSize:
    """How many rooms each split has, how many cameras a room, and the frames' height and width."""

    name: str
    description: str
    height: int
    width: int
    cameras: int
    rooms: dict[str, int]

    def frame_count(self, split: str) -> int:
        return self.rooms[split] * self.cameras


SIZES = {
    size.name: size
    for size in (
        RoomsSize(
            "default",
            "240x320 pixels: 480 frames of 160 rooms to train on, 60 of 20 and 120 of 40 to test",
            240, 320, 3, {"train": 160, "validation": 20, "test": 40},
        ),
        RoomsSize(
            "small",
            "120x160 pixels: 96 frames to train on, 12 and 24 to test: for a first try in a minute",
            120, 160, 3, {"train": 32, "validation": 4, "test": 8},
        ),
        RoomsSize(
            "tiny",
            "48x64 pixels, a few frames a split: for tests of a pipeline, not for training",
            48, 64, 2, {"train": 4, "validation": 2, "test": 2},
        ),
    )
}  # fmt: skip
SPLITS = ("train", "validation", "test")


def size_named(config: str) -> RoomsSize:
    """The size of that name. Raises ValueError that names the known ones."""
    if config not in SIZES:
        raise ValueError(f"Expected a config of {sorted(SIZES)}; received {config!r}.")
    return SIZES[config]


@dataclass(frozen=True)
class RoomTask:
    """One room to render: everything about its frames follows from these three."""

    split: str
    room: int
    config: str

    @property
    def seed(self) -> list[int]:
        """No two rooms have the same, of one split or of two."""
        return [SEED, SPLITS.index(self.split), self.room]


def room_tasks(split: str, config: str) -> list[RoomTask]:
    """The rooms of a split, in order. Raises ValueError for an unknown split or config."""
    if split not in SPLITS:
        raise ValueError(f"Expected a split of {list(SPLITS)}; received {split!r}.")
    return [RoomTask(split, room, config) for room in range(size_named(config).rooms[split])]


_RENDERING = "Rendering rooms"


def check_renderer() -> None:
    """Raises ImportError if a package that rendering needs is not installed."""
    check_installed("rooms", _RENDERING, "trimesh", "embreex", "scipy")


def render_room(task: RoomTask) -> list[dict]:
    """All samples of one room, in the form of `keras_lwm.datasets.sample`.

    Raises:
        ValueError: for an unknown config.
        ImportError: if the extra `rooms` is not installed.
    """
    size = size_named(task.config)
    with imports_of("rooms", _RENDERING):
        from keras_lwm.datasets.rooms.camera import choose_cameras
        from keras_lwm.datasets.rooms.capture import measure, photograph
        from keras_lwm.datasets.rooms.render import render
        from keras_lwm.datasets.rooms.room import make_room
        from keras_lwm.datasets.rooms.scene import Scene

    room = make_room(np.random.default_rng([*task.seed, 0]))
    scene = Scene(room.solids)
    cameras = choose_cameras(scene, room, np.random.default_rng([*task.seed, 1]), size.cameras)
    samples = []
    for index, camera in enumerate(cameras):
        rng = np.random.default_rng([*task.seed, 2, index])
        view = render(scene, room, camera, size.height, size.width, rng)
        depth = measure(view.depth, view.incidence, view.specular, rng)
        samples.append(
            {
                "image": photograph(view.colour, rng),
                "depth": depth[..., None],
                "label": view.label,
                "name": f"{task.split}/room_{task.room:04d}/camera_{index}",
            }
        )
    return samples


def frames(split: str, config: str = "default") -> Iterator[dict]:
    """Renders a split in this process, room by room: the samples without TensorFlow's storage.

    Args:
        split: "train", "validation" or "test".
        config: "default", "small" or "tiny".

    Yields:
        Samples: image (H, W, 3) uint8 RGB, depth (H, W, 1) float32 metres with 0 = not measured,
        label (H, W) uint8 with 255 = void, name str.

    Raises:
        ValueError: for an unknown split or config.
        ImportError: if the extra `rooms` is not installed.
    """
    for task in room_tasks(split, config):
        yield from render_room(task)
