"""What the folder holds: frames of each split, classes, colours; and whether it has changed."""

import collections
import dataclasses
import hashlib
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path

from keras_lwm.rgbd_folder import depth_files, labels
from keras_lwm.rgbd_folder.class_table import ClassTable, find_classes
from keras_lwm.rgbd_folder.made_depth import MADE_FOLDER, RECORD, MadeDepth, read_record
from keras_lwm.rgbd_folder.options import FolderOptions
from keras_lwm.rgbd_folder.patterns import SCENE, SPLIT, Pattern, list_files
from keras_lwm.rgbd_folder.splits import draw_splits, find_lists, read_list
from keras_lwm.rgbd_folder.text_files import raise_error
from keras_lwm.rgbd_folder.time_stamps import pair_keys

SUFFIXES = {
    "rgb": (".jpg", ".jpeg", ".png"),
    "label": labels.SUFFIXES,
    "depth": depth_files.SUFFIXES,
    "made_depth": (".png",),
}


@dataclasses.dataclass(frozen=True)
class Frame:
    """The files of one frame.

    Args:
        name: its fields, joined by `/`.
        image, label, depth: paths; `depth` is `None` where there is none, and so is `label` where
            `FolderOptions.unlabelled` lets it.
        is_made: whether a model made the depth: see `FolderOptions.made_depth`.
    """

    name: str
    image: Path
    label: Path | None
    depth: Path | None
    is_made: bool = False

    def files(self) -> list[Path]:
        """Those that there are."""
        return [path for path in (self.image, self.label, self.depth) if path is not None]


