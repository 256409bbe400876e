"""A furnished room from a seed: shell, windows, furniture by kind of room, clutter, lamps."""

from dataclasses import dataclass, field

import numpy as np

from keras_lwm.datasets.rooms import fittings, programmes
from keras_lwm.datasets.rooms.arrangement import strew
from keras_lwm.datasets.rooms.furnishing import Furnishing, Lamp
from keras_lwm.datasets.rooms.shell import Layout, make_shell
from keras_lwm.datasets.rooms.solids import Solid


@dataclass(frozen=True, eq=False)
class WindowLight:
    """Daylight of one window: a rectangle (centre, two half edges) facing `normal` into the room.

    sun: the direction from which direct sunlight comes, or None; powers are linear RGB (3,).
    """

    centre: np.ndarray
    half_width: np.ndarray
    half_height: np.ndarray
    normal: np.ndarray
    power: np.ndarray
    sun: np.ndarray | None
    sun_power: np.ndarray


@dataclass(eq=False)
class Room:
    """All that a camera may see. Metres; the room spans (0, 0, 0) to `size`."""

    layout: Layout
    ambient: np.ndarray
    solids: list[Solid] = field(default_factory=list)
    lamps: list[Lamp] = field(default_factory=list)
    windows: list[WindowLight] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)

    @property
    def size(self) -> tuple[float, float, float]:
        return self.layout.width, self.layout.length, self.layout.height

    def add(self, thing: Furnishing, offset, yaw: float, aim_height: float | None = None) -> None:
        """Puts a thing into the room, as something worth looking at."""
        placed = thing.placed(offset, yaw)
        self.solids += placed.solids
        self.lamps += placed.lamps
        height = thing.size[2] * 0.6 if aim_height is None else aim_height
        self.targets.append(np.array([offset[0], offset[1], height]))

    def hang(self, thing: Furnishing, wall: int, s: float, aim_height: float) -> None:
        """Puts a fitting on a wall, its middle at `s`."""
        offset = (*self.layout.at_wall(wall, s, 0.0), 0.0)
        self.add(thing, offset, wall * np.pi / 2, aim_height)


def _add_windows(room, rng, brightness, openings):
    wanted = int(rng.choice([0, 1, 2, 3], p=[0.07, 0.48, 0.35, 0.1]))
    for _ in range(wanted):
        full = rng.random() < 0.15
        low = 0.05 if full else rng.uniform(0.75, 1.05)
        high = min(rng.uniform(1.9, 2.3), room.size[2] - 0.2)
        width = rng.uniform(0.8, 2.0)
        found = room.layout.place_on_wall(rng, (width + 0.3, high - low + 0.15), low - 0.04)
        if found is None:
            continue
        wall, s = found
        openings[wall].append((s - width / 2, s + width / 2, low, high))
        room.hang(fittings.window(rng, width, low, high, brightness), wall, s, (low + high) / 2)
        room.windows.append(_daylight(room.layout, rng, wall, s, width, low, high, brightness))


def _daylight(layout, rng, wall, s, width, low, high, brightness):
    yaw = wall * np.pi / 2
    along = np.array([np.cos(yaw), np.sin(yaw), 0.0], np.float32)
    inward = np.array([-np.sin(yaw), np.cos(yaw), 0.0], np.float32)
    up = np.array([0.0, 0.0, 1.0], np.float32)
    sun = None
    if brightness > 0.8 and rng.random() < 0.3:
        sun = rng.uniform(-0.8, 0.8) * along - inward + rng.uniform(0.35, 1.1) * up
        sun = sun / np.linalg.norm(sun)
    return WindowLight(
        centre=np.array([*layout.at_wall(wall, s, -0.02), (low + high) / 2], np.float32),
        half_width=along * (width / 2),
        half_height=up * ((high - low) / 2),
        normal=inward,
        power=np.array([0.86, 0.95, 1.06], np.float32) * (brightness * rng.uniform(0.7, 1.1)),
        sun=sun,
        sun_power=np.array([1.0, 0.9, 0.74], np.float32) * rng.uniform(1.5, 3.0),
    )


def _add_door(room, rng, openings):
    width, high = rng.uniform(0.78, 0.92), 2.03
    found = room.layout.place_on_wall(rng, (width + 0.12, high + 0.06), 0.0, reach=0.7)
    if found is None:
        return
    wall, s = found
    openings[wall].append((s - width / 2, s + width / 2, 0.0, high))
    room.hang(fittings.door(rng, width, high), wall, s, 1.2)


def _add_pictures(room, rng):
    for _ in range(rng.integers(2, 8)):
        width, height = rng.uniform(0.25, 1.1), rng.uniform(0.25, 0.8)
        middle = rng.uniform(1.35, 1.75)
        base = middle - height / 2 - 0.03
        found = room.layout.place_on_wall(rng, (width + 0.06, height + 0.06), base)
        if found is None:
            continue
        build = fittings.picture if rng.random() < 0.88 else fittings.whiteboard
        room.hang(build(rng, width, height, middle), *found, middle)


def _add_wall_shelves(room, rng):
    for _ in range(rng.integers(0, 3)):
        width, middle = rng.uniform(0.6, 1.2), rng.uniform(1.25, 1.6)
        found = room.layout.place_on_wall(rng, (width, 0.45), middle - 0.05, reach=0.28)
        if found is not None:
            room.hang(fittings.wall_shelf(rng, width, middle), *found, middle)


def make_room(rng: np.random.Generator) -> Room:
    """A room whose every detail follows from `rng`."""
    programme = programmes.choose(rng)
    width, length = rng.uniform(3.0, 4.8), rng.uniform(3.2, 5.6)
    if rng.random() < 0.12:
        length = rng.uniform(7.0, 10.0)
    layout = Layout(width, length, rng.uniform(2.35, 2.95))
    night = rng.random() < 0.25
    brightness = rng.uniform(0.02, 0.08) if night else rng.uniform(0.5, 2.0)
    warmth = rng.uniform(-0.12, 0.12)
    ambient = rng.uniform(0.16, 0.42) * np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    room = Room(layout, ambient)
    openings = [[] for _ in range(4)]
    _add_door(room, rng, openings)
    _add_windows(room, rng, brightness, openings)
    if night or rng.random() < 0.6 or not room.windows:
        spot = (width * rng.uniform(0.35, 0.65), length * rng.uniform(0.35, 0.65), 0.0)
        room.add(fittings.ceiling_lamp(rng, layout.height), spot, 0.0, layout.height - 0.7)
    room.solids += make_shell(rng, layout, openings)
    programmes.furnish(room, rng, programme)
    _add_wall_shelves(room, rng)
    _add_pictures(room, rng)
    strew(room, rng)
    return room
