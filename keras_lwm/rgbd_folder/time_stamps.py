"""Pairs of pictures by the times that they are named after."""

import collections
import math
from collections.abc import Iterable, Sequence

import numpy as np


def pair_nearest(
    times: Sequence[float], other_times: Sequence[float], within: float
) -> dict[int, int]:
    """Pairs each time with the nearest other one, each used once, the nearest pairs first.

    As `associate.py` of the TUM RGB-D benchmark does it (Sturm, Engelhard, Endres, Burgard and
    Cremers, "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012).

    Args:
        times, other_times: seconds, in any order.
        within: seconds; nothing farther apart is paired.

    Returns:
        Index into `times` -> index into `other_times`, of those that are paired.
    """
    order = np.argsort(other_times, kind="stable")
    ordered = np.asarray(other_times, np.float64)[order]
    candidates = []
    for index, time in enumerate(times):
        first = np.searchsorted(ordered, time - within, side="left")
        last = np.searchsorted(ordered, time + within, side="right")
        # One beyond on either side: a difference of exactly `within` may round either way.
        for position in range(max(first - 1, 0), min(last + 1, len(ordered))):
            distance = abs(float(ordered[position]) - time)
            if distance <= within:
                candidates.append((distance, index, int(order[position])))
    pairs, used = {}, set()
    for _, index, other in sorted(candidates):
        if index not in pairs and other not in used:
            pairs[index] = other
            used.add(other)
    return pairs


def pair_keys(
    images: Iterable[tuple], depths: Iterable[tuple], fields: Sequence[str], within: float
) -> dict[tuple, tuple]:
    """Pairs images with depths by the time that the field `name` is, among equal other fields.

    Args:
        images, depths: keys, each a tuple of what the fields stand for.
        fields: the names of these fields.
        within: as of `pair_nearest`.

    Raises:
        ValueError: if there is no field `name`, or it is no time.
    """
    if "name" not in fields:
        raise ValueError(
            f"Expected a field {{name}}, a time in seconds, for pair_within; received the fields "
            f"{', '.join(fields)}."
        )
    position = list(fields).index("name")

    def by_scene(keys):
        groups = collections.defaultdict(dict)
        for key in keys:
            groups[key[:position] + key[position + 1 :]][key] = _seconds(key[position])
        return groups

    pairs, images_of = {}, by_scene(images)
    for scene, others in by_scene(depths).items():
        times = images_of.get(scene, {})
        keys, other_keys = list(times), list(others)
        nearest = pair_nearest(list(times.values()), list(others.values()), within)
        pairs.update({keys[index]: other_keys[other] for index, other in nearest.items()})
    return pairs


def _seconds(name):
    try:
        seconds = float(name)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError(
            "Expected names that are times in seconds, such as 1305031102.175304, for "
            f"pair_within; received {name!r}."
        )
    return seconds
