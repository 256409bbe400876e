"""What the files of a folder are called, and what their numbers mean: all in one plain value."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from keras_lwm.rgbd_folder.alignment import Alignment
from keras_lwm.rgbd_folder.depth import DepthReading

_TUPLES = (
    *("splits", "draw_splits", "void_ids", "void_colours", "id_map_columns", "depth_none"),
    *("rgb_intrinsics", "depth_intrinsics", "depth_to_rgb"),
)

_LARGEST_ID = 2**32


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """How a folder of RGB-D frames is read. `NAMED_LAYOUTS` has the options of well-known ones.

    Paths are relative to the folder, with `/`. In those of frames, fields in braces tell the frames
    apart: see `patterns.Pattern`. Sequences may be given as lists.

    Attributes:
        rgb, label, depth: where images, labels and depth are. `depth` may match nothing: frames
            without a file there are frames whose depth was not measured. Without a suffix, every
            suffix that can be read.
        made_depth: where depth is that a model has made, for frames without measured depth; `None`:
            such files are not looked for.
        lists: where the list of a split is; a line is a frame's name (the fields of `rgb`, joined
            by `/`), the path of its image, or a scene. Not used where `rgb` has a field `{split}`.
        splits: names of splits; `None`: all that there are, of lists those of `USUAL_SPLITS`.
        draw_splits: shares of the frames for train, val and test, drawn here in place of lists:
            three numbers that sum to 1.
        draw_by: what is drawn, "scene" (whole ones: the field `{scene}`, or else the folder that a
            name lies in) or "frame" (frames of one video may then be in several splits).
        draw_seed: of that draw.
        unlabelled: the split whose images need no label, such as "train": without one, all their
            pixels are void, and depth and a teacher are what is learnt from them. In drawn splits
            images without a label join it, but for those of scenes that were drawn for another.
            `None`: images without a label are an error where a list names them, else left out.
        pair_within: seconds; a field `{name}` is a time, and each image takes the depth that is
            nearest in time, no farther away than this. `None`: names of image and depth are equal.
        classes: file of the classes (see `classes.read_classes`), the number of classes, or their
            names. `None`: `classes.txt`, `.csv`, `.json`, `.yaml` or `.yml`, whichever there is;
            else as many as the labels hold, called c0, c1, ...
        colours: file of 'red green blue' lines, 0 to 255, one a class. `None`: those of the file of
            classes, or `colours.txt` if there is one, or else made up.
        first_id: the id by which the label files mean the first class; `None`: 0.
        void_ids: the ids by which they mean void, a class's among them or not; `None`: 255, or
            65535 beyond 255 classes.
        void_colours: RGB triples that mean void in labels that are colours.
        id_map: a table from the ids in the label files to those that `first_id` and `void_ids`
            speak of: a file (see `labels.read_id_map`) or a mapping. `None`: they are the same.
        id_map_columns: names of the two columns of that file; `None`: its first two.
        label_key: name of the array in label files that hold several.
        depth_unit: metres per unit of the depth files (of disparity: pixels per unit): 0.001 for
            millimetres. Integers need it; floating-point numbers are metres where it is `None`.
        depth_offset: added to the numbers times `depth_unit`.
        depth_none: numbers by which depth files say that nothing was measured, beside 0.
        depth_max: metres; what is farther counts as not measured.
        depth_kind: "depth" along the optical axis, "distance" along the ray (needs
            `field_of_view` or `depth_intrinsics`), or "disparity" (needs `focal_length` and
            `baseline`).
        depth_rotated: whether 16-bit numbers are rotated by three bits, as in SUN RGB-D.
        depth_key: name of the array in depth files that hold several.
        field_of_view: horizontal, degrees, of the depth camera.
        focal_length: pixels, horizontal, of the depth camera.
        baseline: metres between the cameras of a stereo pair.
        rgb_intrinsics, depth_intrinsics: fx, fy, cx, cy in pixels, for the files' own sizes, the
            centre of the first pixel being (0, 0). Given both, depth is brought to the image's
            pixels: see `alignment.Alignment`.
        depth_to_rgb: 16 numbers, row by row: the 4x4 matrix that turns points of the depth camera
            into those of the RGB camera, in metres; `None`: the cameras are in one place.

    Raises:
        ValueError: for options that no folder can have; one sentence.
    """

    rgb: str = "rgb/{name}"
    label: str = "label/{name}"
    depth: str = "depth/{name}"
    made_depth: str | None = None
    lists: str = "{split}.txt"
    splits: tuple[str, ...] | None = None
    draw_splits: tuple[float, ...] | None = None
    draw_by: str = "scene"
    draw_seed: int = 0
    unlabelled: str | None = None
    pair_within: float | None = None
    classes: str | int | tuple[str, ...] | None = None
    colours: str | None = None
    first_id: int | None = None
    void_ids: tuple[int, ...] | None = None
    void_colours: tuple[tuple[int, int, int], ...] = ()
    id_map: str | Mapping[int, int] | None = None
    id_map_columns: tuple[str, str] | None = None
    label_key: str | None = None
    depth_unit: float | None = None
    depth_offset: float = 0.0
    depth_none: tuple[float, ...] = ()
    depth_max: float | None = None
    depth_kind: str = "depth"
    depth_rotated: bool = False
    depth_key: str | None = None
    field_of_view: float | None = None
    focal_length: float | None = None
    baseline: float | None = None
    rgb_intrinsics: tuple[float, ...] | None = None
    depth_intrinsics: tuple[float, ...] | None = None
    depth_to_rgb: tuple[float, ...] | None = None

    def __post_init__(self):
        for name in _TUPLES:
            value = getattr(self, name)
            if value is not None:
                # The only way to set an attribute of a frozen value.
                object.__setattr__(self, name, tuple(_plain(each) for each in value))
        if isinstance(self.classes, list):
            object.__setattr__(self, "classes", tuple(self.classes))
        for check in (_check_patterns, _check_splits, _check_classes, _check_pairs):
            check(self)
        self.depth_reading()
        self.alignment()

    def given(self) -> dict[str, Any]:
        """The options that are not at their defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }

    def depth_reading(self) -> DepthReading:
        """How the numbers of depth files are read."""
        return DepthReading(
            unit=self.depth_unit,
            offset=self.depth_offset,
            none=self.depth_none,
            largest=self.depth_max,
            kind=self.depth_kind,
            rotated=self.depth_rotated,
            intrinsics=self.depth_intrinsics,
            field_of_view=self.field_of_view,
            focal_length=self.focal_length,
            baseline=self.baseline,
            key=self.depth_key,
        )

    def alignment(self) -> Alignment | None:
        """How depth is brought to the image's pixels; `None` where they are the same already."""
        of_depth = self.depth_intrinsics is not None and self.depth_kind == "depth"
        if self.rgb_intrinsics is None and self.depth_to_rgb is None and not of_depth:
            return None
        if self.rgb_intrinsics is None or self.depth_intrinsics is None:
            raise ValueError(
                "Expected rgb_intrinsics and depth_intrinsics both, to bring depth to the image's "
                f"pixels; received {self.rgb_intrinsics!r} and {self.depth_intrinsics!r}."
            )
        poses = {} if self.depth_to_rgb is None else {"depth_to_rgb": self.depth_to_rgb}
        return Alignment(self.rgb_intrinsics, self.depth_intrinsics, **poses)


