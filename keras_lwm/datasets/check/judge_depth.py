"""What is wrong with depth once its unit is known, and what is worth a remark.

NaN, infinite or negative numbers are a custom where at least half of the files have them, and then
mean "not measured"; in a few files they are a fault.
"""

from collections.abc import Iterator

import numpy as np

from keras_lwm.datasets.check.facts import FrameFacts
from keras_lwm.datasets.check.kinds import DEPTH, HOLES, SATURATED
from keras_lwm.datasets.check.reading import Reading, is_likely
from keras_lwm.datasets.check.report import Finding

_LARGEST_16_BITS = 65535
# A frame's median may lie this many times nearer or farther than the set's before it is questioned.
_UNUSUAL = 10
_EXPECTED = "a unit of {unit:g} m: expected 0.1 to 80 m, or unusual_depth=True if it is right."


def depth_findings(
    frames: list[FrameFacts], reading: Reading, unusual_depth: bool
) -> Iterator[tuple[bool, Finding]]:
    """(whether it is a fault, finding) for depth that is odd, empty, or at an unlikely distance."""
    depths = [facts.depth for facts in frames if facts.depth is not None]
    yield from ((True, finding) for finding in _empty(depths))
    yield from _odd_values([depth for depth in depths if depth.measured])
    for depth in depths:
        if depth.is_png and depth.largest == _LARGEST_16_BITS:
            sentence = (
                f"{depth.file} holds {_LARGEST_16_BITS}, the largest value of 16 bits: expected 0 "
                "for what was not measured."
            )
            yield False, Finding(SATURATED, depth.file, sentence)
    if reading.depth_unit is None:
        yield from ((True, finding) for finding in _without_unit(depths))
    if not unusual_depth:
        yield from ((True, finding) for finding in _unlikely(depths, reading))


def _empty(depths):
    for depth in depths:
        if not depth.measured:
            yield Finding(
                DEPTH,
                depth.file,
                f"{depth.file} measures nothing: {_odd(depth) or 'all pixels are 0'}; a frame "
                "without depth has no file.",
            )


def _odd_values(depths):
    for kind in ("NaN", "infinite", "negative"):
        having = [depth for depth in depths if kind in depth.odd]
        is_fault = 2 * len(having) < len(depths)
        for depth in having:
            sentence = (
                f"{depth.file} holds {depth.odd[kind]} pixels that are {kind} (found in "
                f"{len(having)} of {len(depths)} files): expected 0 for what was not measured."
            )
            yield is_fault, Finding(DEPTH if is_fault else HOLES, depth.file, sentence)


def _without_unit(depths):
    for depth in depths:
        if depth.is_png:
            sentence = f"{depth.file} counts units, beside arrays that are in metres."
            yield Finding(DEPTH, depth.file, sentence)


def _unlikely(depths, reading):
    unit = reading.depth_unit or 1.0
    known = [depth for depth in depths if reading.depth_unit is not None or not depth.is_png]
    measured = [depth for depth in known if depth.measured]
    if not measured:
        return
    typical = float(np.median([depth.median for depth in measured])) * unit
    if not is_likely(typical):
        nearest = min(measured, key=lambda depth: abs(depth.median * unit - typical))
        sentence = f"The depth files, such as {nearest.file}, have a median of {typical:.3g} m"
        yield Finding(DEPTH, nearest.file, f"{sentence} with {_EXPECTED.format(unit=unit)}")
        return
    for depth in measured:
        median = depth.median * unit
        if not is_likely(median) and not typical / _UNUSUAL < median < typical * _UNUSUAL:
            sentence = f"{depth.file} has a median depth of {median:.3g} m (all: {typical:.3g} m)"
            yield Finding(DEPTH, depth.file, f"{sentence} with {_EXPECTED.format(unit=unit)}")


def _odd(depth):
    return ", ".join(f"{number} pixels are {kind}" for kind, number in depth.odd.items())
