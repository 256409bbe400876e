"""One view of a room: linear colour, z depth, labels, and what the depth sensor needs to know."""

from dataclasses import dataclass

import numpy as np

from keras_lwm.datasets.rooms.camera import Camera
from keras_lwm.datasets.rooms.catalogue import VOID
from keras_lwm.datasets.rooms.room import Room, WindowLight
from keras_lwm.datasets.rooms.scene import SKIN, Hits, Scene, dots, unit

OCCLUSION_RAYS = 2
OCCLUSION_REACH = 0.9  # metres
MAX_LIGHTS = 4
_HIGHLIGHT = 45.0


def _uniform(rng, shape):
    """Single precision numbers from -1 to 1: half the time of double, and Embree has no more."""
    return 2.0 * rng.random(shape, dtype=np.float32) - 1.0


def _on_sphere(rng, count):
    height = _uniform(rng, count)
    angle = np.float32(np.pi) * _uniform(rng, count)
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)


def ambient(scene: Scene, room: Room, hits: Hits, rng) -> np.ndarray:
    """Light from everywhere (n, 3), less of it in corners and under things."""
    origins = hits.points + SKIN * hits.normals
    open_share = np.zeros(hits.solids.size, np.float32)
    for _ in range(OCCLUSION_RAYS):
        # normal + a point on the unit sphere: directions by the cosine law
        directions, _ = unit(hits.normals + 0.999 * _on_sphere(rng, hits.solids.size))
        reach = np.full(hits.solids.size, OCCLUSION_REACH, np.float32)
        open_share += ~scene.blocked(origins, directions, reach)
    open_share /= OCCLUSION_RAYS
    from_above = 0.9 + 0.2 * hits.normals[:, 2]
    return (0.25 + 0.75 * open_share)[:, None] * from_above[:, None] * room.ambient


def _visible(scene, hits, towards, distances, cosines):
    """1 where the way is free and the surface faces the light, else 0."""
    lit = np.flatnonzero(cosines > 0.0)
    visible = np.zeros(cosines.size, np.float32)
    if lit.size:
        origins = hits.points[lit] + SKIN * hits.normals[lit]
        reach = np.maximum(distances[lit] - 3 * SKIN, SKIN)
        visible[lit] = ~scene.blocked(origins, towards[lit], reach)
    return visible


def _sample_lamp(lamp, hits, rng):
    goals = lamp.centre + lamp.radius * _on_sphere(rng, hits.solids.size)
    towards, distance = unit(goals - hits.points)
    return towards, distance, lamp.power / (distance**2 + 0.35)[:, None]


def _sample_window(window: WindowLight, hits, rng):
    across, up = _uniform(rng, (2, hits.solids.size, 1))
    goals = window.centre + across * window.half_width + up * window.half_height
    towards, distance = unit(goals - hits.points)
    area = 4 * np.linalg.norm(window.half_width) * np.linalg.norm(window.half_height)
    facing = np.maximum(-(towards @ window.normal), 0.0)
    return towards, distance, window.power * (area * facing / (distance**2 + 0.5))[:, None]


def _sample_sun(window: WindowLight, hits):
    """Parallel light that came through the window's opening."""
    towards = np.broadcast_to(window.sun, hits.points.shape)
    distance = ((window.centre - hits.points) @ window.normal) / (window.sun @ window.normal)
    crossing = hits.points + distance[:, None] * towards - window.centre
    inside = distance > 0.0
    for half in (window.half_width, window.half_height):
        inside &= np.abs(crossing @ half) < half @ half
    return towards, np.maximum(distance, SKIN), window.sun_power * inside[:, None]


def direct(scene: Scene, room: Room, hits: Hits, views, rng) -> np.ndarray:
    """Light from lamps and windows (n, 3), and the highlight it leaves on gloss (n, 3).

    `views` (n, 3): unit directions from the surfaces to the camera.
    """
    diffuse = np.zeros((hits.solids.size, 3), np.float32)
    highlight = np.zeros_like(diffuse)
    samplers = [lambda w=w: _sample_sun(w, hits) for w in room.windows if w.sun is not None]
    samplers += [lambda w=w: _sample_window(w, hits, rng) for w in room.windows]
    strongest = sorted(room.lamps, key=lambda lamp: -lamp.power.sum())
    samplers += [lambda lamp=lamp: _sample_lamp(lamp, hits, rng) for lamp in strongest]
    for sample in samplers[:MAX_LIGHTS]:
        towards, distance, power = sample()
        cosine = dots(towards, hits.normals)
        cosine = np.where(power.sum(axis=1) > 0.0, cosine, 0.0)
        power = power * _visible(scene, hits, towards, distance, cosine)[:, None]
        diffuse += power * np.maximum(cosine, 0.0)[:, None]
        middle, _ = unit(towards + views)
        shine = np.maximum(dots(middle, hits.normals), 0.0) ** _HIGHLIGHT
        highlight += power * shine[:, None]
    return diffuse, highlight


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
