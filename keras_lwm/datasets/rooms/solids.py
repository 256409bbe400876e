"""Solids: triangles with a class, a material, smooth normals and texture coordinates.

Metres; x to the right, y away from the wall that a piece stands at, z up.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import trimesh

from keras_lwm.datasets.rooms.materials import Material

_WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Solid:
    """One part of one thing. `triangles`, `normals` and `texture` are (n, 3 corners, 3)."""

    triangles: np.ndarray
    normals: np.ndarray
    texture: np.ndarray
    class_id: int
    material: Material
    tint: tuple = _WHITE

    def placed(self, offset=(0.0, 0.0, 0.0), yaw: float = 0.0) -> "Solid":
        """Turned by `yaw` radians about the z axis, then shifted by `offset` metres."""
        turn = np.array(
            [[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]]
        )
        return self._rotated(turn, offset)

    def tilted(self, pitch: float, pivot) -> "Solid":
        """Turned by `pitch` radians about the x axis through `pivot`: a reclined back."""
        turn = np.array(
            [
                [1.0, 0.0, 0.0],
                [0.0, np.cos(pitch), -np.sin(pitch)],
                [0.0, np.sin(pitch), np.cos(pitch)],
            ]
        )
        pivot = np.asarray(pivot)
        return self._rotated(turn, pivot - turn @ pivot)

    def _rotated(self, turn, offset):
        return replace(
            self,
            triangles=self.triangles @ turn.T + np.asarray(offset),
            normals=self.normals @ turn.T,
        )


@lru_cache(maxsize=64)
def _faceted_box():
    mesh = trimesh.creation.box(extents=(1.0, 1.0, 1.0))
    triangles = np.asarray(mesh.triangles)
    return triangles, np.repeat(np.asarray(mesh.face_normals)[:, None], 3, axis=1)


@lru_cache(maxsize=8)
def _round(kind: str, sections: int):
    if kind == "sphere":
        mesh = trimesh.creation.uv_sphere(radius=1.0, count=(sections, 2 * sections))
        normals = np.asarray(mesh.triangles)
        return np.asarray(mesh.triangles), normals
    mesh = trimesh.creation.cylinder(radius=1.0, height=1.0, sections=sections)
    triangles = np.asarray(mesh.triangles)
    normals = np.repeat(np.asarray(mesh.face_normals)[:, None], 3, axis=1)
    side = np.abs(normals[:, 0, 2]) < 0.5
    normals[side] = triangles[side] * (1.0, 1.0, 0.0)
    return triangles, normals


def _finished(triangles, normals, class_id, material, low, high, unit, tint):
    size = np.maximum(np.asarray(high) - low, 1e-6)
    texture = triangles - np.asarray(low)
    longest_first = np.argsort(-size, kind="stable")
    texture = texture / size if unit else texture[..., longest_first]
    return Solid(triangles, normals, texture, class_id, material, tint)


def box(low, high, class_id: int, material: Material, unit=False, tint=_WHITE) -> Solid:
    """An upright box between two corners; `unit` spans its texture from 0 to 1 over each side."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    triangles, normals = _faceted_box()
    triangles = (triangles + 0.5) * (high - low) + low
    return _finished(triangles, normals, class_id, material, low, high, unit, tint)


def cushion(low, high, class_id: int, material: Material, radius=0.06, tint=_WHITE) -> Solid:
    """A box with its edges rounded by `radius`: each octant of a sphere moved to its corner."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    half, centre = (high - low) / 2.0, (high + low) / 2.0
    radius = min(radius, half.min() * 0.999)
    turn = np.pi / 12.0  # no vertex may lie on a plane between two octants
    sphere, _ = _round("sphere", 7)
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    sphere = sphere @ spin.T
    triangles = centre + np.sign(np.round(sphere, 9)) * (half - radius) + sphere * radius
    return _finished(triangles, sphere, class_id, material, low, high, False, tint)


def ellipsoid(centre, radii, class_id: int, material: Material, tint=_WHITE) -> Solid:
    """A ball stretched to `radii` metres."""
    centre, radii = np.asarray(centre, float), np.asarray(radii, float)
    sphere, _ = _round("sphere", 8)
    normals = sphere / radii
    normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    return _finished(
        sphere * radii + centre,
        normals,
        class_id,
        material,
        centre - radii,
        centre + radii,
        False,
        tint,
    )


def rod(start, end, radius: float, class_id: int, material: Material, tint=_WHITE) -> Solid:
    """A cylinder between two points, of any direction: a leg, a pole, a cup."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    along = end - start
    length = np.linalg.norm(along)
    turn = trimesh.geometry.align_vectors([0.0, 0.0, 1.0], along / length)[:3, :3]
    shape, normals = _round("cylinder", 32 if radius > 0.1 else 12)
    local = (shape + (0.0, 0.0, 0.5)) * (radius, radius, length)
    solid = _finished(
        local,
        normals,
        class_id,
        material,
        (-radius, -radius, 0.0),
        (radius, radius, length),
        False,
        tint,
    )
    return solid._rotated(turn, start)


def turned(profile, base, class_id: int, material: Material, tint=_WHITE) -> Solid:
    """From the lathe: `profile` [(radius, height), ...] turned about the axis over `base`."""
    mesh = trimesh.creation.revolve(np.asarray(profile, float), sections=14)
    triangles = np.asarray(mesh.triangles) + np.asarray(base, float)
    normals = np.asarray(mesh.vertex_normals)[mesh.faces]
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    return _finished(triangles, normals, class_id, material, low, high, False, tint)


def drape(low, high, folds: int, depth: float, class_id: int, material: Material) -> Solid:
    """A curtain: an upright sheet with sine folds of `depth` metres between two corners."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    phase = np.linspace(0.0, 2.0 * np.pi * folds, 10 * folds + 1)
    across = np.linspace(low[0], high[0], phase.size)
    fold = (low[1] + high[1]) / 2.0 + depth / 2.0 * np.sin(phase)
    slope = depth / 2.0 * np.cos(phase) * 2.0 * np.pi * folds / (high[0] - low[0])
    normal = np.stack([-slope, np.ones_like(slope), np.zeros_like(slope)], axis=1)
    normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    bottom = np.stack([across, fold, np.full_like(fold, low[2])], axis=1)
    top = np.stack([across, fold, np.full_like(fold, high[2])], axis=1)
    corners = [(bottom[:-1], bottom[1:], top[1:]), (bottom[:-1], top[1:], top[:-1])]
    triangles = np.concatenate([np.stack(three, axis=1) for three in corners])
    ends = [(normal[:-1], normal[1:], normal[1:]), (normal[:-1], normal[1:], normal[:-1])]
    normals = np.concatenate([np.stack(three, axis=1) for three in ends])
    return _finished(triangles, normals, class_id, material, low, high, False, _WHITE)
