"""Pinhole cameras, held at a person's height and pointed at something worth seeing."""

from dataclasses import dataclass

import numpy as np

from keras_lwm.datasets.rooms.catalogue import (
    BED,
    BOOKS,
    CEILING,
    CHAIR,
    CLASS_NAMES,
    FLOOR,
    OBJECTS,
    PICTURE,
    SOFA,
    TABLE,
    TV,
    WALL,
    WINDOW,
)
from keras_lwm.datasets.rooms.room import Room
from keras_lwm.datasets.rooms.scene import Scene

FIELD_OF_VIEW = np.deg2rad(60.0)  # horizontal, that of the first Kinect and its kin
CANDIDATES = 14
_PROBE = (18, 24)
# How much a class is worth seeing: books and screens are small, and would be rare otherwise.
_WORTH = np.ones(len(CLASS_NAMES))
_WORTH[[BOOKS, TV]] = 2.2, 2.8
_WORTH[[BED, SOFA, PICTURE]] = 1.5
_WORTH[[CHAIR, OBJECTS, TABLE, WINDOW]] = 1.2
_WORTH[[CEILING, FLOOR, WALL]] = 1.2, 0.8, 0.5


@dataclass(frozen=True, eq=False)
class Camera:
    """position (3,) metres; rotation (3, 3): columns are right, down, forward in the room."""

    position: np.ndarray
    rotation: np.ndarray

    def directions(self, height: int, width: int, rows, columns) -> np.ndarray:
        """Rays (n, 3) through image points; 0.5 is the middle of the first pixel.

        Their length along the optical axis is 1, so that a hit's distance is its z depth in metres.
        """
        focal = width / 2.0 / np.tan(FIELD_OF_VIEW / 2.0)
        x = (np.asarray(columns) - width / 2.0) / focal
        y = (np.asarray(rows) - height / 2.0) / focal
        return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ self.rotation.T

    def pixel_rays(self, height: int, width: int) -> np.ndarray:
        """Rays (height * width, 3) through the middle of every pixel, row by row."""
        rows, columns = np.mgrid[0:height, 0:width] + 0.5
        return self.directions(height, width, rows, columns)


def look(position, target, roll: float = 0.0) -> Camera:
    """A camera at `position` facing `target` (3,), turned by `roll` radians about its axis."""
    position = np.asarray(position, float)
    forward = np.asarray(target, float) - position
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    down = np.cross(forward, right)
    tilted = np.cos(roll) * right + np.sin(roll) * down
    return Camera(position, np.stack([tilted, np.cross(forward, tilted), forward], axis=1))


def _stand(room: Room, rng):
    """A free place for whoever holds the camera, at the height of the eyes or the chest."""
    width, length, height = room.size
    for _ in range(60):
        spot = rng.uniform((0.35, 0.35), (width - 0.35, length - 0.35))
        if all(
            not (x0 - 0.2 < spot[0] < x1 + 0.2 and y0 - 0.2 < spot[1] < y1 + 0.2)
            for x0, y0, x1, y1, _, _ in room.layout.taken
        ):
            return np.array([*spot, min(rng.uniform(1.15, 1.75), height - 0.3)])
    return np.array([*spot, height - 0.3])  # no floor is free: above what stands on it


def _try(room: Room, rng) -> Camera | None:
    """A camera somewhere, pointed about at something; None if it stands too close to that."""
    position = _stand(room, rng)
    target = room.targets[rng.integers(len(room.targets))]
    target = target + rng.normal(0.0, (0.25, 0.25, 0.15))
    if rng.random() < 0.4:  # level or a little up, not at the thing's own height
        target[2] = position[2] + rng.uniform(-0.25, 0.5)
    if np.hypot(*(target - position)[:2]) < 0.9:
        return None
    return look(position, target, rng.normal(0.0, 0.025))


def _probe(scene: Scene, camera: Camera):
    """Depths and class ids along a coarse grid of rays."""
    directions = camera.pixel_rays(*_PROBE)
    hits = scene.cast(np.broadcast_to(camera.position, directions.shape), directions)
    ids = scene.class_ids[hits.solids]
    return hits.distance, ids[ids < len(CLASS_NAMES)]


def _score(scene: Scene, camera: Camera, seen) -> float:
    """How much a view shows: many classes, rare ones and unseen ones first; nothing too near."""
    depths, ids = _probe(scene, camera)
    if np.mean(depths < 0.7) > 0.04:
        return -1.0
    shares = np.bincount(ids, minlength=len(CLASS_NAMES)) / depths.size
    value = np.sqrt(np.minimum(shares, 0.2)) * _WORTH / (1.0 + 0.5 * seen)
    bare = shares[WALL] + 0.5 * shares[[CEILING, FLOOR]].sum()
    return float(value.sum() - 3.0 * max(0.0, bare - 0.4))


def _alike(one: Camera, other: Camera) -> bool:
    """Whether two cameras stand close to each other and look the same way."""
    near = np.linalg.norm(one.position - other.position) < 1.2
    return bool(near and one.rotation[:, 2] @ other.rotation[:, 2] > 0.85)


def choose_cameras(scene: Scene, room: Room, rng, count: int) -> list[Camera]:
    """`count` views of a room, each the best of a few tries, preferably none twice the same."""
    cameras, seen = [], np.zeros(len(CLASS_NAMES))
    while len(cameras) < count:
        tries = [_try(room, rng) for _ in range(CANDIDATES)]
        tries = [camera for camera in tries if camera is not None]
        if not tries:
            centre = np.array(room.size) / 2
            tries = [look(_stand(room, rng), centre + (0.3, 0.2, -0.3))]
        scores = [
            _score(scene, camera, seen) - 3.0 * sum(_alike(camera, other) for other in cameras)
            for camera in tries
        ]
        best = tries[int(np.argmax(scores))]
        seen[np.unique(_probe(scene, best)[1])] += 1
        cameras.append(best)
    return cameras
