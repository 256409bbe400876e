"""The ablation's tables and figure: means over seeds, and paired differences to the baseline."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.ablation.rows import BASELINE, METHOD
from keras_lwm.ablation.runner import AblationFolder
from keras_lwm.atomic_write import atomic_write, write_json
from keras_lwm.extras import imports_of
from keras_lwm.report.page import write_ablation_page

OVERALL = {
    "mean_iou": "mIoU",
    "mean_accuracy": "mAcc",
    "pixel_accuracy": "PixAcc",
    "frequency_weighted_iou": "fwIoU",
}


def write_tables(folder: AblationFolder, rows: Sequence[str], seeds: int, command: str) -> str:
    """Writes `ablation.json`, `.md`, `.png` and `.html` of the cells that are complete.

    Args:
        folder: where the cells are.
        rows, seeds: which cells to look for, see `train_cells`; one is complete at least.
        command: what made them, for the reader.

    Returns:
        The Markdown.
    """
    complete = {
        (row, seed): folder.read_cell(row, seed)
        for row in rows
        for seed in range(seeds)
        if folder.cell_path(row, seed).exists()
    }
    cells = {}
    for (row, seed), result in complete.items():
        cells.setdefault(row, {})[seed] = measured(result["scores"])
    summary = summarise(cells)
    options = {**folder.options, "data": Path(folder.options["data"]).name}
    write_json(
        folder.path / "ablation.json", {"command": command, "options": options, "rows": summary}
    )
    setting = _setting(options, list(complete.values()))
    text = markdown(summary, command, setting)
    with atomic_write(folder.path / "ablation.md") as partial:
        partial.write_text(text, encoding="utf-8")
    if len(summary) > 1 and BASELINE in summary:
        draw_differences(folder.path / "ablation.png", summary)
    write_ablation_page(folder.path / "ablation.html", summary, command, setting, BASELINE)
    return text


def _setting(options, results):
    height, width = options["size"]
    minutes = np.median([result["seconds"] for result in results]) / 60
    return (
        f"{results[0]['scores']['frames']} frames of {options['score_split']} at {height}x{width}, "
        f"encoder {'trained' if options['train_encoder'] else 'frozen'}, {options['epochs']} "
        f"epochs, {minutes:.1f} minutes of training a cell"
    )


def measured(scores: Mapping) -> dict[str, float]:
    """All figures of one cell by name, in per cent; a class without labelled pixels has none."""
    figures = {title: scores[name] for name, title in OVERALL.items()}
    figures |= {f"mIoU, {name}": part["mean_iou"] for name, part in scores["subsets"].items()}
    figures |= {f"IoU, {row['name']}": row["iou"] for row in scores["classes"]}
    return {name: 100 * value for name, value in figures.items() if value is not None}


def interval(values: Sequence[float]) -> float | None:
    """Half the width of the 95 % interval of the mean (Student's t); None for a single value."""
    if len(values) < 2:
        return None
    with imports_of("report", "An interval of the ablation"):
        from scipy import stats

    return float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)


def paired(one: Mapping, other: Mapping, name: str) -> dict | None:
    """Mean of `one` minus `other` over the seeds they share, and the half width of its interval.

    Args:
        one, other: {seed: figures} of two rows.
        name: of the figure. None if no seed has it in both.
    """
    pairs = [
        figures[name] - other[seed][name]
        for seed, figures in one.items()
        if name in figures and name in other.get(seed, {})
    ]
    return {"difference": float(np.mean(pairs)), "interval": interval(pairs)} if pairs else None


