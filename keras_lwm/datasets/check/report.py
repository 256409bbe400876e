"""A few frames to look at."""

import collections
import dataclasses
import shlex

import numpy as np
from PIL import Image

from keras_lwm.datasets.check.reading import Reading, as_options
from keras_lwm.rgbd_folder import FolderOptions, folder_options, resize_nearest
from keras_lwm.rgbd_folder.splits import TEST_SPLITS, TRAINING_SPLITS, VALIDATION_SPLITS
from keras_lwm.samples import spread_indices
from keras_lwm.typed_commands import python_command, recipe_path

# Errors.
LISTS = "lists and files that do not fit together"
UNREADABLE = "files that cannot be used"
SIZES = "sizes that do not fit"
IDS = "label ids outside the classes"
DEPTH = "depth that cannot be right"
SHARED = "frames in more than one split"
NUMBERS = "numbers of frames that are not the official ones"

# Warnings.
LEFT_OUT = "files that are not used"
NO_DEPTH = "frames without depth"
UNUSED = "classes that are never labelled"
UNLABELLED = "labels that are void all over"
AMBIGUOUS = "another way to read the files"
OTHER_SIZES = "labels or depth of another size than the images"
HOLES = "how depth files say that nothing was measured"
UNKNOWN_MODEL = "depth that was made nobody knows how"
SATURATED = "depth at the largest value of its bits"
REPEATED = "equal images within a split"
GREY = "images without colour"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing.

    Attributes:
        kind: what sort of thing, the same words for all of a sort.
        file: the file, or the split and frame of a prepared data set, that it is about.
        message: one sentence that names the file.
    """

    kind: str
    file: str
    message: str


@dataclasses.dataclass(frozen=True)
class Given:
    """What was said of a folder: the layout, all options, the size to store, and of unusual depth.

    A layout that was guessed is among it.
    """

    layout: str | None
    options: FolderOptions
    size: tuple[int, int] | None
    unusual_depth: bool


@dataclasses.dataclass(frozen=True)
class Example:
    """A frame to look at: image (H, W, 3) uint8; label (H, W) ids and `void_id(C)`; depth (H, W, 1)
    in metres, 0 = not measured. Frames wider or higher than 640 pixels are made smaller."""

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
        reading: how the numbers in a folder's files were read; `None` for a prepared data set.
        given: what was said of the folder; `None` for a prepared data set.
        notes: sentences on what was chosen in reading it.
        errors: what has to be put right.
        warnings: what is worth knowing.
        statistics: `frames` by split, `image_sizes`, `classes`, `labels`, `void_share`, `depth`.
        class_names, palette: C names, and an RGB triple each.
        examples: frames without an error, spread evenly over the set.
    """

    title: str
    where: str
    reading: Reading | None
    given: Given | None
    notes: list[str]
    errors: list[Finding]
    warnings: list[Finding]
    statistics: dict
    class_names: list[str]
    palette: list[tuple[int, int, int]]
    examples: list[Example]

    @property
    def clean(self) -> bool:
        """Whether there is no error; warnings do not count."""
        return not self.errors

    def as_dict(self) -> dict:
        """Plain values, for JSON; without the examples."""
        return {
            "title": self.title,
            "clean": self.clean,
            "read_as": None if self.reading is None else dataclasses.asdict(self.reading),
            "layout": None if self.given is None else self.given.layout,
            "notes": self.notes,
            "command": training_command(self),
            "errors": [dataclasses.asdict(finding) for finding in self.errors],
            "warnings": [dataclasses.asdict(finding) for finding in self.warnings],
            **self.statistics,
        }


_BAR = 30
_WARNINGS_OF_A_KIND = 5
_ERRORS_OF_A_KIND = 100


def report_text(report: Report) -> str:
    """Statistics, then all errors, then a few warnings of each kind, and the verdict last."""
    sections = [
        _head(report),
        _classes(report.statistics["classes"]),
        _findings("Warnings", report.warnings, report.where, _WARNINGS_OF_A_KIND),
        _findings("Errors", report.errors, report.where, _ERRORS_OF_A_KIND),
        _verdict(report),
        _next_step(report),
    ]
    return "\n\n".join(section for section in sections if section)