class Layout:
    """The folder as it is now.

    Args:
        folder: where the frames are.
        options: how it is read.
        report_error: called with a file and a message for every error. If it returns, reading goes
            on: such frames have `None` where an image or a label is missing.

    Attributes:
        frames: split -> its frames, in the order of the list, or of their names.
        unlisted: files of frames that belong to no split.
        ignored: (file, kind) of those that lie where files of a kind do, and cannot be read.
        notes: sentences on what was chosen here, for users to see.
        class_table: the classes, and how label files mean them.
        made_depth: what is known of the depth that a model made; None where there is none such, or
            nothing is known of it.
        fingerprint: changes with every file that the frames are made of (its name, size and time
            of change), with the text of every list, and with the classes.

    Raises:
        ValueError: for a file that is missing, named twice or invalid, unless `report_error` does
            something else; for a folder that is none, always.
    """

    def __init__(
        self,
        folder: Path,
        options: FolderOptions | None = None,
        report_error: Callable = raise_error,
    ):
        self.folder = folder
        self.options = FolderOptions() if options is None else options
        if not folder.is_dir():
            raise ValueError(f"Expected a folder of RGB-D frames; {folder} is not a folder.")
        self.notes: list[str] = []
        self._report_error = report_error
        self._files = _Files(folder, self.options, report_error)
        self._files.require_images()
        self.ignored = self._files.ignored
        frames = _join(self._files, self.options)
        if self.options.pair_within is not None:
            measured = sum(
                frame.depth is not None and not frame.is_made for frame in frames.values()
            )
            within = f"{self.options.pair_within:g} s"
            self.notes.append(f"{measured} of {len(frames)} images have depth within {within}.")
        self.frames = self._split(frames)
        self._check_unlabelled()
        used = {path for frames in self.frames.values() for f in frames for path in f.files()}
        self.unlisted = [path for path in self._files.all() if path not in used]
        self.class_table = self._find_classes()
        self.made_depth = self._find_made_depth()
        self.fingerprint = self._fingerprint()

    @property
    def class_names(self) -> list[str]:
        """One name a class."""
        return self.class_table.names

    @property
    def palette(self) -> list[tuple[int, int, int]]:
        """One RGB triple a class."""
        return self.class_table.palette

    def _check_unlabelled(self):
        split = self.options.unlabelled
        if split is None or not self.frames:
            return
        if split not in self.frames:
            if self.options.splits is not None and self._has_split(split):
                return  # Others were asked for.
            raise ValueError(
                f"Expected unlabelled as one of the splits {', '.join(self.frames)} of "
                f"{self.folder}; received {split!r}."
            )
        frames = self.frames[split]
        without = sum(frame.label is None for frame in frames)
        if frames and without == len(frames):
            self._report_error(self.folder, f"No image of the split {split} has a label.")
        self.notes.append(f"{without} of the {len(frames)} images of {split} have no label.")

    def _has_split(self, split):
        lists = self.options.lists.replace("{split}", split)
        return split in self._files.splits.values() or (self.folder / lists).is_file()

    def _find_classes(self) -> ClassTable:
        paths = [f.label for frames in self.frames.values() for f in frames if f.label is not None]
        table = find_classes(self.folder, self.options, paths, self._report_error)
        self.notes += table.notes
        return table

    def _find_made_depth(self) -> MadeDepth | None:
        frames = {f.name: f for frames in self.frames.values() for f in frames if f.depth}.values()
        number = sum(frame.is_made for frame in frames)
        if not number:
            return None
        folder = self.folder / (self._files.patterns["made_depth"].root or MADE_FOLDER)
        try:
            record = read_record(folder)
        except ValueError as error:
            self._report_error(folder / RECORD, str(error))
            return None
        if record is None:
            self.notes.append(
                f"There is no {folder / RECORD}: nothing says by which model the depth of {number} "
                "frames was made, nor whether it is in metres."
            )
            return None
        self.notes.append(f"The depth of {number} frames is {record.describe()}.")
        measured = next((frame for frame in frames if not frame.is_made), None)
        if record.relative and measured is not None:
            self._report_error(
                folder / RECORD,
                f"Expected depth in metres in {folder}, to go with the measured {measured.depth}; "
                f"{folder / RECORD} says that it is relative: make it anew, aligned to what is "
                "measured.",
            )
        return record

    def _split(self, frames: dict[str, Frame]) -> dict[str, list[Frame]]:
        if self.options.draw_splits is not None:
            return self._drawn(frames)
        if SPLIT in self._files.patterns["rgb"].fields:
            return self._named_by_folders(frames)
        return self._listed(frames)

    def _listed(self, frames):
        """As lists say; a frame of a list has to have its image and its label."""
        names_of = collections.defaultdict(list)
        for name in frames:
            names_of[self._files.scene_of(name)].append(name)
        # What is a name or a path is not taken for a scene.
        for name, frame in frames.items():
            path = frame.image.relative_to(self.folder)
            names_of.update(dict.fromkeys(_ways_to_write(path), [name]))
            names_of[name + path.suffix] = [name]
        names_of.update({name: [name] for name in frames})
        names_of.pop("", None)
        lists = find_lists(self.folder, self.options.lists, self.options.splits, self._report_error)
        return {
            split: [
                self._complete(path, name, frames, split)
                for name in read_list(path, names_of, self._report_error)
            ]
            for split, path in lists.items()
        }

    def _complete(self, path, name, frames, split):
        frame = frames.get(name) or Frame(name, None, self._files.find("label", name), None)
        needed = {"rgb": frame.image}
        needed |= {} if split == self.options.unlabelled else {"label": frame.label}
        for kind, file in needed.items():
            if file is None:
                unless = f" (unlabelled={split!r} lets it have none)" if kind == "label" else ""
                self._report_error(
                    path,
                    f"{path} names the frame {name!r}, but there is no "
                    f"{self.folder / self._files.expected(kind, name)}{unless}.",
                )
        return frame

    def _drawn(self, frames):
        if SPLIT in self._files.patterns["rgb"].fields:
            raise ValueError(
                f"Expected draw_splits={self.options.draw_splits!r} or {{split}} in "
                f"rgb={self.options.rgb!r}, not both."
            )
        labelled = self._labelled(frames)
        if not labelled:
            return {}  # which is reported
        by_scene = self.options.draw_by == "scene"
        group_of = self._files.scene_of if by_scene else str
        scene_of = {name: group_of(name) for name in labelled}
        if by_scene and len(set(scene_of.values())) == 1:
            raise ValueError(
                f"Expected frames of several scenes in {self.folder}, to draw splits by scene "
                "(folders that names lie in, or {scene} in rgb): all are of one. draw_by='frame', "
                "on the command line --draw-by frame, draws frames."
            )
        drawn = draw_splits(scene_of, self.options.draw_splits, self.options.draw_seed)
        numbers = ", ".join(
            f"{split} {len(names)} frames"
            + (f" of {_scenes(scene_of[name] for name in names)}" if by_scene else "")
            for split, names in drawn.items()
        )
        self.notes.append(f"Splits drawn by {self.options.draw_by}: {numbers}.")
        wanted = self.options.unlabelled
        if wanted in drawn:
            split_of = {scene_of[name]: split for split in drawn for name in drawn[split]}
            rest = [name for name in frames if name not in labelled]
            drawn[wanted] += [n for n in rest if split_of.get(group_of(n), wanted) == wanted]
        self._note_unused(frames, {name for names in drawn.values() for name in names})
        return {split: [frames[name] for name in names] for split, names in drawn.items()}

    def _named_by_folders(self, frames):
        splits, labelled = collections.defaultdict(list), self._labelled(frames)
        used = {
            name
            for name in frames
            if name in labelled or self._files.splits[name] == self.options.unlabelled
        }
        self._note_unused(frames, used)
        for name in sorted(used):
            splits[self._files.splits[name]].append(frames[name])
        wanted = self.options.splits or sorted(splits)
        for split in wanted:
            if split not in splits:
                self._report_error(
                    self.folder,
                    f"Expected frames of the split {split} at {self.options.rgb} in "
                    f"{self.folder}; found those of {', '.join(sorted(splits)) or 'none'}.",
                )
        return {split: splits[split] for split in wanted}

    def _labelled(self, frames):
        labelled = {name: frame for name, frame in frames.items() if frame.label is not None}
        if frames and not labelled:
            name, frame = next(iter(frames.items()))
            expected = self.folder / self._files.expected("label", name)
            message = f"No image has a label: expected {expected} for {frame.image}."
            self._report_error(self.folder, message)
        return labelled

    def _note_unused(self, frames, used):
        without = sum(f.label is None and name not in used for name, f in frames.items())
        if without and used:
            self.notes.append(f"{without} of {len(frames)} images have no label, and are not used.")

    def _fingerprint(self):
        digest = hashlib.sha256(repr(self.class_table.state).encode())
        for split, frames in self.frames.items():
            for frame in frames:
                digest.update(repr((split, frame.name)).encode())
                for path in frame.files():
                    status = path.stat()
                    entry = path.relative_to(self.folder), status.st_size, status.st_mtime_ns
                    digest.update(repr(entry).encode())
        return digest.hexdigest()


