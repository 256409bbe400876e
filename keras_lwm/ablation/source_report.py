"""The table of the depth sources: what hiding depth costs, and what making it brings back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.ablation.report import (
    OVERALL,
    difference_text,
    measured,
    paired,
    paired_scores,
    score_text,
    table,
)
from keras_lwm.ablation.runner import AblationFolder
from keras_lwm.atomic_write import atomic_write, write_json

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
    text = markdown(summary, gains, command, depth_errors, options)
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
            source: paired_scores(seeds, cells[baseline][source])
            for source, seeds in cells[row].items()
        }
    return gains


def markdown(
    summary: Mapping, gains: Mapping, command: str, depth_errors: Mapping, options: Mapping
) -> str:
    """The tables, of what `made_depth.json` holds."""
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