def summarise(cells: Mapping) -> dict:
    """{row: {"seeds", "figures": {figure: mean, values, difference and interval}, "method_gain"}}.

    Args:
        cells: {row: {seed: figures}}. A difference is the row's to the baseline, `method_gain` the
            whole method's to the row; both are paired by seed.
    """
    summary = {}
    for row, seeds in cells.items():
        names = set.intersection(*(set(figures) for figures in seeds.values()))
        summary[row] = {"seeds": sorted(seeds), "figures": {}}
        for name in sorted(names):
            values = [figures[name] for figures in seeds.values()]
            figure = {"mean": float(np.mean(values)), "values": values}
            if row != BASELINE:
                figure |= paired(seeds, cells.get(BASELINE, {}), name) or {}
            summary[row]["figures"][name] = figure
        if row != METHOD and METHOD in cells:
            gains = {name: paired(cells[METHOD], seeds, name) for name in OVERALL.values()}
            summary[row]["method_gain"] = {name: gain for name, gain in gains.items() if gain}
    return summary


def markdown(summary: Mapping, command: str, setting: str) -> str:
    """The tables: overall scores, scores by part of the pixels, change of each class."""
    figures = summary[next(iter(summary))]["figures"]
    parts = [name for name in figures if name.startswith("mIoU, ")]
    blocks = [
        f"Made by `{command}`; {setting}. Mean over seeds in per cent, and in brackets the paired "
        f"difference to `{BASELINE}` with its 95 % interval.",
        _score_table(summary, list(OVERALL.values())),
        _gain_table(summary),
        _score_table(summary, parts),
        _class_table(summary),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _score_table(summary, names):
    lines = []
    for row, entry in summary.items():
        scores = [_score(entry["figures"].get(name)) for name in names]
        lines.append([f"`{row}`", str(len(entry["seeds"])), *scores])
    return _table(["row", "seeds", *names], lines)


def _gain_table(summary):
    lines = []
    for row, entry in summary.items():
        if entry.get("method_gain"):
            gains = (_difference(gain) for gain in entry["method_gain"].values())
            lines.append([f"`{row}`", *gains])
    return _table([f"`{METHOD}` minus", *OVERALL.values()], lines) if lines else ""


def _class_table(summary):
    rows = [row for row in summary if row != BASELINE]
    figures = summary.get(BASELINE, summary[next(iter(summary))])["figures"]
    lines = []
    for name, figure in figures.items():
        if name.startswith("IoU, "):
            changes = [summary[row]["figures"].get(name, {}).get("difference") for row in rows]
            changes = ["-" if change is None else f"{change:+z.1f}" for change in changes]
            lines.append([name.removeprefix("IoU, "), f"{figure['mean']:.1f}", *changes])
    return _table(["class", f"`{BASELINE}`", *(f"`{row}`" for row in rows)], lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def _score(figure):
    if figure is None:
        return "-"
    mean = f"{figure['mean']:.2f}"
    return f"{mean} ({_difference(figure)})" if "difference" in figure else mean


def _difference(figure):
    around = "" if figure["interval"] is None else f" ± {figure['interval']:.2f}"
    return f"{figure['difference']:+.2f}{around}"


def draw_differences(path: Path, summary: Mapping) -> None:
    """Draws each row's paired difference in mIoU and PixAcc, with intervals, as a PNG."""
    with imports_of("report", "The ablation's figure"):
        from matplotlib.figure import Figure

    rows = [row for row in summary if row != BASELINE]
    drawing = Figure(figsize=(9, 0.4 * len(rows) + 1.4))
    axes = drawing.subplots(1, 2, sharey=True)
    for axis, name in zip(axes, ("mIoU", "PixAcc"), strict=True):
        figures = [summary[row]["figures"][name] for row in rows]
        means = [entry.get("difference", math.nan) for entry in figures]
        halves = [entry.get("interval") or 0.0 for entry in figures]
        axis.axvline(0, color="0.6", linewidth=1)
        axis.errorbar(means, range(len(rows)), xerr=halves, fmt="o", capsize=3)
        axis.set_xlabel(f"{name}, difference to {BASELINE} (points)")
        axis.set_yticks(range(len(rows)), rows)
        axis.locator_params(axis="x", nbins=6)
        axis.grid(axis="x", color="0.9")
    axes[0].invert_yaxis()
    drawing.tight_layout()
    with atomic_write(path) as partial:
        drawing.savefig(partial, dpi=110)
