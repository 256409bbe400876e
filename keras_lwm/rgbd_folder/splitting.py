"""Which split each frame of a folder belongs to: as lists say, folders' names, or a draw."""

import collections
import itertools
from collections.abc import Callable

from keras_lwm.rgbd_folder.frame_files import Frame, FrameFiles
from keras_lwm.rgbd_folder.options import FolderOptions
from keras_lwm.rgbd_folder.patterns import SPLIT
from keras_lwm.rgbd_folder.splits import SCORED_SPLITS, draw_splits, find_lists, read_list


class Splitting:
    """Splits the frames of a folder.

    Args:
        files: of the folder.
        options: how it is read.
        report_error: called with a file and a message for every error. If it returns, splitting
            goes on: such frames have `None` where an image or a label is missing.

    Attributes:
        notes: sentences on what was chosen here, for users to see.
    """

    def __init__(self, files: FrameFiles, options: FolderOptions, report_error: Callable):
        self.folder = files.folder
        self.options = options
        self.notes: list[str] = []
        self._files = files
        self._report_error = report_error

    def split(self, frames: dict[str, Frame]) -> dict[str, list[Frame]]:
        """Split -> its frames, in the order of the list, or of their names; `frames` by name."""
        if self.options.draw_splits is not None:
            splits = self._drawn(frames)
        elif SPLIT in self._files.patterns["rgb"].fields:
            splits = self._named_by_folders(frames)
        else:
            splits = self._listed(frames)
        if splits and self.options.unlabelled is not None:
            self._check_unlabelled(splits)
        self._note_shared(splits)
        return splits

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
        splits = {
            split: [
                self._complete(path, name, frames, split)
                for name in read_list(path, names_of, self._report_error)
            ]
            for split, path in self._lists().items()
        }
        if self.options.splits is None:
            listed = {frame.name for each in splits.values() for frame in each}
            more = "name them in a longer list, such as more.txt, for --unlabelled more"
            self._note_unused(frames, listed, f"no list names them; {more}")
        return splits

    def _lists(self):
        """Split -> its list; one of another name that needs no labels takes the place of train."""
        lists = find_lists(self.folder, self.options.lists, self.options.splits, self._report_error)
        split = self.options.unlabelled
        if split is None or self.options.splits is not None or split in lists:
            return lists
        path = self._list_of(split)
        if not path.is_file():
            return lists
        return {split: path} | {name: each for name, each in lists.items() if name != "train"}

    def _complete(self, path, name, frames, split):
        frame = frames.get(name) or Frame(name, None, self._files.find("label", name), None)
        needed = {"rgb": frame.image}
        needed |= {} if split == self.options.unlabelled else {"label": frame.label}
        for kind, file in needed.items():
            if file is None:
                may_lack = kind == "label" and split not in SCORED_SPLITS
                unless = f" (--unlabelled {split} lets it have none)" if may_lack else ""
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

    def _note_unused(self, frames, used, remark="--unlabelled SPLIT uses those of one"):
        without = sum(f.label is None and name not in used for name, f in frames.items())
        if without and used:
            split = self.options.unlabelled
            unused = f" and are not of {split}: they are not used"
            if split is None:
                unused = f", and are not used ({remark})"
            self.notes.append(f"{without} of {len(frames)} images have no label{unused}.")

    def _note_shared(self, splits):
        """Scores on frames that were trained on say nothing of others."""
        names_of = {split: {frame.name for frame in frames} for split, frames in splits.items()}
        for (one, names), (other, others) in itertools.combinations(names_of.items(), 2):
            if shared := len(names & others):
                self.notes.append(
                    f"{shared} of the {len(names)} images of {one} are in {other} too: what is "
                    "trained on one of the two is not to be scored on the other."
                )

    def _check_unlabelled(self, splits):
        split = self.options.unlabelled
        if split not in splits:
            if self.options.splits is not None and self._has_split(split):
                return  # Others were asked for.
            raise ValueError(
                f"Expected unlabelled as one of the splits {', '.join(splits)} of "
                f"{self.folder}; received {split!r}."
            )
        frames = splits[split]
        without = sum(frame.label is None for frame in frames)
        if frames and without == len(frames):
            self._report_error(self.folder, f"No image of the split {split} has a label.")
        self.notes.append(f"{without} of the {len(frames)} images of {split} have no label.")

    def _has_split(self, split):
        return split in self._files.splits.values() or self._list_of(split).is_file()

    def _list_of(self, split):
        return self.folder / self.options.lists.replace("{split}", split)


def _ways_to_write(path):
    """How lists write the path of an image."""
    paths = (path.as_posix(), path.with_suffix("").as_posix())
    return [start + each for each in paths for start in ("", "./")]


def _scenes(names):
    number = len(set(names))
    return f"{number} scene{'s' if number > 1 else ''}"
