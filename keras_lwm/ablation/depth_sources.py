"""What made depth is worth: the same cells with all, some, and some measured and the rest made.

The frames, labels, initial values and order of the data are the same in all three, so differences
are paired by seed.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.ablation.report import (
    OVERALL,
    difference_text,
    measured,
    paired,
    score_text,
    table,
)
from keras_lwm.ablation.runner import AblationFolder
from keras_lwm.atomic_write import atomic_write, write_json
from keras_lwm.metrics.depth import DepthErrors
from keras_lwm.rgbd_folder import Layout
from keras_lwm.rgbd_folder.files import read_depth

SOURCES = {
    "measured": "every training frame is measured",
    "some": "some training frames are measured, the others have no depth",
    "made": "some training frames are measured, the depth of the others is made",
}
_DEPTH = {
    "abs_rel": ("abs rel (%)", 100),
    "rmse": ("RMSE (m)", 1),
    "delta_1.25": ("within 1.25 (%)", 100),
}
_DEPTH_TITLES = [title for title, _ in _DEPTH.values()]


def hide_depth(folder: Path, out: Path, split: str, keep_every: int, kept_list: str) -> None:
    """Makes a folder of links to frames of which only every so-many-th of a split has its depth.

    Args:
        folder: the frames; nothing is written to it.
        out: the new folder. One that is there is left as it is.
        split: the list whose frames lose their depth; those of other lists keep it.
        keep_every: 5: every fifth frame keeps its depth, the first included.
        kept_list: name of a list, written to `out`, of the frames of `split` that keep it.
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
    (building / f"{kept_list}.txt").write_text(kept + "\n", encoding="utf-8")
    os.replace(building, out)


def made_depth_errors(folder: Path, made: Path, depth_unit: float | None, unit: float) -> dict:
    """How far made depth is from what was hidden: scores of `DepthErrors`, and the `frames`.

    Args:
        folder: the frames as they were measured.
        made: the folder of the made files, `NAME.png`.
        depth_unit, unit: metres per unit of the one and the other.
    """
    files = Layout(folder).files["depth"]
    errors, frames = DepthErrors(), 0
    for path in sorted(made.rglob("*.png")):
        name = path.relative_to(made).with_suffix("").as_posix()
        true, own = read_depth(files[name], depth_unit), read_depth(path, unit)
        # Of both, that is: what the model calls too far has no depth.
        true = np.where(own > 0, true, 0)
        errors.update_state(true[None, ..., None], np.where(own > 0, own, 1)[None, ..., None])
        frames += 1
    return {"frames": frames, **{name: float(value) for name, value in errors.result().items()}}


def write_comparison(
    path: Path,
    folders: Mapping[str, AblationFolder],
    rows: Sequence[str],
    seeds: int,
    command: str,
    depth_errors: Mapping,
) -> str:
    """Writes `made_depth.json` and `made_depth.md` of the cells that are complete.

    Args:
        path: the folder to write to.
        folders: {name out of `SOURCES`: its ablation}.
        rows, seeds: which cells.
        command: what made them, for the reader.
        depth_errors: of `made_depth_errors`.

    Returns:
        The Markdown.
    """
    cells = {row: _cells(folders, row, seeds) for row in rows}
    summary = {row: compare_sources(of_row) for row, of_row in cells.items()}
    options = {**folders["measured"].options}
    options["data"] = Path(options["data"]).name
    gains = method_gains(cells, rows)
    write_json(
        path / "made_depth.json",
        {
            "command": command,
            "options": options,
            "made_depth": depth_errors,
            "rows": summary,
            "gains": gains,
        },
    )
    text = _markdown(summary, gains, command, depth_errors, options)
    with atomic_write(path / "made_depth.md") as partial:
        partial.write_text(text, encoding="utf-8")
    return text


def _cells(folders, row, seeds):
    """{source: {seed: figures}} of the complete cells of a row."""
    return {
        source: {
            seed: _figures(folder.read_cell(row, seed)["scores"])
            for seed in range(seeds)
            if folder.cell_path(row, seed).exists()
        }
        for source, folder in folders.items()
    }


def _figures(scores):
    return measured(scores) | _depth_figures(scores.get("depth") or {})


def _depth_figures(scores):
    return {
        title: factor * scores[name] for name, (title, factor) in _DEPTH.items() if name in scores
    }


def compare_sources(cells: Mapping) -> dict:
    """{source: {"seeds", "figures": {figure: mean, values, difference, interval}, "to_some"}}.

    Args:
        cells: {source: {seed: figures}} of one row. The difference is the source's to `measured`,
            and `to_some` that to `some`; both are paired by seed.
    """
    summary = {}
    for source, seeds in cells.items():
        if not seeds:
            continue
        names = set.intersection(*(set(figures) for figures in seeds.values()))
        summary[source] = {"seeds": sorted(seeds), "figures": {}, "to_some": {}}
        for name in sorted(names):
            values = [figures[name] for figures in seeds.values()]
            figure = {"mean": float(np.mean(values)), "values": values}
            if source != "measured":
                figure |= paired(seeds, cells["measured"], name) or {}
            summary[source]["figures"][name] = figure
            if source == "made" and (to_some := paired(seeds, cells["some"], name)):
                summary[source]["to_some"][name] = to_some
    return summary


def method_gains(cells: Mapping, rows: Sequence[str]) -> dict:
    """{row: {source: {figure: paired difference to the first row}}}, for every row but the first.

    Args:
        cells: {row: {source: {seed: figures}}}.
        rows: their names; the first is the baseline.
    """
    baseline, *others = rows
    gains = {}
    for row in others:
        gains[row] = {
            source: {
                name: gain
                for name in OVERALL.values()
                if (gain := paired(seeds, cells[baseline][source], name))
            }
            for source, seeds in cells[row].items()
        }
    return gains


def _markdown(summary, gains, command, depth_errors, options):
    figures = [*OVERALL.values(), *_DEPTH_TITLES]
    lines, to_some = [], []
    for row, sources in summary.items():
        for source, entry in sources.items():
            scores = [score_text(entry["figures"].get(name)) for name in figures]
            lines.append([f"`{row}`, {source}", str(len(entry["seeds"])), *scores])
        if sources.get("made", {}).get("to_some"):
            differences = sources["made"]["to_some"]
            to_some.append([f"`{row}`", *(_optional(differences.get(name)) for name in figures)])
    of_gains = [
        [f"`{row}`, {source}", *(_optional(gain.get(name)) for name in OVERALL.values())]
        for row, sources in gains.items()
        for source, gain in sources.items()
    ]
    baseline = next(iter(summary))
    sources = "; ".join(f"{name}: {text}" for name, text in SOURCES.items())
    height, width = options["size"]
    setting = (
        f"frames of {height}x{width}, encoder "
        f"{'trained' if options['train_encoder'] else 'frozen'}, {options['epochs']} epochs"
    )
    quality = ", ".join(
        f"{name} {value:.2f}" for name, value in _depth_figures(depth_errors).items()
    )
    blocks = [
        f"Made by `{command}`; {setting}. {sources}. Segmentation in per cent, mean over seeds, "
        "and in brackets the paired difference to `measured` with its 95 % interval; the last "
        "three columns are of the depth branch on the scored frames.",
        f"Made depth of {depth_errors['frames']} frames, beside what was hidden: {quality}.",
        table(["row, depth", "seeds", *figures], lines),
        table(["made minus some", *figures], to_some),
        table([f"minus `{baseline}`, depth", *OVERALL.values()], of_gains),
    ]
    return "\n\n".join(blocks) + "\n"


def _optional(difference):
    return "-" if difference is None else difference_text(difference)
