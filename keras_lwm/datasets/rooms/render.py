"""One view of a room: linear colour, z depth, labels, and what the depth sensor needs to know."""

from dataclasses import dataclass

import numpy as np

from keras_lwm.datasets.rooms.camera import Camera
from keras_lwm.datasets.rooms.lighting import ambient, direct
from keras_lwm.datasets.rooms.room import Room
from keras_lwm.datasets.rooms.scene import Hits, Scene, dots, unit
from keras_lwm.void import VOID

SUBPIXELS = ((-0.26, -0.1), (-0.1, 0.26), (0.26, 0.1), (0.1, -0.26))  # a rotated grid
SMOOTHING = (
    (1, 2),
    (3, 6),
    (7,),
)  # pixels to each side over which the light samples are averaged, pass by pass


@dataclass(frozen=True, eq=False)
class View:
    """(H, W) images: colour (H, W, 3) linear RGB, depth float32 metres along the optical axis."""

    colour: np.ndarray
    depth: np.ndarray
    label: np.ndarray
    incidence: np.ndarray  # cosine between the ray and the surface's normal
    specular: np.ndarray  # bool: glass and screens


def _rays(scene, camera, directions) -> Hits:
    return scene.cast(np.broadcast_to(camera.position, directions.shape), directions)


def _smooth(light, facets):
    """Averages light (H, W, C) over neighbours of the same facet, wider from pass to pass."""
    for steps in SMOOTHING:
        for axis in (0, 1):
            total, count = light.copy(), np.ones(facets.shape, np.float32)
            for step in steps:
                first, second = [slice(None)] * 2, [slice(None)] * 2
                first[axis], second[axis] = slice(None, -step), slice(step, None)
                first, second = tuple(first), tuple(second)
                same = (facets[first] == facets[second]).astype(np.float32)
                total[first] += light[second] * same[..., None]
                total[second] += light[first] * same[..., None]
                count[first] += same
                count[second] += same
            light = total / count[..., None]
    return light


def _edges(owners):
    """Pixels with a neighbour, across or above, that shows another solid."""
    edge = np.zeros(owners.shape, bool)
    across, down = owners[:, 1:] != owners[:, :-1], owners[1:] != owners[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _colour(scene, hits, light, shine):
    glow = scene.per_solid("glow")[hits.solids][:, None]
    gloss = scene.per_solid("gloss")[hits.solids][:, None]
    albedo = scene.albedo(hits)
    return np.where(glow > 0.0, albedo * glow, albedo * light + gloss * shine)


def _light_nearby(light, owners, rows, columns, wanted):
    """The light of the nearest of 9 pixels that shows the wanted solid, else of the middle one."""
    height, width = owners.shape
    result = light[rows, columns]
    missing = owners[rows, columns] != wanted
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        r = np.clip(rows + down, 0, height - 1)
        c = np.clip(columns + right, 0, width - 1)
        match = missing & (owners[r, c] == wanted)
        result[match] = light[r[match], c[match]]
        missing &= ~match
    return result


def render(scene: Scene, room: Room, camera: Camera, height: int, width: int, rng) -> View:
    """Ray-casts a view of height x width pixels.

    Depth and label are those of the ray through a pixel's middle. Colour at the edges of solids is
    the mean of that ray and four more; a pixel is void where two of the four see another class.
    """
    directions = camera.pixel_rays(height, width).astype(np.float32)
    hits = _rays(scene, camera, directions)
    views, _ = unit(-directions)
    diffuse, shine = direct(scene, room, hits, views, rng)
    diffuse += ambient(scene, room, hits, rng)
    shape = (height, width)
    owners = hits.solids.reshape(shape)
    facets = owners * 6 + _dominant_face(hits.normals).reshape(shape)
    light = _smooth(np.concatenate([diffuse, shine], axis=1).reshape(*shape, 6), facets)
    flat = light.reshape(-1, 6)
    colour = _colour(scene, hits, flat[:, :3], flat[:, 3:]).reshape(*shape, 3)
    label = np.where(hits.found, scene.class_ids[hits.solids], VOID).reshape(shape)
    _refine_edges(scene, camera, colour, label, owners, light)
    specular = scene.per_solid("specular")[hits.solids] > 0
    incidence = np.abs(dots(hits.normals, views))
    return View(
        colour,
        hits.distance.reshape(shape),
        label.astype(np.uint8),
        incidence.reshape(shape),
        specular.reshape(shape),
    )


def _dominant_face(normals):
    """0 to 5: the axis and the sign that a normal mostly points to."""
    axis = np.argmax(np.abs(normals), axis=1)
    return 2 * axis + (normals[np.arange(axis.size), axis] > 0)


def _refine_edges(scene, camera, colour, label, owners, light):
    """Antialiases the pixels at edges in place, and makes void those that show two classes."""
    height, width = owners.shape
    rows, columns = np.nonzero(_edges(owners))
    mixed = np.zeros(rows.size, np.int64)
    middle = label[rows, columns]
    for down, right in SUBPIXELS:
        directions = camera.directions(height, width, rows + 0.5 + down, columns + 0.5 + right)
        hits = _rays(scene, camera, directions)
        near = _light_nearby(light, owners, rows, columns, hits.solids)
        colour[rows, columns] += _colour(scene, hits, near[:, :3], near[:, 3:])
        mixed += scene.class_ids[hits.solids] != middle
    colour[rows, columns] /= 1 + len(SUBPIXELS)
    border = mixed >= 2
    label[rows[border], columns[border]] = VOID
