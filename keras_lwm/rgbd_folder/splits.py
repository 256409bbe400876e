"""Which frames belong to which split: by lists, by the folders they lie in, or drawn."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.rgbd_folder.classes import repetitions
from keras_lwm.rgbd_folder.text_files import raise_error, read_lines

USUAL_SPLITS = ("train", "tune", "val", "valid", "validation", "dev", "test")
DRAWN_SPLITS = ("train", "val", "test")
TRAINING_SPLITS = ("train", "training")
VALIDATION_SPLITS = ("val", "validation", "valid", "dev", "tune")
TEST_SPLITS = ("test", "testing")
SCORED_SPLITS = VALIDATION_SPLITS + TEST_SPLITS
"""Usual names of splits that are not trained on."""


def find_lists(
    folder: Path, lists: str, splits: Sequence[str] | None, report_error: Callable = raise_error
) -> dict[str, Path]:
    """Split -> the file that lists its frames.

    Args:
        folder: of the frames.
        lists: path of a list in it, with `{split}` in place of the split's name.
        splits: names of splits; `None`: those of `USUAL_SPLITS` that have a list.
    """
    paths = {split: folder / lists.replace("{split}", split) for split in splits or USUAL_SPLITS}
    if splits is not None:
        return paths
    found = {split: path for split, path in paths.items() if path.is_file()}
    if not found:
        names = ", ".join(str(path.relative_to(folder)) for path in paths.values())
        report_error(
            folder,
            f"Found no list of frames in {folder}: expected one of {names}, or "
            "splits=('name', ...) for lists of other names, or draw_splits=(0.8, 0.1, 0.1), on the "
            "command line --draw-splits 0.8,0.1,0.1.",
        )
    return found


def read_list(
    path: Path, names_of: Mapping[str, Sequence[str]], report_error: Callable = raise_error
) -> list[str]:
    """The names of the frames that a list names, in its order.

    Args:
        path: of the list: a line is the name of a frame, or something else that frames are called
            by.
        names_of: all that a line may be -> the frames that it means. A line that is not among them
            is taken for a name.
    """
    lines = read_lines(path, report_error)
    names = [name for line in lines for name in names_of.get(line, (line,))]
    for name in repetitions(names):
        report_error(path, f"{path} names the frame {name!r} twice.")
    return list(dict.fromkeys(names))


def draw_splits(
    scene_of: Mapping[str, str], shares: Sequence[float], seed: int
) -> dict[str, list[str]]:
    """Draws whole scenes into the splits of `DRAWN_SPLITS`.

    Scenes are taken in an order drawn by `seed`; each goes to the split that lacks the largest part
    of its share of the frames. The same frames, shares and seed give the same splits.

    Args:
        scene_of: name of a frame -> its scene.
        shares: of the frames, for each split; a split whose share is 0 is left out.
        seed: of the draw.

    Raises:
        ValueError: if there are fewer scenes than splits.
    """
    splits = [split for split, share in zip(DRAWN_SPLITS, shares, strict=True) if share > 0]
    wanted = np.array([share for share in shares if share > 0]) * len(scene_of)
    frames_of = {}
    for name in sorted(scene_of):
        frames_of.setdefault(scene_of[name], []).append(name)
    if len(frames_of) < len(splits):
        raise ValueError(
            f"Expected at least {len(splits)} scenes for the splits {', '.join(splits)}; found "
            f"{len(frames_of)}: {', '.join(map(repr, frames_of)) or 'none'}."
        )
    order = np.random.default_rng(seed).permutation(len(frames_of))
    scenes = [list(frames_of)[index] for index in order]
    drawn = {split: [] for split in splits}
    numbers = np.zeros(len(splits))
    for position, scene in enumerate(scenes):
        lack = (wanted - numbers) / wanted
        if np.count_nonzero(numbers == 0) == len(scenes) - position:
            # The last scenes are for the splits that have none.
            lack[numbers > 0] = -np.inf
        chosen = int(np.argmax(lack))
        drawn[splits[chosen]] += frames_of[scene]
        numbers[chosen] += len(frames_of[scene])
    return {split: sorted(names) for split, names in drawn.items()}
