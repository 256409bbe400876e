"""Light that arrives at surfaces, with shadows: ambient, of lamps, of windows, of the sun."""

import numpy as np

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


def direct(scene: Scene, room: Room, hits: Hits, views, rng):
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
