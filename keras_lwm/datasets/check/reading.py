"""How the numbers in a folder's files are to be read, where nobody said: what fits most files."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_lwm.samples import LIKELY_MEDIAN
from keras_lwm.void import void_id

# (first id, void ids) that are less usual. Each explains all that a usual one does and more, so it
# must explain clearly more.
_RARE = (
    (1, (255,)),
    (1, (0, 255)),
    (0, (65535,)),
    (0, (255, 65535)),
    (1, (65535,)),
    (1, (0, 65535)),
)
_CLEARLY_MORE = 0.05

# Metres per unit: millimetres, 1/5000 m as in TUM RGB-D, centimetres, tenths and quarters of a
# millimetre; `None`: in metres.
_COUNTED_UNITS = (0.001, 0.0002, 0.01, 0.0001, 0.00025)
_OTHER_UNITS = (None, 0.001, 0.01)
# Metres: the median depth of most scenes in a house or a street near by.
_USUAL_MEDIAN = (0.5, 10.0)


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a folder's numbers mean: `RgbdFolder`'s options of these names.

    Attributes:
        depth_unit: metres per unit; `None`: there is no depth, or it is in arrays of metres.
        first_id, void_ids: how label files write the first class, and void.
        inferred: names of the options that were not given but inferred from the files.
        facts_in_metres: whether the facts of depth files are of metres already.
        labels_say_classes: whether label files are in colours, or there is an id for each class.
    """

    depth_unit: float | None
    first_id: int
    void_ids: tuple[int, ...]
    inferred: tuple[str, ...] = ()
    facts_in_metres: bool = False
    labels_say_classes: bool = False

    @property
    def metres_per_number(self) -> float:
        """Of the numbers that the facts of depth files are of."""
        return 1.0 if self.facts_in_metres or self.depth_unit is None else self.depth_unit

    def fits(self, ids: np.ndarray, num_classes: int) -> np.ndarray:
        """Which of the ids are void or a class: booleans."""
        is_class = (ids >= self.first_id) & (ids < self.first_id + num_classes)
        return is_class | np.isin(ids, self.void_ids)


def infer_label_ids(
    ids_of_files: Sequence[np.ndarray],
    num_classes: int,
    first_id: int | None = None,
    void_ids: Sequence[int] | None = None,
) -> tuple[int, tuple[int, ...], str]:
    """The first id and the void ids that fit most label files, where they are not given.

    Returns:
        The two, and the options of another usual reading that fits as well, or "".
    """
    usual, rare = (
        [Reading(None, first, void) for first, void in candidates]
        for candidates in _candidates(num_classes, first_id, void_ids)
    )

    def fitting(reading):
        return sum(bool(reading.fits(ids, num_classes).all()) for ids in ids_of_files)

    numbers = [fitting(reading) for reading in usual]
    best, most = usual[int(np.argmax(numbers))], max(numbers)
    rivals = [
        reading
        for reading, number in zip(usual, numbers, strict=True)
        if number == most and reading != best
    ]
    threshold = most + _CLEARLY_MORE * len(ids_of_files)
    for reading in rare:
        if fitting(reading) > threshold:
            best, threshold, rivals = reading, fitting(reading), []
    # Void that occurs settles what void is; then a second reading is far-fetched.
    if not ids_of_files or not num_classes:
        rivals = []
    seen = any(np.isin(ids, best.void_ids).any() for ids in ids_of_files)
    rival = as_options(rivals[0], ("first_id", "void_ids")) if rivals and not seen else ""
    return best.first_id, best.void_ids, rival


def infer_depth_unit(
    counted_medians: Sequence[float], other_medians: Sequence[float]
) -> tuple[float | None, str]:
    """Metres per unit, from the median of each depth file in its own units: integers, and others.

    The first usual unit by which the frames lie where most scenes do, a room's length away; else
    the usual one. Another than the most usual, or none, is a guess.

    Returns:
        The unit (`None`: no unit, or metres), and what there is to be said of a guess, or "".
    """
    if not counted_medians and not other_medians:
        return None, ""
    counted = len(counted_medians) >= len(other_medians)
    units = _COUNTED_UNITS if counted else _OTHER_UNITS
    median = float(np.median(counted_medians if counted else other_medians))
    at_home = [
        unit for unit in units if _USUAL_MEDIAN[0] <= median * (unit or 1) <= _USUAL_MEDIAN[1]
    ]
    likely = [unit for unit in units if is_likely(median * (unit or 1))]
    chosen = next(iter(at_home or likely), units[0])
    if chosen == units[0] and at_home:
        return chosen, ""
    distances = ", ".join(
        f"{median * (unit or 1):.3g} m by --depth-unit {unit or 1}" for unit in likely or units
    )
    return chosen, f"the median depth would be {distances}"


def is_likely(median: float) -> bool:
    """Whether a set of frames may well have this median depth, in metres."""
    return LIKELY_MEDIAN[0] <= median <= LIKELY_MEDIAN[1]


def as_options(reading: Reading, names: Sequence[str]) -> str:
    """The reading's options of these names as they are typed on the command line."""
    words = []
    if "depth_unit" in names and reading.depth_unit is not None:
        words.append(f"--depth-unit {reading.depth_unit:g}")
    if "first_id" in names:
        words.append(f"--first-id {reading.first_id}")
    if "void_ids" in names:
        words += [f"--void-ids {number}" for number in reading.void_ids]
    return " ".join(words)


def _candidates(num_classes, first_id, void_ids):
    """Usual and rare pairs of first id and void ids, the most usual first."""
    if first_id is not None and void_ids is not None:
        return [(first_id, tuple(void_ids))], []
    if void_ids is not None:
        usual = [(first, tuple(void_ids)) for first in ((1, 0) if 0 in void_ids else (0, 1))]
        return _distinct(usual, num_classes) or usual, []
    firsts = (0, 1) if first_id is None else (first_id,)
    usual = [(first, (0,) if first > 0 else (void_id(num_classes),)) for first in firsts]
    rare = [(own, void) for first, void in _RARE for own in firsts if min(own, 1) == first]
    return usual, _distinct(rare, num_classes)


def _distinct(candidates, num_classes):
    """Those by which no id means void and a class at once."""
    return [
        (first, void)
        for first, void in candidates
        if not any(first <= number < first + num_classes for number in void)
    ]
