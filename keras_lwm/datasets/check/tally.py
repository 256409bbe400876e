"""All frames' facts together, whatever source they come from."""

import collections

import numpy as np

from keras_lwm.datasets.check.facts import DEPTH_BINS, FrameFacts, quantile
from keras_lwm.datasets.check.reading import Reading


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
            "depth": self._depth(reading.depth_unit or 1.0),
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
        has_depth = [facts.has_depth for facts in self.frames]
        number = {"frames": has_depth.count(True), "frames_without": has_depth.count(False)}
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
