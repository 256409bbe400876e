"""The files of every frame of a folder: found by their patterns, told apart by their fields."""

import dataclasses
import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from keras_lwm.rgbd_folder import depth_files, labels
from keras_lwm.rgbd_folder.made_depth import MADE_FOLDER
from keras_lwm.rgbd_folder.options import FolderOptions
from keras_lwm.rgbd_folder.patterns import SCENE, SPLIT, Pattern, list_files
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


class FrameFiles:
    """The files of every kind: by the fields of their patterns, and by the frames' names.

    Args:
        folder: where they are.
        options: what they are called.
        report_error: called with a file and a message for every error.
        optional: kinds whose folder may be missing.

    Attributes:
        ignored: (file, kind) of those that lie where files of a kind do, and cannot be read.
        patterns: kind -> its `Pattern`.
        found: kind -> key of fields -> path.
        splits: name of a frame -> its field `{split}`; `None` where there is none such.
    """

    def __init__(
        self,
        folder: Path,
        options: FolderOptions,
        report_error: Callable,
        optional: Sequence[str] = ("depth",),
    ):
        self.folder, self.ignored, self.splits = folder, [], {}
        self._options = options
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
        """Every file that was found."""
        for found in self.found.values():
            yield from found.values()

    def find(self, kind: str, name: str) -> Path | None:
        """A frame's file of a kind, or None."""
        return self._by_name.get(kind, {}).get(name)

    def scene_of(self, name: str) -> str:
        """The field `{scene}` of a frame, or else the folder that its name lies in."""
        if SCENE in self.fields:
            return self._scenes.get(name, "")
        return posixpath.dirname(name)

    def expected(self, kind: str, name: str) -> str:
        """What a frame's file should be called, as far as that can be said."""
        pattern = self.patterns[kind]
        fields = {self.fields[0]: name} if len(self.fields) == 1 else {}
        ending = f" that ends in {' or '.join(pattern.suffixes)}" if pattern.is_open else ""
        return f"{pattern.describe(fields)}{ending}"

    def frames(self) -> dict[str, Frame]:
        """Name -> frame, for every image."""
        depths = self._depths()
        made = self.found.get("made_depth", {})
        frames = {}
        for key in self.found["rgb"]:
            name, depth = self._name(key), depths.get(key)
            is_made = depth is None and key in made
            frames[name] = Frame(
                name,
                self.found["rgb"][key],
                self.found["label"].get(key),
                made[key] if is_made else depth,
                is_made,
            )
        return frames

    def _depths(self):
        """Key of an image -> its measured depth."""
        depths, within = self.found["depth"], self._options.pair_within
        if within is None:
            return depths
        pairs = pair_keys(self.found["rgb"], depths, self.fields, within)
        return {image: depths[depth] for image, depth in pairs.items()}

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
