"""All frames' facts together, whatever source they come from."""

import collections
import dataclasses
import hashlib

import numpy as np

from keras_lwm.datasets.check.reading import Reading

# A positive float32 grows with its bits. Without the last 13 of them, 2**18 bins are left, each
# 1/1024 of its value wide: quantiles of any number of pixels, in any unit, to a thousandth.
_DROPPED_BITS = 13
DEPTH_BINS = 1 << (31 - _DROPPED_BITS)


@dataclasses.dataclass
class LabelFacts:
    """Size, the ids that occur, and how many pixels have each."""

    file: str
    size: tuple[int, int]
    ids: np.ndarray
    counts: np.ndarray


@dataclasses.dataclass
class DepthFacts:
    """Size, and what the numbers are, in the file's own units.

    Attributes:
        is_counted: integers, in a unit that only its maker knows; else metres are likely.
        odd: how many pixels are `NaN`, `infinite` or `negative`, where there are any.
        bins, counts: the measured pixels' histogram; see `bin_values`.
        median, smallest, largest: of the measured pixels; `None` where there are none.
    """

    file: str
    size: tuple[int, int]
    is_counted: bool
    odd: dict[str, int]
    bins: np.ndarray
    counts: np.ndarray
    median: float | None = None
    smallest: float | None = None
    largest: float | None = None

    @property
    def measured(self) -> int:
        return int(self.counts.sum())


@dataclasses.dataclass
class FrameFacts:
    """A frame's facts; `None` for what is not there or could not be read.

    Attributes:
        image: the image's file, as findings name it.
        size: of the image.
        digest: of the image's pixels: equal where all pixels are.
        is_grey: whether the image file has no colour.
        has_label, has_depth: whether there is one, be it readable or not; `None`: nobody knows. In
            prepared data a label that is void all over, and no depth anywhere, are none.
        made_by: who made that depth, where a model did: then its facts are `made_depth`, in metres.
        errors: (kind, file, sentence) of what is wrong with the frame whatever its numbers mean.
    """

    split: str
    name: str
    image: str
    size: tuple[int, int] | None = None
    digest: bytes | None = None
    is_grey: bool = False
    has_label: bool | None = None
    has_depth: bool | None = None
    made_by: str | None = None
    label: LabelFacts | None = None
    depth: DepthFacts | None = None
    made_depth: DepthFacts | None = None
    errors: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)


def pixel_digest(image: np.ndarray) -> bytes:
    shape = repr(image.shape).encode()
    return hashlib.blake2b(np.ascontiguousarray(image), digest_size=16, key=shape).digest()


def label_facts(file: str, ids: np.ndarray) -> LabelFacts:
    """Of ids (H, W)."""
    if ids.size and ids.min() >= 0 and ids.max() < 1 << 16:
        counts = np.bincount(ids.ravel())
        present = np.flatnonzero(counts)
        return LabelFacts(file, ids.shape, present, counts[present])
    return LabelFacts(file, ids.shape, *np.unique(ids, return_counts=True))


def depth_facts(file: str, values: np.ndarray, is_counted: bool) -> DepthFacts:
    """Of numbers (H, W)."""
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    measured = values[np.isfinite(values) & (values > 0)]
    odd = {
        "NaN": int(np.isnan(values).sum()),
        "infinite": int(np.isinf(values).sum()),
        "negative": int(((values < 0) & np.isfinite(values)).sum()),
    }
    counts = np.bincount(measured.view(np.uint32) >> _DROPPED_BITS)
    bins = np.flatnonzero(counts)
    facts = DepthFacts(
        file,
        values.shape,
        is_counted,
        {kind: number for kind, number in odd.items() if number},
        bins,
        counts[bins],
    )
    if measured.size:
        facts.median = quantile(bins, facts.counts, 0.5)
        facts.smallest, facts.largest = float(measured.min()), float(measured.max())
    return facts


def bin_values(bins: np.ndarray) -> np.ndarray:
    """The middle of each bin of depth, in the units of the file."""
    first = bins.astype(np.uint32) << np.uint32(_DROPPED_BITS)
    return (first + np.uint32(1 << (_DROPPED_BITS - 1))).view(np.float32)


