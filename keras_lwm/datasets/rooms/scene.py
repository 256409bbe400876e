"""A room's triangles in Embree: what rays hit, and whether anything blocks them."""

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

SKIN = 2e-3  # metres a secondary ray starts off its surface, or stops short of its goal


def dots(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Row by row, the products of two lists of vectors: (n, 3), (n, 3) -> (n,)."""
    return np.einsum("ij,ij->i", one, other)


def unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vectors (n, 3) at length 1, and their lengths (n,)."""
    lengths = np.sqrt(dots(vectors, vectors))
    return vectors / np.maximum(lengths, 1e-6)[:, None], lengths


@dataclass(frozen=True, eq=False)
class Hits:
    """The first surface along each of n rays; `found` (n,) tells which rays met one."""

    found: np.ndarray
    distance: np.ndarray  # (n,) in lengths of the ray's direction
    points: np.ndarray  # (n, 3) metres
    normals: np.ndarray  # (n, 3) unit, towards the ray's origin
    texture: np.ndarray  # (n, 3)
    solids: np.ndarray  # (n,) index into the room's solids


class Scene:
    """Ray queries on a list of solids."""

    def __init__(self, solids):
        self.solids = solids
        triangles = np.concatenate([solid.triangles for solid in solids]).astype(np.float32)
        self._normals = np.concatenate([s.normals for s in solids]).astype(np.float32)
        self._texture = np.concatenate([s.texture for s in solids]).astype(np.float32)
        self._owner = np.repeat(np.arange(len(solids)), [len(s.triangles) for s in solids])
        self._flat = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        length = np.linalg.norm(self._flat, axis=1, keepdims=True)
        self._flat = self._flat / np.maximum(length, 1e-12)
        self.class_ids = np.array([solid.class_id for solid in solids], np.uint8)
        self.tints = np.array([solid.tint for solid in solids], np.float32)
        self._embree = EmbreeScene()
        self._mesh = TriangleMesh(self._embree, triangles)

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """First hits of rays from `origins` (n, 3) along `directions` (n, 3), of any length."""
        origins = np.ascontiguousarray(origins, np.float32)
        directions = np.ascontiguousarray(directions, np.float32)
        answer = self._embree.run(origins, directions, output=True)
        found = answer["primID"] >= 0
        triangle = np.where(found, answer["primID"], 0)
        u, v = answer["u"][:, None], answer["v"][:, None]
        distance = np.where(found, answer["tfar"], 0.0).astype(np.float32)

        def interpolated(corners):
            three = corners[triangle]
            return three[:, 0] * (1.0 - u - v) + three[:, 1] * u + three[:, 2] * v

        normals, _ = unit(interpolated(self._normals))
        flat = self._flat[triangle]
        # A sheet has two faces: turn the normal by the side of the triangle that the ray meets.
        side = np.sign(-dots(flat, directions)) * np.sign(dots(flat, normals))
        normals = normals * side[:, None]
        return Hits(
            found,
            distance,
            origins + directions * distance[:, None],
            normals,
            interpolated(self._texture),
            self._owner[triangle],
        )

    def blocked(self, origins, directions, distances) -> np.ndarray:
        """Whether something lies within `distances` (n,) along unit `directions` (n, 3)."""
        answer = self._embree.run(
            np.ascontiguousarray(origins, np.float32),
            np.ascontiguousarray(directions, np.float32),
            dists=np.ascontiguousarray(distances, np.float32),
            query="OCCLUDED",
        )
        return answer >= 0

    def albedo(self, hits: Hits) -> np.ndarray:
        """Linear RGB (n, 3) of the surfaces hit, one evaluation for each material seen."""
        materials = {}
        for index in np.unique(hits.solids):
            materials.setdefault(id(self.solids[index].material), []).append(index)
        order = np.argsort(hits.solids, kind="stable")
        ranked = hits.solids[order]
        colours = np.zeros((hits.solids.size, 3), np.float32)
        for owners in materials.values():
            starts = np.searchsorted(ranked, owners, "left")
            ends = np.searchsorted(ranked, owners, "right")
            rows = np.concatenate([order[a:b] for a, b in zip(starts, ends, strict=True)])
            colours[rows] = self.solids[owners[0]].material.albedo(hits.texture[rows])
        return colours * self.tints[hits.solids]

    def per_solid(self, attribute: str) -> np.ndarray:
        """A number of each solid's material, such as its gloss."""
        return np.array([getattr(solid.material, attribute) for solid in self.solids], np.float32)
