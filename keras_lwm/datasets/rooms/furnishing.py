"""A furnishing: the solids of one thing in its own frame, and what it offers to the room.

Its frame: origin on the floor under the middle of the footprint, back at y = -depth / 2, front
towards +y.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from keras_lwm.datasets.rooms.solids import Solid


@dataclass(frozen=True)
class Surface:
    """A level rectangle on which clutter may stand, with `clearance` metres of free height."""

    x: tuple[float, float]
    y: tuple[float, float]
    z: float
    clearance: float = 0.6


@dataclass(frozen=True, eq=False)
class Lamp:
    """A ball of light: centre (3,) in metres, radius in metres, power (3,) linear RGB."""

    centre: np.ndarray
    radius: float
    power: np.ndarray


@dataclass(frozen=True, eq=False)
class Furnishing:
    """`size` is width, depth, height in metres: the box that holds every solid."""

    size: tuple[float, float, float]
    solids: list[Solid]
    surfaces: list[Surface] = field(default_factory=list)
    lamps: list[Lamp] = field(default_factory=list)

    def placed(self, offset, yaw: float = 0.0) -> "Furnishing":
        """The same thing elsewhere. Surfaces stay in the thing's own frame: fill them before."""
        cos, sin = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return replace(
            self,
            solids=[solid.placed(offset, yaw) for solid in self.solids],
            lamps=[
                replace(lamp, centre=(turn @ lamp.centre + offset).astype(np.float32))
                for lamp in self.lamps
            ],
        )

    def holding(self, other: "Furnishing") -> "Furnishing":
        """This thing with another standing on or in it, within its footprint."""
        top = max(solid.triangles[..., 2].max() for solid in other.solids)
        return replace(
            self,
            size=(*self.size[:2], max(self.size[2], float(top))),
            solids=self.solids + other.solids,
            lamps=self.lamps + other.lamps,
        )