def quantile(bins: np.ndarray, counts: np.ndarray, share: float) -> float:
    """The depth below which this share of the counted pixels lies, to a thousandth of itself."""
    index = np.searchsorted(np.cumsum(counts), share * counts.sum())
    return float(bin_values(bins[index : index + 1])[0])


def _frames_with(known):
    return {"frames": known.count(True), "frames_without": known.count(False)}


class Tally:
    """Gathers the facts of frames; memory does not grow with the number of pixels."""

    def __init__(self):
        self.frames: list[FrameFacts] = []
        self._depth_counts = np.zeros(DEPTH_BINS, np.int64)

    def add(self, facts: FrameFacts) -> None:
        """Takes over the facts; the histogram of depth goes into the one of all frames."""
        self.frames.append(facts)
        depth = facts.depth
        if depth is not None:
            self._depth_counts[depth.bins] += depth.counts
            depth.counts = depth.counts.sum(keepdims=True)
            depth.bins = depth.bins[:0]

    def statistics(self, reading: Reading, class_names, frame_numbers) -> dict:
        """Plain values: see `check.Report.statistics`."""
        pixels, frames, void = self._class_counts(reading, len(class_names))
        labelled = int(pixels.sum())
        sizes = collections.Counter(facts.size for facts in self.frames if facts.size)
        return {
            "frames": dict(frame_numbers),
            "image_sizes": [
                {"height": height, "width": width, "frames": number}
                for (height, width), number in sorted(sizes.items())
            ],
            "classes": [
                {
                    "id": index,
                    "name": name,
                    "pixels": int(pixels[index]),
                    "share": int(pixels[index]) / max(labelled, 1),
                    "frames": int(frames[index]),
                }
                for index, name in enumerate(class_names)
            ],
            "void_share": void / max(labelled + void, 1),
            "labels": _frames_with([facts.has_label for facts in self.frames]),
            "depth": self._depth(reading.metres_per_number),
        }

    def labelled_classes(self, reading: Reading, num_classes: int, split: str | None) -> set[int]:
        """The classes that occur in a split, or in all frames for `None`."""
        _, frames, _ = self._class_counts(reading, num_classes, split)
        return set(np.flatnonzero(frames).tolist())

    def _class_counts(self, reading, num_classes, split=None):
        """Pixels of each class, frames it occurs in, pixels of void."""
        pixels, frames = np.zeros((2, num_classes), np.int64)
        void = 0
        for facts in self.frames:
            if facts.label is None or split not in (None, facts.split):
                continue
            ids, counts = facts.label.ids, facts.label.counts
            is_void = np.isin(ids, reading.void_ids)
            is_class = reading.fits(ids, num_classes) & ~is_void
            pixels[ids[is_class] - reading.first_id] += counts[is_class]
            frames[ids[is_class] - reading.first_id] += 1
            void += int(counts[is_void].sum())
        return pixels, frames, void

    def _depth(self, unit):
        with_depth = [facts.depth for facts in self.frames if facts.depth is not None]
        measured = [depth for depth in with_depth if depth.measured]
        number = _frames_with([facts.has_depth for facts in self.frames])
        made_by = [facts.made_by for facts in self.frames if facts.made_by is not None]
        if made_by:
            number |= {"frames_made": len(made_by), "made_by": made_by[0]}
        if not measured:
            return number
        bins = np.flatnonzero(self._depth_counts)
        counts = self._depth_counts[bins]
        pixels = sum(depth.size[0] * depth.size[1] for depth in with_depth)
        return {
            **number,
            "min_m": min(depth.smallest for depth in measured) * unit,
            "median_m": quantile(bins, counts, 0.5) * unit,
            "percentile_95_m": quantile(bins, counts, 0.95) * unit,
            "max_m": max(depth.largest for depth in measured) * unit,
            "unmeasured_share": 1 - int(counts.sum()) / pixels,
        }
