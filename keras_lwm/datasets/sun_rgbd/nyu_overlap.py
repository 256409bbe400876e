"""Keeps NYU Depth V2's test frames out of SUN RGB-D's training frames, and the other way round.

SUN RGB-D holds all 1,449 labelled frames of NYU Depth V2, as `kv1/NYUdata/NYU0001` to `NYU1449` by
their official numbers. As published, the lists of both agree on which are for training; with other
lists, a network trained on the one would have seen test frames of the other.
"""

import re
from collections.abc import Iterable, Mapping

_NYU_FRAME = re.compile(r"kv1/NYUdata/NYU(\d+)", re.IGNORECASE)


def nyu_numbers(names: Iterable[str]) -> set[int]:
    """The official NYU Depth V2 numbers, from 1, of those of these SUN RGB-D frames that are
    NYU's."""
    found = (_NYU_FRAME.fullmatch(name) for name in names)
    return {int(match[1]) for match in found if match}


def check_nyu_overlap(sun: Mapping[str, Iterable[str]], nyu: Mapping[str, Iterable[int]]) -> None:
    """Checks that no frame is for training in one data set and for testing in the other.

    Args:
        sun: `train` and `test` -> names of SUN RGB-D frames.
        nyu: `train` and `test` -> numbers of NYU Depth V2 frames, from 1.

    Raises:
        ValueError: if there is such a frame; it names the first.
    """
    for split, other in (("train", "test"), ("test", "train")):
        both = sorted(nyu_numbers(sun[split]) & set(nyu[other]))
        if both:
            raise ValueError(
                f"{len(both)} frames of NYU Depth V2's {other} split are in the {split} split of "
                f"SUN RGB-D; the first is frame {both[0]}, kv1/NYUdata/NYU{both[0]:04d}."
            )
