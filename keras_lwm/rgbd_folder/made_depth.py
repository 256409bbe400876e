"""What a folder says of depth that a model made: `made.json` beside the made files.

`keras_lwm.made_depth` writes them. Made files are PNGs of 16 bits, in thousandths of a metre or, of
relative depth, of the image's median; 0 = none.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

MADE_FOLDER = "made_depth"
UNIT = 0.001
"""Metres, or image medians, per unit of a made file."""
RECORD = "made.json"
_VERSION = 1


@dataclasses.dataclass(frozen=True)
class ScaleShift:
    """What a model's numbers were multiplied by and added to, and how well that fits.

    Attributes:
        scale, shift: of depth, or where the model gives it, of inverse depth (1 / metres).
        frames, pixels: how many measured ones it was fitted to.
        residual: median of |log(made / measured)| over those pixels: 0.1 is about 10 %.
    """

    scale: float
    shift: float
    frames: int
    pixels: int
    residual: float


@dataclasses.dataclass(frozen=True)
class MadeDepth:
    """What `made.json` says.

    Attributes:
        model: plain values that tell one model from another: `name`, `digest`, `kind`, options.
        relative: whether depth is in multiples of each image's median, and not in metres.
        alignment: to the measured frames; None where none is measured.
    """

    model: Mapping
    relative: bool
    alignment: ScaleShift | None

    def as_dict(self) -> dict:
        """Plain values, ready for JSON."""
        depth = "multiples of the image's median" if self.relative else "metres"
        alignment = None if self.alignment is None else dataclasses.asdict(self.alignment)
        return {
            "version": _VERSION,
            "model": dict(self.model),
            "relative": self.relative,
            "unit": f"{UNIT:g} {depth}",
            "alignment": alignment,
        }

    def short(self) -> str:
        """Who made it, and in what unit."""
        return f"made by {self.model['name']}, {'relative' if self.relative else 'in metres'}"

    def describe(self) -> str:
        """One line for the reader: the model, the unit and how far off it is."""
        if self.alignment is None:
            return self.short()
        aligned = self.alignment
        return (
            f"{self.short()}; over {aligned.frames} measured frames it is off by "
            f"{100 * np.expm1(aligned.residual):.1f} % at the median"
        )


def read_record(made: Path) -> MadeDepth | None:
    """What the folder of made files says; None where it has no `made.json`.

    Raises:
        ValueError: it cannot be read.
    """
    path = made / RECORD
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        alignment = record["alignment"]
        if record["version"] != _VERSION:
            raise ValueError(f"version {record['version']}")
        return MadeDepth(
            {**record["model"], "name": str(record["model"]["name"])},
            bool(record["relative"]),
            None if alignment is None else ScaleShift(**alignment),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"Expected a record of made depth, version {_VERSION}, in {path}; received another "
            f"({error})."
        ) from error
