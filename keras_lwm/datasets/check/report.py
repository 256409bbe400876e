"""What a check found, as plain values."""

import dataclasses

from keras_lwm.datasets.check.reading import Reading


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing.

    Attributes:
        kind: what sort of thing, the same words for all of a sort.
        file: the file, or the split and frame of a prepared data set, that it is about.
        says: one sentence that names the file.
    """

    kind: str
    file: str
    says: str


@dataclasses.dataclass(frozen=True)
class Example:
    """A frame to look at: image (H, W, 3) uint8; label (H, W) ids, 255 = void; depth (H, W, 1) in
    metres, 0 = not measured. Frames wider or higher than 640 pixels are made smaller."""

    name: str
    image: object
    label: object
    depth: object


@dataclasses.dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        title: the folder, or the prepared data set's full name.
        where: the folder that the files lie in.
        reading: how the files of a folder were read; `None` for a prepared data set.
        faults: what has to be put right.
        remarks: what is worth knowing.
        statistics: `frames` by split, `image_sizes`, `classes`, `void_share`, `depth`.
        class_names, palette: C names, and an RGB triple each.
        examples: frames without a fault, spread evenly over the set.
    """

    title: str
    where: str
    reading: Reading | None
    faults: list[Finding]
    remarks: list[Finding]
    statistics: dict
    class_names: list[str]
    palette: list[tuple[int, int, int]]
    examples: list[Example]

    @property
    def clean(self) -> bool:
        """Whether there is no fault; remarks do not count."""
        return not self.faults

    def as_dict(self) -> dict:
        """Plain values, for JSON; without the examples."""
        return {
            "title": self.title,
            "clean": self.clean,
            "read_as": None if self.reading is None else dataclasses.asdict(self.reading),
            "faults": [dataclasses.asdict(finding) for finding in self.faults],
            "remarks": [dataclasses.asdict(finding) for finding in self.remarks],
            **self.statistics,
        }