def _head(report):
    numbers = report.statistics
    frames, sizes = numbers["frames"], numbers["image_sizes"]
    splits = ", ".join(f"{split} {number}" for split, number in frames.items())
    without = numbers["labels"]["frames_without"]
    unlabelled = f"; {_have(without)} no label" if without else ""
    return "\n".join(
        [
            report.title,
            *([_reading(report.reading)] if report.reading is not None else []),
            *report.notes,
            "",
            f"frames       {sum(frames.values())}{': ' if frames else ''}{splits}",
            f"image sizes  {_sizes(sizes)}",
            f"depth        {_depth(numbers['depth'])}",
            f"void         {numbers['void_share']:.1%} of the labels' pixels{unlabelled}",
        ]
    )


def _reading(reading):
    names = [] if reading.labels_say_classes else ["first_id", "void_ids"]
    metres = ", labels by the file of classes" if reading.labels_say_classes else ""
    if reading.depth_unit is not None:
        names.insert(0, "depth_unit")
    elif "depth_unit" in reading.inferred:
        metres += ", depth in metres"
    inferred = [name for name in names if name in reading.inferred]
    origin = "as given"
    if inferred:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in inferred)
        origin = ("" if inferred == names else f"{flags} ") + "inferred; pass them to say otherwise"
    how = f"{as_options(reading, names)}{metres}".removeprefix(", ")
    return f"Read as: {how} ({origin})"


def _sizes(sizes, shown=8):
    parts = [
        f"{size['height']}x{size['width']}"
        + (f" ({size['frames']} frames)" if len(sizes) > 1 else "")
        for size in sorted(sizes, key=lambda size: -size["frames"])[:shown]
    ]
    more = [f"{len(sizes) - shown} others"] if len(sizes) > shown else []
    return ", ".join(parts + more) + " (height x width)" if parts else "none was read"


def _depth(depth):
    without = f"{_have(depth['frames_without'])} none"
    if "frames_made" in depth:
        without = f"{_have(depth['frames_made'])} depth {depth['made_by']}; {without}"
    if "median_m" not in depth:
        return without
    return (
        f"{depth['min_m']:.2f} to {depth['max_m']:.2f} m, median {depth['median_m']:.2f} m, "
        f"95 % below {depth['percentile_95_m']:.2f} m; not measured: "
        f"{depth['unmeasured_share']:.1%} of the pixels; {without}"
    )


def _have(frames):
    return f"{frames} frame has" if frames == 1 else f"{frames} frames have"


def _classes(classes):
    if not classes:
        return ""
    width = max(len("class"), *(len(row["name"]) for row in classes))
    id_width = max(3, len(str(len(classes) - 1)))
    largest = max(*(row["share"] for row in classes), 1e-9) if len(classes) > 1 else 1
    lines = [f"{'id':>{id_width}}  {'class':{width}}  labelled pixels   frames"]
    for row in classes:
        bar = "#" * round(_BAR * row["share"] / largest)
        numbers = f"{row['share']:15.2%}  {row['frames']:7d}"
        lines.append(f"{row['id']:{id_width}d}  {row['name']:{width}}  {numbers}  {bar}")
    return "\n".join(line.rstrip() for line in lines)


def _findings(title, findings: list[Finding], where: str, limit: int | None):
    kinds = collections.defaultdict(list)
    for finding in findings:
        kinds[finding.kind].append(finding)
    lines = [f"{title}: {len(findings)}"] if findings else []
    for kind, of_kind in kinds.items():
        lines.append(f"  {kind} ({len(of_kind)})")
        shown = of_kind if limit is None or len(of_kind) <= limit + 1 else of_kind[:limit]
        # The folder is in the first line; names of files within it are easier to read.
        lines += [f"    {finding.message.replace(f'{where}/', '')}" for finding in shown]
        if len(shown) < len(of_kind):
            lines.append(f"    and {len(of_kind) - len(shown)} more of this kind.")
    return "\n".join(lines)


