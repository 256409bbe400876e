"""The options that say how a folder of frames is read; names are those of `FolderOptions`.

An option left out is not passed on: then the library's own default holds.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click


class Numbers(click.ParamType):
    """So many numbers with commas between them, such as 0.8,0.1,0.1, or a text file that has them.

    Args:
        count: how many; `kind`: what they are; `metavar`: what help calls them.
    """

    def __init__(self, count: int, kind: type = float, metavar: str = "N,N,..."):
        self.name = metavar
        self._count, self._kind = count, kind

    def convert(self, value, parameter, context) -> Any:
        """A tuple of the numbers."""
        if not isinstance(value, str):
            return value
        text = value
        if Path(value).is_file():
            try:
                text = Path(value).read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                self.fail(f"Cannot read {value}: {error}.")
        try:
            numbers = tuple(self._kind(word) for word in text.replace(",", " ").split())
        except ValueError:
            numbers = None
        if numbers is None or len(numbers) != self._count:
            what = "whole numbers" if self._kind is int else "numbers"
            received = "no such file" if text is value else "a file of other text"
            if numbers is not None:
                received = f"{len(numbers)} of them"
            self.fail(
                f"Expected {self._count} {what} with commas, or a file of them; received "
                f"{value!r}, {received}."
            )
        return numbers


class _Names(click.ParamType):
    name = "A,B"

    def convert(self, value, parameter, context):
        return tuple(value.split(",")) if isinstance(value, str) else value


class _NumberOrPath(click.ParamType):
    name = "FILE|N"

    def convert(self, value, parameter, context):
        return int(value) if isinstance(value, str) and value.isdecimal() else value


LAYOUTS = (
    *("tum", "splits", "scenes", "scannet", "hypersim", "sun_rgbd", "cityscapes", "matterport"),
    "realsense",
)
_INTRINSICS = Numbers(4, metavar="fx,fy,cx,cy")

FOLDER_OPTIONS = {
    "layout": (click.Choice(LAYOUTS), "A well-known form of such a folder; options overrule it."),
    "rgb": (str, "Where images are, such as 'images/{scene}/{name}_rgb.jpg'; else rgb/{name}."),
    "label": (str, "Where labels are; else label/{name}."),
    "depth": (str, "Where depth is, for images that have some; else depth/{name}."),
    "made_depth": (str, "Where depth made by `keras-lwm depth` is, for images without depth."),
    "lists": (str, "Lists of names, paths or scenes; else '{split}.txt'."),
    "draw_splits": (
        Numbers(3),
        "Shares of train, val and test, drawn in place of lists: 0.8,0.1,0.1.",
    ),
    "draw_by": (click.Choice(["scene", "frame"]), "What is drawn; else whole scenes."),
    "draw_seed": (int, "Of that draw; else 0."),
    "unlabelled": (str, "The split whose images need no label, such as train."),
    "pair_within": (float, "Seconds: names are times, images take the depth nearest in time."),
    "classes": (_NumberOrPath(), "File of classes, TXT, CSV, JSON or YAML, or their number."),
    "colours": (str, "File of the classes' colours, 'red green blue' a line."),
    "first_id": (int, "The label files' id of the first class; else 0."),
    "void_ids": (int, "Their ids of void, once each; else 255, or 65535 beyond 255 classes."),
    "void_colours": (Numbers(3, int, "r,g,b"), "Colours of void, once each, in coloured labels."),
    "id_map": (str, "Table, TSV or CSV, from the label files' ids to others."),
    "id_map_columns": (_Names(), "Its two columns, such as id,nyu40id; else the first two."),
    "label_key": (str, "Name of the array in label files of several."),
    "depth_unit": (float, "Metres per unit of the depth files: 0.001 for millimetres."),
    "depth_offset": (float, "Added to the numbers times the unit."),
    "depth_none": (float, "A number that means 'not measured', once each; 0 does anyway."),
    "depth_max": (float, "Metres; what is farther counts as not measured."),
    "depth_kind": (
        click.Choice(["depth", "distance", "disparity"]),
        "Along the optical axis, along the ray, or disparity in pixels; else depth.",
    ),
    "depth_rotated": (bool, "Bits are rotated, as in SUN RGB-D."),
    "depth_key": (str, "Name of the array in depth files of several."),
    "field_of_view": (float, "Degrees, horizontal, of the depth camera, for distance."),
    "focal_length": (float, "Pixels, for disparity."),
    "baseline": (float, "Metres, for disparity."),
    "rgb_intrinsics": (_INTRINSICS, "Of the RGB camera, to bring depth to its pixels."),
    "depth_intrinsics": (_INTRINSICS, "Of the depth camera."),
    "depth_to_rgb": (Numbers(16), "4x4 matrix, 16 numbers or a file of them; else cameras agree."),
}
_REPEATED = ("void_ids", "void_colours", "depth_none")
_FLAGS = ("depth_rotated",)


def folder_options(command) -> Callable:
    """Adds `FOLDER_OPTIONS` to a command."""
    for name, (kind, text) in reversed(FOLDER_OPTIONS.items()):
        flag = f"--{name.replace('_', '-')}"
        if name in _FLAGS:
            option = click.option(flag, is_flag=True, help=text)
        else:
            option = click.option(flag, type=kind, multiple=name in _REPEATED, help=text)
        command = option(command)
    return command


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that were given."""
    return {
        name: value
        for name, value in options.items()
        if value is not None and value is not False and value not in ((), [])
    }


def given_folder_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `FOLDER_OPTIONS` that were given, out of all options of a command."""
    return given_options({name: options[name] for name in FOLDER_OPTIONS if name in options})