def list_frames(folder: Path, options: FolderOptions) -> list[Frame]:
    """The frames of all splits, each once; in a folder without any label, those of all images.

    Raises:
        ValueError: as of `Layout`; there is no image.
    """
    if not folder.is_dir():
        raise ValueError(f"Expected a folder of RGB-D frames; {folder} is not a folder.")
    files = _Files(folder, options, raise_error, optional=("depth", "label"))
    files.require_images()
    if not files.found["label"]:
        return list(_join(files, options).values())
    splits = Layout(folder, options).frames.values()
    return list({frame.name: frame for frames in splits for frame in frames}.values())


def _ways_to_write(path):
    """How lists write the path of an image."""
    paths = (path.as_posix(), path.with_suffix("").as_posix())
    return [start + each for each in paths for start in ("", "./")]


def _scenes(names):
    number = len(set(names))
    return f"{number} scene{'s' if number > 1 else ''}"


class _Files:
    """The files of every kind: by the fields of their patterns, and by the frames' names."""

    def __init__(self, folder, options, report_error, optional=("depth",)):
        self.folder, self.ignored, self.splits = folder, [], {}
        self._optional = optional
        texts = {kind: getattr(options, kind) for kind in SUFFIXES}
        self.patterns = {
            kind: Pattern(text, SUFFIXES[kind], kind)
            for kind, text in texts.items()
            if text is not None
        }
        # A split tells frames apart where all kinds of files are kept by it.
        by_split = all(SPLIT in pattern.fields for pattern in self.patterns.values())
        unused = set() if by_split else {SPLIT}
        self.fields = [field for field in self.patterns["rgb"].fields if field not in unused]
        for kind, pattern in self.patterns.items():
            if set(pattern.fields) - unused != set(self.fields):
                raise ValueError(
                    f"Expected the same fields in rgb={options.rgb!r} and {kind}={pattern.text!r}."
                )
        self._report_error = report_error
        # Kinds of one root, which may be the whole folder, are looked for among one listing.
        roots = {pattern.root for pattern in self.patterns.values()}
        listings = {root: list_files(folder, root) for root in roots}
        self.found = {
            kind: self._find(kind, listings[pattern.root])
            for kind, pattern in self.patterns.items()
        }
        self._by_name = {
            kind: {self._name(key): path for key, path in found.items()}
            for kind, found in self.found.items()
        }

    def require_images(self) -> None:
        """Raises a `ValueError` if there is none, which says what there is in its place."""
        if self.found["rgb"]:
            return
        there = list_files(self.folder)
        pictures = [path for path in there if path.lower().endswith(SUFFIXES["rgb"])]
        # One of each folder.
        of_folders = {posixpath.dirname(path): path for path in reversed(pictures or there)}
        examples = ", ".join(sorted(of_folders.values())[:4]) or "no file"
        raise ValueError(
            f"Found no image at {self.patterns['rgb'].text} in {self.folder}, but {examples}: say "
            "where images, labels and depth are by rgb, label and depth, such as "
            "rgb='images/{name}_rgb.jpg' (or --rgb 'images/{name}_rgb.jpg'), or by a layout."
        )

    def all(self) -> Iterator[Path]:
        for found in self.found.values():
            yield from found.values()

    def find(self, kind, name) -> Path | None:
        return self._by_name.get(kind, {}).get(name)

    def scene_of(self, name) -> str:
        if SCENE in self.fields:
            return self._scenes.get(name, "")
        return posixpath.dirname(name)

    def expected(self, kind, name) -> str:
        """What a frame's file should be called, as far as that can be said."""
        pattern = self.patterns[kind]
        fields = {self.fields[0]: name} if len(self.fields) == 1 else {}
        ending = f" that ends in {' or '.join(pattern.suffixes)}" if pattern.is_open else ""
        return f"{pattern.describe(fields)}{ending}"

    def names(self) -> dict[tuple, str]:
        """Key of every image -> the name of its frame."""
        return {key: self._name(key) for key in self.found["rgb"]}

    def _find(self, kind, paths) -> dict[tuple, Path]:
        pattern, found = self.patterns[kind], {}
        root = self.folder / pattern.root
        if not root.is_dir() and kind not in self._optional:
            message = f"Expected a folder {pattern.root} in {self.folder}; there is none."
            self._report_error(root, message)
        for match in pattern.matches(paths):
            if kind != "made_depth" and match.path.startswith(f"{MADE_FOLDER}/"):
                continue  # What was made is nobody's image, though `{name}.png` describes it.
            path = self.folder / match.path
            if not match.readable:
                if path.is_file():
                    self.ignored.append((path, kind))
                continue
            if not path.is_file():
                instead = "a link that leads nowhere" if path.is_symlink() else "a folder"
                self._report_error(path, f"Expected a file at {path}; there is {instead}.")
                continue
            key = tuple(match.fields[field] for field in self.fields)
            if key in found:
                message = f"Expected one file a frame; received {found[key]} and {path}."
                self._report_error(path, message)
            found[key] = path
            if kind == "rgb":
                self.splits[self._name(key)] = match.fields.get(SPLIT)
        if kind == "rgb":
            self._scenes = {
                self._name(key): dict(zip(self.fields, key, strict=True)).get(SCENE, "")
                for key in found
            }
        return found

    @staticmethod
    def _name(key):
        return "/".join(part for part in key if part)


def _join(files: _Files, options: FolderOptions) -> dict[str, Frame]:
    """Name -> frame, for every image."""
    depths = _pair(files, options)
    made = files.found.get("made_depth", {})
    frames = {}
    for key, name in files.names().items():
        depth = depths.get(key)
        is_made = depth is None and key in made
        frames[name] = Frame(
            name,
            files.found["rgb"][key],
            files.found["label"].get(key),
            made[key] if is_made else depth,
            is_made,
        )
    return frames


def _pair(files, options) -> dict[tuple, Path]:
    """Key of an image -> its measured depth."""
    depths = files.found["depth"]
    if options.pair_within is None:
        return depths
    pairs = pair_keys(files.found["rgb"], depths, files.fields, options.pair_within)
    return {image: depths[depth] for image, depth in pairs.items()}