def _verdict(report):
    if report.clean:
        return f"Clean: found no error in {sum(report.statistics['frames'].values())} frames."
    errors = "1 error" if len(report.errors) == 1 else f"{len(report.errors)} errors"
    files = len({finding.file for finding in report.errors})
    if report.reading is None:
        return f"Found {errors}."
    return f"Found {errors} in {files} file{'s' if files > 1 else ''}."


def training_command(report: Report) -> str | None:
    """The command that trains on the folder as it was read here.

    `None` for prepared data, and where there is no split to train on or none to choose by.
    """
    if report.given is None:
        return None
    given, words = report.given, []
    roles = _roles(report.statistics["frames"], given.options.unlabelled)
    if len(roles) < len(_USUAL_ROLES):
        return None
    if given.layout is not None:
        words.append(f"--layout {given.layout}")
    inferred = {name: getattr(report.reading, name) for name in report.reading.inferred}
    options, of_layout = given.options, folder_options(given.layout)
    for field in dataclasses.fields(options):
        value = inferred.get(field.name, getattr(options, field.name))
        if value is not None and value != getattr(of_layout, field.name) and field.name != "splits":
            words += _words(field.name, value)
    if given.size is not None:
        words.append(f"--size {given.size[0]} {given.size[1]}")
    if given.unusual_depth:
        words.append("--unusual-depth true")
    for role, split in roles.items():
        if split != _USUAL_ROLES[role]:
            words.append(f"--{role}-split {split}")
    recipe = f"{python_command()} {recipe_path('rgbd_folder.py')}"
    return " ".join([recipe, shlex.quote(report.where), *words])


_USUAL_ROLES = {"train": "train", "validation": "val", "test": "test"}


def _roles(splits, unlabelled=None):
    """Which split is for what: the usual one, or else the first of its sort that there is.

    Images without a label are trained on.
    """
    sorts = {
        "train": TRAINING_SPLITS if unlabelled is None else (unlabelled,),
        "validation": VALIDATION_SPLITS + TEST_SPLITS,
        "test": TEST_SPLITS + VALIDATION_SPLITS,
    }
    found = {role: [name for name in names if name in splits] for role, names in sorts.items()}
    return {role: names[0] for role, names in found.items() if names}


def _words(name, value):
    """An option as it is typed: several values that are one option's are joined by commas."""
    flag = f"--{name.replace('_', '-')}"
    if name in ("void_ids", "depth_none"):
        return [f"{flag} {number!r}" for number in value]
    if name == "void_colours":
        return [f"{flag} {','.join(map(str, colour))}" for colour in value]
    if value is True:
        return [flag]
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return [f"{flag} {shlex.quote(str(value))}"]


def _next_step(report):
    if not report.clean or report.given is None:
        return ""
    command = training_command(report)
    if command is None:
        splits = ", ".join(report.statistics["frames"]) or "no split"
        return (
            f"To train on it takes a split train and another, such as val; found {splits}: add a "
            "list, or draw them by --draw-splits 0.8,0.1,0.1."
        )
    return f"To train on it: {command}"


_LONGEST_SIDE = 640


def spread_examples(source, frames, reading, files_with_errors, number) -> list[Example]:
    """Frames without an error, spread evenly over the set."""
    sound = [
        index
        for index, facts in enumerate(frames)
        if facts.size and facts.label and not facts.errors and not files_with_errors & _files(facts)
    ]
    if not sound or not source.class_names or not number:
        return []
    return [
        _example(f"{frames[index].split}: {frames[index].name}", source.sample(index, reading))
        for index in (sound[position] for position in spread_indices(len(sound), number))
    ]


def _files(facts):
    return {facts.image} | {part.file for part in (facts.label, facts.depth) if part is not None}


def _example(name, sample):
    """The sample, no larger than a contact sheet has use for."""
    image = sample["image"]
    label, depth = sample["label"][..., 0], sample["depth"][..., 0]
    shrink = max(*label.shape, _LONGEST_SIDE) / _LONGEST_SIDE
    size = tuple(max(round(side / shrink), 1) for side in label.shape)
    small = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BOX)
    return Example(
        name, np.asarray(small), resize_nearest(label, size), resize_nearest(depth, size)[..., None]
    )
