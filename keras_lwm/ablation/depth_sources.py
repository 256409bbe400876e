"""What made depth is worth: the same cells with all, some, and some measured and the rest made.

The frames, labels, initial values and order of the data are the same in all three, so differences
are paired by seed.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.ablation.rows import BASELINE
from keras_lwm.ablation.runner import AblationFolder, train_cells
from keras_lwm.local_paths import local_path
from keras_lwm.made_depth import make_depth, open_estimator
from keras_lwm.metrics.depth import DepthErrors
from keras_lwm.progress_bar import ProgressBar
from keras_lwm.rgbd_folder import FolderOptions, Layout
from keras_lwm.rgbd_folder.frames import MADE_DEPTH
from keras_lwm.rgbd_folder.made_depth import MADE_FOLDER

_KEPT = "with_depth"


def train_sources(
    path: Path,
    options: Mapping,
    keep_every: int,
    rows: Sequence[str],
    seeds: int,
    workers: int = 1,
    loaders: int = 1,
) -> tuple[dict[str, AblationFolder], dict]:
    """Hides depth, makes it again, and trains the missing cells of all three sources.

    The depth is made once for all seeds, by the depth branch of a network of the baseline's row
    and seed 0, which is trained on the frames that keep theirs and on no other, for as many steps
    as a cell.

    Args:
        path: where everything is kept; what is complete there is not done again.
        options: the ablation's; `data` is a folder of frames.
        keep_every: every so-many-th training frame keeps its depth.
        rows, seeds, workers, loaders: as of `train_cells`.

    Returns:
        {name out of `SOURCES`: its ablation}, and the scores of `made_depth_errors`.
    """
    path, data = local_path(path), Path(options["data"])
    frames = path / "frames"
    hide_depth(data, frames, options["train_split"], keep_every)
    network = AblationFolder(
        path / "depth_network",
        {
            **options,
            "data": frames,
            "train_split": _KEPT,
            "epochs": keep_every * options["epochs"],
        },
    )
    train_cells(network, [BASELINE], 1, loaders=loaders)
    _make(frames, network.network_path(BASELINE, 0), options)
    errors = made_depth_errors(data, frames / MADE_FOLDER, options["depth_unit"])
    made = f"{MADE_FOLDER}/{{name}}"
    folders = {
        "measured": AblationFolder(path / "measured", {**options, "made_depth": None}),
        "some": AblationFolder(path / "some", {**options, "data": frames, "made_depth": None}),
        "made": AblationFolder(path / "made", {**options, "data": frames, "made_depth": made}),
    }
    for seed in range(seeds):
        for source, folder in folders.items():
            print(f"Depth {source}, seed {seed}", flush=True)
            train_cells(folder, rows, seed + 1, workers, loaders)
    return folders, errors


def _make(frames, network, options):
    estimator = open_estimator(network, tuple(options["size"]))
    making = make_depth(
        frames,
        estimator,
        FolderOptions(depth_unit=options["depth_unit"], splits=(options["train_split"],)),
    )
    with ProgressBar(making, "Making depth", "frames") as made:
        for _ in made:
            pass


def hide_depth(folder: Path, out: Path, split: str, keep_every: int) -> None:
    """Makes a folder of links to frames of which only every so-many-th of a split has its depth.

    Its list `with_depth.txt` names those that keep it.

    Args:
        folder: the frames; nothing is written to it.
        out: the new folder. One that is there is left as it is.
        split: the list whose frames lose their depth; those of other lists keep it.
        keep_every: 5: every fifth frame keeps its depth, the first included.
    """
    if out.exists():
        return
    layout = Layout(folder)
    names = [frame.name for frame in layout.frames[split]]
    hidden = set(names) - set(names[::keep_every])
    building = out.with_name(f"{out.name}.partial")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    for kind in ("rgb", "label"):
        (building / kind).symlink_to((folder / kind).resolve())
    for frames in layout.frames.values():
        for frame in frames:
            if frame.depth is not None and frame.name not in hidden:
                link = building / frame.depth.relative_to(folder)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.unlink(missing_ok=True)
                link.symlink_to(frame.depth.resolve())
    for path in folder.glob("*.txt"):
        shutil.copyfile(path, building / path.name)
    kept = "\n".join(names[::keep_every])
    (building / f"{_KEPT}.txt").write_text(kept + "\n", encoding="utf-8")
    os.replace(building, out)


def made_depth_errors(folder: Path, made: Path, depth_unit: float | None) -> dict:
    """How far made depth is from what was hidden: scores of `DepthErrors`, and the `frames`.

    Args:
        folder: the frames as they were measured.
        made: the folder of the made files, `NAME.png`.
        depth_unit: metres per unit of theirs.
    """
    options = FolderOptions(depth_unit=depth_unit)
    layout, errors, frames = Layout(folder, options), DepthErrors(), 0
    measured = {frame.name: frame.depth for each in layout.frames.values() for frame in each}
    for path in sorted(made.rglob("*.png")):
        name = path.relative_to(made).with_suffix("").as_posix()
        true, own = options.depth_reading().read(measured[name]), MADE_DEPTH.read(path)
        # Of both, that is: what the model calls too far has no depth.
        true = np.where(own > 0, true, 0)
        errors.update_state(true[None, ..., None], np.where(own > 0, own, 1)[None, ..., None])
        frames += 1
    return {"frames": frames, **{name: float(value) for name, value in errors.result().items()}}
