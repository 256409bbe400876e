"""What is wrong with frames once it is known how to read them, and what is worth a remark.

Some oddities are a fault in a few files and a custom in most, such as labels at half the size of
the images. Where at least half of the files have one, it is a custom, which the readers know how to
take.
"""

import collections
from collections.abc import Iterator

import numpy as np

from keras_lwm.datasets.check.facts import FrameFacts
from keras_lwm.datasets.check.kinds import (
    GREY,
    IDS,
    OTHER_SIZES,
    REPEATED,
    SHARED,
    SIZES,
    UNLABELLED,
    UNUSED,
)
from keras_lwm.datasets.check.reading import Reading
from keras_lwm.datasets.check.report import Finding


def outside_ids(frames: list[FrameFacts], reading: Reading, num_classes: int) -> Iterator[Finding]:
    """A fault for each label file with ids that are neither class nor void."""
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
    """A remark for each label without a labelled pixel."""
    for facts in frames:
        if facts.label is not None and np.isin(facts.label.ids, reading.void_ids).all():
            yield Finding(UNLABELLED, facts.label.file, f"{facts.label.file} is void all over.")


def unused_classes(class_names, labelled: set[int], where: str) -> Iterator[Finding]:
    """A remark for each class without a labelled pixel in `where`, such as "training frame"."""
    for index, name in enumerate(class_names):
        if index not in labelled:
            yield Finding(UNUSED, name, f"The class {name!r} is labelled in no {where}.")


def other_sizes(frames: list[FrameFacts]) -> Iterator[tuple[bool, Finding]]:
    """(whether it is a fault, finding) for labels and depth of another size than their image."""
    unfit = {file for facts in frames for _, file, _ in facts.faults}
    for key in ("label", "depth"):
        pairs = [
            (facts, part)
            for facts in frames
            if (part := getattr(facts, key)) is not None and facts.size is not None
        ]
        others = [(facts, part) for facts, part in pairs if part.size != facts.size]
        is_fault = 2 * len(others) < len(pairs)
        for facts, part in others:
            if part.file not in unfit:
                sentence = (
                    f"{part.file} is {_size(part.size)} (height x width), {facts.image} is "
                    f"{_size(facts.size)} (sizes differ in {len(others)} of {len(pairs)} frames)."
                )
                kind = SIZES if is_fault else OTHER_SIZES
                yield is_fault, Finding(kind, part.file, sentence)


def shared_frames(frames: list[FrameFacts]) -> Iterator[tuple[bool, Finding]]:
    """(whether it is a fault, finding) for names in two splits, and images that are equal."""
    splits = collections.defaultdict(list)
    for facts in frames:
        splits[facts.name].append(facts)
    for name, shared in splits.items():
        if len({facts.split for facts in shared}) > 1:
            told = " and ".join(facts.split for facts in shared)
            sentence = f"The frame {name!r} is in the splits {told}: {shared[0].image}."
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
