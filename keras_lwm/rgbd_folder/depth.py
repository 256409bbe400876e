"""What the numbers of a depth file mean: from them to metres along the optical axis."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from keras_lwm.measured import is_measured
from keras_lwm.option_values import real
from keras_lwm.rgbd_folder.camera import (
    Intrinsics,
    axis_directions,
    centred_intrinsics,
    check_intrinsics,
    focal_length_of,
)
from keras_lwm.rgbd_folder.depth_files import read_numbers

KINDS = ("depth", "distance", "disparity")
_CAMERA = ("field_of_view", "focal_length", "baseline")


@dataclasses.dataclass(frozen=True)
class DepthReading:
    """How the depth files of a folder are to be read.

    A stored 0 is not measured, whatever the offset; nor is what is not finite, or not positive in
    metres.

    Args:
        unit: metres per unit; pixels per unit for disparity. `None`: floats are in metres (or
            pixels), integers are refused.
        offset: added once the numbers are multiplied by the unit; metres or pixels.
        none: stored numbers (with their rotation undone) that mean "not measured", such as 65535.
        largest: metres; what is farther is not measured.
        kind: "depth" along the optical axis; "distance" along the ray of each pixel, as
            Hypersim stores it; "disparity" of two rectified cameras, as Cityscapes does.
        rotated: whether the 16 bits of each number are rotated to the left by 3, as in SUN RGB-D.
        intrinsics: (fx, fy, cx, cy) of the depth's camera, in pixels of the depth file. What is
            stored along the axis needs them only to be aligned to another camera.
        field_of_view: of that camera, horizontal, in degrees, its axis through the centre.
        focal_length: of that camera, in pixels, its axis through the centre. A distance needs one
            of these three, and a disparity too.
        baseline: metres between the two cameras of a disparity.
        key: which array of a file, see `depth_files.read_numbers`.

    Raises:
        ValueError: for what is no such value, missing, or without use; it names the option.

    Examples:
        >>> DepthReading(unit=0.001, none=(65535,), largest=10).read(Path("depth/0001.png"))
    """

    unit: float | None = None
    offset: float = 0.0
    none: tuple[float, ...] = ()
    largest: float | None = None
    kind: str = "depth"
    rotated: bool = False
    intrinsics: Intrinsics | None = None
    field_of_view: float | None = None
    focal_length: float | None = None
    baseline: float | None = None
    key: str | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            expected = ", ".join(map(repr, KINDS))
            raise ValueError(
                f"Expected depth_kind to be one of {expected}; received depth_kind={self.kind!r}."
            )
        self._set("unit", _positive("depth_unit", self.unit))
        self._set("offset", real("depth_offset", self.offset, -math.inf))
        self._set("none", _numbers("depth_none", self.none))
        self._set("largest", _positive("depth_max", self.largest))
        if not isinstance(self.rotated, bool):
            raise ValueError(
                "Expected depth_rotated to be True or False; received "
                f"depth_rotated={self.rotated!r}."
            )
        if self.intrinsics is not None:
            self._set("intrinsics", check_intrinsics("depth_intrinsics", self.intrinsics))
        for name in _CAMERA:
            self._set(name, _positive(name, getattr(self, name)))
        if self.field_of_view is not None and self.field_of_view >= 180:
            raise ValueError(
                "Expected field_of_view in degrees, below 180; received "
                f"field_of_view={self.field_of_view}."
            )
        if self.key is not None and not (isinstance(self.key, str) and self.key):
            raise ValueError(f"Expected depth_key to be a name; received depth_key={self.key!r}.")
        self._check_camera()

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def _check_camera(self):
        kind = f"depth_kind={self.kind!r}"
        if self.baseline is not None and self.kind != "disparity":
            raise ValueError(f"baseline is for depth_kind='disparity'; received {kind}.")
        if self.baseline is None and self.kind == "disparity":
            raise ValueError(f"{kind} needs the baseline of the two cameras, in metres.")
        names = ["depth_intrinsics", "field_of_view", "focal_length"]
        values = self.intrinsics, self.field_of_view, self.focal_length
        given = [name for name, value in zip(names, values, strict=True) if value is not None]
        if self.kind == "depth":
            if self.field_of_view is not None or self.focal_length is not None:
                raise ValueError(f"{given[-1]} is not for {kind}, which is along the axis already.")
        elif len(given) != 1:
            raise ValueError(
                f"{kind} needs one of {', '.join(names)}; received {' and '.join(given) or 'none'}."
            )

    def read(self, path: Path) -> np.ndarray:
        """Metres along the optical axis, 0 = not measured: (H, W) float32.

        Raises:
            ValueError: for a file that cannot be read in this way; it names the file.
        """
        return self.metres(self.numbers(path), path)

    def numbers(self, path: Path) -> np.ndarray:
        """The numbers of a file, (H, W) of its dtype, before any unit.

        Their rotation is undone, and those that mean "not measured" are 0 (NaN, of floats).

        Raises:
            ValueError: for a file that cannot be read, or has no 16-bit numbers to rotate.
        """
        values = read_numbers(path, self.key)
        if self.rotated:
            values = unrotated(_sixteen_bits(values, path))
        return _without(values, self.none)

    def metres(self, numbers: np.ndarray, source: object) -> np.ndarray:
        """Metres along the optical axis, 0 = not measured: (H, W) float32.

        Args:
            numbers: as `numbers` returns them, (H, W).
            source: their file, for the sentence.

        Raises:
            ValueError: for integers without a unit.
        """
        if self.unit is None and numbers.dtype.kind != "f":
            of_disparity = self.kind == "disparity"
            unit, example = ("pixels", "1/256") if of_disparity else ("metres", "0.001")
            what = "256ths of a pixel" if of_disparity else "millimetres"
            raise ValueError(
                f"{source} counts units of unknown length: set depth_unit to the {unit} per unit, "
                f"such as depth_unit={example} for {what}."
            )
        # What overflows is not finite, thus not measured.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            values = numbers.astype(np.float32) * np.float32(1 if self.unit is None else self.unit)
            # An offset of 0 would make no difference but to the bits of -0.
            values = values + np.float32(self.offset) if self.offset else values
            depth = self._along_axis(values)
        measured = (numbers != 0) & is_measured(depth, np)
        if self.largest is not None:
            measured &= depth <= np.float32(self.largest)
        return np.where(measured, depth, np.float32(0))

    def _along_axis(self, values):
        if self.kind == "depth":
            return values
        fx, fy, cx, cy = self._intrinsics(values.shape)
        if self.kind == "disparity":
            return np.float32(fx * self.baseline) / values
        height, width = values.shape
        x, y = axis_directions((fx, fy, cx, cy), np.arange(width), np.arange(height)[:, None])
        return values / np.sqrt(x**2 + y**2 + 1).astype(np.float32)

    def _intrinsics(self, size):
        if self.intrinsics is not None:
            return self.intrinsics
        focal_length = self.focal_length
        if focal_length is None:
            focal_length = focal_length_of(self.field_of_view, size[1])
        return centred_intrinsics(focal_length, size)


def unrotated(stored: np.ndarray) -> np.ndarray:
    """uint16 whose bits were rotated to the left by 3, rotated back: SUN RGB-D's millimetres.

    As `read3dPoints.m` of its official toolbox does it.
    """
    return (stored >> 3) | (stored << 13)


def _sixteen_bits(values, path):
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 0xFFFF:
        raise ValueError(
            f"Expected 16-bit numbers in {path}, for depth_rotated=True; received {values.dtype} "
            f"from {values.min()} to {values.max()}."
        )
    return values.astype(np.uint16)


def _without(values, none):
    if not none:
        return values
    if values.dtype.kind == "f":
        # As the file rounded them: a float32 is not the 0.1 of Python.
        with np.errstate(over="ignore"):
            absent = np.isin(values, np.array(none, values.dtype))
        return np.where(absent, values.dtype.type(np.nan), values)
    limits = np.iinfo(values.dtype)
    held = [int(each) for each in none if each.is_integer() and limits.min <= each <= limits.max]
    return np.where(np.isin(values, np.array(held, values.dtype)), values.dtype.type(0), values)


def _positive(name, value):
    if value is None:
        return None
    number = real(name, value, -math.inf)
    if number <= 0:
        raise ValueError(f"Expected {name} above 0; received {name}={value!r}.")
    return number


def _numbers(name, values):
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise ValueError(f"Expected {name} to be several numbers; received {name}={values!r}.")
    return tuple(real(f"{name}[{place}]", each, -math.inf) for place, each in enumerate(values))
