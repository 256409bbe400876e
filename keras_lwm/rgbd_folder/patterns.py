"""Where files of a kind lie in a folder: `images/{scene}/{name}_rgb.jpg`, matched against paths."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

SPLIT = "split"
SCENE = "scene"

_FIELD = re.compile(r"\{(\w+)\}")
_PIECES = re.compile(r"(\{\w+\}|\*)")

# What ends a path of some kind of file, be it of one that can be read or not.
_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pgm", ".exr"),
    *(".npy", ".npz", ".h5", ".hdf5", ".mat", ".txt", ".csv", ".json", ".bin", ".pcd", ".ply"),
)


class Match(NamedTuple):
    """A file that a pattern describes: its path in the folder, and what each field stands for.

    `readable` is whether its suffix is one of a pattern's that leaves the suffix open.
    """

    path: str
    fields: dict[str, str]
    readable: bool


class Pattern:
    """The paths of one kind of file, relative to the folder, with `/`.

    `{name}` and other fields stand for text that tells frames apart, and files of one frame have
    equal ones; `*` stands for any text. Neither reaches over a `/`, but the first field does, so
    that names may have folders of their own. `{split}` is the split that the frame belongs to. A
    `{scene}/` that the pattern begins with may be missing: the files of one scene are its folder.

    Args:
        text: the pattern. Without a suffix, all of `suffixes` are meant.
        suffixes: of files that can be read, such as ".png"; upper and lower case are one.
        option: what messages call the pattern.

    Raises:
        ValueError: for a pattern that no path in a folder can have, or that tells no frames apart.
    """

    def __init__(self, text: str, suffixes: Sequence[str], option: str):
        self.text = text
        self.suffixes = tuple(suffixes)
        self.fields = tuple(dict.fromkeys(_FIELD.findall(text)))
        _check(text, self.fields, option)
        suffix = PurePosixPath(re.sub(r"[{}*]", "_", text)).suffix.lower()
        # Any other ending, such as that of `frame.{name}`, belongs to the name.
        self.is_open = suffix not in (*self.suffixes, *_SUFFIXES)
        if not self.is_open and suffix not in self.suffixes:
            raise ValueError(
                f"Expected {option} to end in one of {', '.join(self.suffixes)}, or in none of "
                f"them for all; received {text!r}."
            )
        self._regex = re.compile(self._expression(suffix))

    @property
    def root(self) -> str:
        """The folders that every path begins with, "" where there are none."""
        fixed = re.split(r"[{*]", self.text, maxsplit=1)[0]
        return fixed.rpartition("/")[0]

    def matches(self, paths: Sequence[str]) -> Iterator[Match]:
        """Those of the paths, relative to the folder, that the pattern describes."""
        for path in paths:
            match = self._regex.fullmatch(path)
            if match:
                fields = {field: match[field] or "" for field in self.fields}
                suffix = PurePosixPath(path).suffix.lower()
                yield Match(path, fields, not self.is_open or suffix in self.suffixes)

    def describe(self, fields: dict[str, str]) -> str:
        """The path that these fields make, for messages: without a suffix where it is open."""
        return _FIELD.sub(lambda match: fields.get(match[1]) or match[0], self.text)

    def _expression(self, suffix):
        text = self.text if self.is_open else self.text[: -len(suffix)]
        spanning = next(field for field in self.fields if field != SPLIT)
        seen, parts = set(), []
        if text.startswith(f"{{{SCENE}}}/"):
            text = text[len(SCENE) + 3 :]
            parts.append(f"(?:(?P<{SCENE}>.+)/)?")
            seen.add(SCENE)
        for piece in _PIECES.split(text):
            field = piece[1:-1]
            if piece == "*":
                parts.append("[^/]*")
            elif not piece.startswith("{"):
                parts.append(re.escape(piece))
            elif field in seen:
                parts.append(f"(?P={field})")
            else:
                seen.add(field)
                parts.append(f"(?P<{field}>{'.+' if field == spanning else '[^/]+'})")
        ending = r"\.[^./]+" if self.is_open else f"(?i:{re.escape(suffix)})"
        return "".join(parts) + ending


def _check(text, fields, option):
    parts = text.split("/")
    if text.startswith("/") or ".." in parts or "" in parts or "\\" in text:
        raise ValueError(
            f"Expected {option} as a path in the folder, such as 'images/{{name}}_rgb.jpg'; "
            f"received {text!r}."
        )
    without = _FIELD.sub("", text)
    named = set(fields) - {SPLIT, SCENE} and all(field.isidentifier() for field in fields)
    if "{" in without or "}" in without or not named:
        raise ValueError(
            f"Expected {option} to name its parts in braces, one of them {{name}}, such as "
            f"'images/{{scene}}/{{name}}_rgb.jpg'; received {text!r}."
        )


def list_files(folder: Path, root: str = "") -> list[str]:
    """Every file in a folder and the folders in it, but hidden ones, sorted.

    Links to folders are followed, unless they lead to where they are in. A folder that is called as
    a file is, such as `a.png/`, and a link that leads nowhere are among them.

    Args:
        folder: the folder.
        root: only below this one in it.

    Returns:
        Paths relative to `folder`, with `/`.

    Raises:
        ValueError: for a folder that cannot be read.
    """
    found = []
    waiting = [(folder / root if root else folder, f"{root}/" if root else "", ())]
    while waiting:
        place, prefix, above = waiting.pop()
        real = os.path.realpath(place)
        if real in above:
            continue
        try:
            entries = list(os.scandir(place))
        except (FileNotFoundError, NotADirectoryError):
            # The caller finds no files in it, and says so.
            continue
        except OSError as error:
            raise ValueError(f"Cannot read the folder {place}: {error.strerror}.") from error
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = prefix + entry.name
            # Unlike an entry of `scandir`, a path does not mind a link that leads to itself.
            is_folder = os.path.isdir(entry.path)
            if is_folder:
                waiting.append((entry.path, f"{path}/", (*above, real)))
            if not is_folder or "." in entry.name:
                found.append(path)
    return sorted(found)