def _plain(value):
    return tuple(value) if isinstance(value, list) else value


def _check_patterns(options):
    kinds = ("rgb", "label", "depth", "made_depth")
    for index, kind in enumerate(kinds):
        for other in kinds[:index]:
            if getattr(options, kind) == getattr(options, other):
                raise ValueError(
                    f"Expected other files for {kind} than for {other}; received "
                    f"{getattr(options, kind)!r} for both."
                )


def _check_splits(options):
    for split in options.splits or ():
        if not re.fullmatch(r"\w+", split) or split == "all":
            raise ValueError(
                "Expected names of splits made of letters, digits and '_', not 'all'; "
                f"received {split!r}."
            )
    if "{split}" not in options.lists:
        raise ValueError(
            "Expected lists as the path of a split's list, with {split} in it, such as "
            f"'lists/{{split}}.txt'; received {options.lists!r}."
        )
    shares = options.draw_splits
    if shares is not None and not (
        len(shares) == 3 and min(shares) >= 0 and shares[0] > 0 and abs(sum(shares) - 1) < 1e-6
    ):
        raise ValueError(
            "Expected draw_splits as the shares of train, val and test, three numbers from 0 that "
            f"sum to 1; received {shares!r}."
        )
    if options.draw_splits is None and (options.draw_by, options.draw_seed) != ("scene", 0):
        raise ValueError(
            "draw_by and draw_seed are for draw_splits, which was not given; received "
            f"{options.draw_by!r} and {options.draw_seed!r}."
        )
    if options.draw_seed < 0:
        raise ValueError(f"Expected draw_seed from 0; received {options.draw_seed!r}.")
    if options.draw_splits is not None and options.splits is not None:
        raise ValueError(
            "Expected splits or draw_splits, not both; received "
            f"{options.splits!r} and {options.draw_splits!r}."
        )
    if options.draw_by not in ("scene", "frame"):
        raise ValueError(
            f"Expected draw_by='scene' or draw_by='frame'; received {options.draw_by!r}."
        )


def _check_classes(options):
    if options.id_map_columns is not None and not (
        isinstance(options.id_map, str) and len(options.id_map_columns) == 2
    ):
        raise ValueError(
            "Expected id_map_columns as the names of two columns of the file id_map; received "
            f"{options.id_map_columns!r} and id_map={options.id_map!r}."
        )
    for label_id in (options.first_id or 0, *(options.void_ids or ())):
        if not -_LARGEST_ID <= label_id <= _LARGEST_ID:
            raise ValueError(
                f"Expected first_id and void_ids of at most {_LARGEST_ID}; received {label_id}."
            )
    for colour in options.void_colours:
        if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
            raise ValueError(
                f"Expected void_colours as (red, green, blue), 0 to 255 each; received {colour!r}."
            )


def _check_pairs(options):
    within = options.pair_within
    if within is not None and not 0 <= within < float("inf"):
        raise ValueError(f"Expected pair_within, seconds, from 0; received {within!r}.")
