"""What is wrong with depth once its unit is known, and what is worth a warning.

NaN, infinite or negative numbers are a custom where at least half of the files have them, and then
mean "not measured"; in a few files they are an error.
"""

import collections
from collections.abc import Iterator

import numpy as np

from keras_lwm.datasets.check.facts import FrameFacts
from keras_lwm.datasets.check.reading import Reading, is_likely
from keras_lwm.datasets.check.report import (
    DEPTH,
    GREY,
    HOLES,
    IDS,
    OTHER_SIZES,
    REPEATED,
    SATURATED,
    SHARED,
    SIZES,
    UNLABELLED,
    UNUSED,
    Finding,
)


def outside_ids(frames: list[FrameFacts], reading: Reading, num_classes: int) -> Iterator[Finding]:
    """An error for each label file with ids that are neither class nor void."""
    for facts in frames:
        if facts.label is None:
            continue
        outside = ~reading.fits(facts.label.ids, num_classes)
        if outside.any():
            found = ", ".join(
                f"{label_id} ({count} pixels)"
                for label_id, count in zip(
                    facts.label.ids[outside], facts.label.counts[outside], strict=True
                )
            )
            many = "s" if outside.sum() > 1 else ""
            yield Finding(
                IDS,
                facts.label.file,
                f"{facts.label.file} holds the label id{many} {found}: expected "
                f"{reading.first_id} to {reading.first_id + num_classes - 1}, or "
                f"{' or '.join(map(str, reading.void_ids))} for void.",
            )


def unlabelled(frames: list[FrameFacts], reading: Reading) -> Iterator[Finding]:
    """A warning for each label without a labelled pixel."""
    for facts in frames:
        if facts.label is not None and np.isin(facts.label.ids, reading.void_ids).all():
            yield Finding(UNLABELLED, facts.label.file, f"{facts.label.file} is void all over.")


def unused_classes(class_names, labelled: set[int], where: str) -> Iterator[Finding]:
    """A warning for each class without a labelled pixel in `where`, such as "training frame"."""
    for index, name in enumerate(class_names):
        if index not in labelled:
            yield Finding(UNUSED, name, f"The class {name!r} is labelled in no {where}.")


def other_sizes(frames: list[FrameFacts], aligned: bool) -> Iterator[tuple[bool, Finding]]:
    """(whether it is an error, finding) for labels and depth of another size than their image.

    Depth that is to be aligned is of another camera, and may have any size.
    """
    unfit = {file for facts in frames for _, file, _ in facts.errors}
    for key in ("label",) if aligned else ("label", "depth"):
        pairs = [
            (facts, part)
            for facts in frames
            if (part := getattr(facts, key)) is not None and facts.size is not None
        ]
        others = [(facts, part) for facts, part in pairs if part.size != facts.size]
        is_error = 2 * len(others) < len(pairs)
        for facts, part in others:
            if part.file not in unfit:
                sentence = (
                    f"{part.file} is {_size(part.size)} (height x width), {facts.image} is "
                    f"{_size(facts.size)} (sizes differ in {len(others)} of {len(pairs)} frames)."
                )
                kind = SIZES if is_error else OTHER_SIZES
                yield is_error, Finding(kind, part.file, sentence)


def shared_frames(frames: list[FrameFacts]) -> Iterator[tuple[bool, Finding]]:
    """(whether it is an error, finding) for names in two splits, and images that are equal."""
    splits = collections.defaultdict(list)
    for facts in frames:
        splits[facts.name].append(facts)
    for name, shared in splits.items():
        if len({facts.split for facts in shared}) > 1:
            names = " and ".join(facts.split for facts in shared)
            sentence = f"The frame {name!r} is in the splits {names}: {shared[0].image}."
            yield True, Finding(SHARED, shared[0].image, sentence)
    first = {}
    for facts in frames:
        if facts.digest is None:
            continue
        other = first.setdefault(facts.digest, facts)
        if other.name == facts.name:
            continue
        if other.split == facts.split:
            sentence = f"{facts.image} is, pixel by pixel, {other.image}."
            yield False, Finding(REPEATED, facts.image, sentence)
        else:
            sentence = (
                f"{facts.image} in the split {facts.split} is, pixel by pixel, {other.image} in "
                f"the split {other.split}."
            )
            yield True, Finding(SHARED, facts.image, sentence)


def grey_images(frames: list[FrameFacts]) -> Iterator[Finding]:
    for facts in frames:
        if facts.is_grey:
            yield Finding(GREY, facts.image, f"{facts.image} has no colour.")


def _size(size):
    return f"{size[0]}x{size[1]}"


# Of 16 and 32 bits, as float32 has them.
_LARGEST = {float(np.float32(value)): value for value in (65535, 2**31 - 1, 2**32 - 1)}
# A frame's median may lie this many times nearer or farther than the set's before it is questioned.
_UNUSUAL = 10
_EXPECTED = "a unit of {unit:g} m: expected 0.1 to 80 m, or unusual_depth=True if it is right."


def depth_findings(
    frames: list[FrameFacts], reading: Reading, unusual_depth: bool
) -> Iterator[tuple[bool, Finding]]:
    """(whether it is an error, finding) for depth that is odd, empty or at an unlikely distance."""
    depths = [facts.depth for facts in frames if facts.depth is not None]
    yield from ((True, finding) for finding in _empty(depths))
    yield from _odd_values([depth for depth in depths if depth.measured])
    for depth in depths:
        if depth.is_counted and depth.largest in _LARGEST:
            value = _LARGEST[depth.largest]
            sentence = (
                f"{depth.file} holds {value}, the largest value of its bits: expected 0 for what "
                f"was not measured, or --depth-none {value}."
            )
            yield False, Finding(SATURATED, depth.file, sentence)
    if reading.depth_unit is None and not reading.facts_in_metres:
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
        is_error = 2 * len(having) < len(depths)
        for depth in having:
            sentence = (
                f"{depth.file} holds {depth.odd[kind]} pixels that are {kind} (found in "
                f"{len(having)} of {len(depths)} files): expected 0 for what was not measured."
            )
            yield is_error, Finding(DEPTH if is_error else HOLES, depth.file, sentence)


def _without_unit(depths):
    for depth in depths:
        if depth.is_counted:
            sentence = f"{depth.file} counts units, beside arrays that are in metres."
            yield Finding(DEPTH, depth.file, sentence)


def _unlikely(depths, reading):
    unit = reading.metres_per_number
    in_metres = reading.depth_unit is None
    known = [depth for depth in depths if not (in_metres and depth.is_counted)]
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
