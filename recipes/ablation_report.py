"""The ablation's tables and figure: means over seeds, and paired differences to the baseline."""

import math
from pathlib import Path

import numpy as np
from ablation_rows import BASELINE, METHOD
from scipy import stats

from keras_lwm.atomic_write import atomic_write, write_json

OVERALL = {
    "mean_iou": "mIoU",
    "mean_accuracy": "mAcc",
    "pixel_accuracy": "PixAcc",
    "frequency_weighted_iou": "fwIoU",
}


def measured(scores):
    """All figures of one cell by name, in per cent; what nothing was labelled for is left out."""
    figures = {title: scores[name] for name, title in OVERALL.items()}
    figures |= {f"mIoU, {name}": part["mean_iou"] for name, part in scores["subsets"].items()}
    figures |= {f"IoU, {row['name']}": row["iou"] for row in scores["classes"]}
    return {name: 100 * value for name, value in figures.items() if value is not None}


def interval(values):
    """Half the width of the 95 % interval of the mean (Student's t); None for a single value."""
    if len(values) < 2:
        return None
    return float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)


def paired(one, other, name):
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


def summarise(cells):
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


def markdown(summary, command, about):
    """The tables: overall scores, scores by part of the pixels, change of each class."""
    figures = summary[next(iter(summary))]["figures"]
    parts = [name for name in figures if name.startswith("mIoU, ")]
    blocks = [
        f"Made by `{command}`; {about}. Mean over seeds in per cent, and in brackets the paired "
        f"difference to `{BASELINE}` with its 95 % interval.",
        _table(summary, list(OVERALL.values())),
        _gain_table(summary),
        _table(summary, parts),
        _class_table(summary),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _gain_table(summary):
    rows = {row: entry["method_gain"] for row, entry in summary.items() if entry.get("method_gain")}
    if not rows:
        return ""
    lines = [[f"`{METHOD}` minus", *OVERALL.values()]]
    lines.append(["---"] + ["---:"] * len(OVERALL))
    for row, gains in rows.items():
        cells = (f"{gains[name]['difference']:+.2f}{_around(gains[name])}" for name in gains)
        lines.append([f"`{row}`", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(summary, names):
    head = ["row", "seeds", *names]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    for row, entry in summary.items():
        cells = [_cell(entry["figures"].get(name)) for name in names]
        lines.append([f"`{row}`", str(len(entry["seeds"])), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _class_table(summary):
    rows = [row for row in summary if row != BASELINE]
    figures = summary.get(BASELINE, summary[next(iter(summary))])["figures"]
    names = [name for name in figures if name.startswith("IoU, ")]
    lines = [["class", f"`{BASELINE}`", *(f"`{row}`" for row in rows)]]
    lines.append(["---"] + ["---:"] * (len(rows) + 1))
    for name in names:
        changes = [summary[row]["figures"].get(name, {}).get("difference") for row in rows]
        changes = ["-" if change is None else f"{change:+z.1f}" for change in changes]
        lines.append([name.removeprefix("IoU, "), f"{figures[name]['mean']:.1f}", *changes])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(figure):
    if figure is None:
        return "-"
    text = f"{figure['mean']:.2f}"
    if "difference" not in figure:
        return text
    return f"{text} ({figure['difference']:+.2f}{_around(figure)})"


def _around(figure):
    return "" if figure["interval"] is None else f" ± {figure['interval']:.2f}"


def figure(path, summary):
    """Draws each row's paired difference in mIoU and PixAcc, with intervals, as a PNG."""
    import matplotlib.pyplot as plt

    rows = [row for row in summary if row != BASELINE]
    drawing, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 0.4 * len(rows) + 1.4))
    for axis, name in zip(axes, ("mIoU", "PixAcc"), strict=True):
        figures = [summary[row]["figures"][name] for row in rows]
        means = [entry.get("difference", math.nan) for entry in figures]
        halves = [entry.get("interval") or 0.0 for entry in figures]
        axis.axvline(0, color="0.6", linewidth=1)
        axis.errorbar(means, range(len(rows)), xerr=halves, fmt="o", capsize=3)
        axis.set_xlabel(f"{name}, difference to {BASELINE} (points)")
        axis.set_yticks(range(len(rows)), rows)
        axis.grid(axis="x", color="0.9")
    axes[0].invert_yaxis()
    drawing.tight_layout()
    with atomic_write(path) as partial:
        drawing.savefig(partial, dpi=110)
    plt.close(drawing)


def report(folder, rows, seeds, command):
    """Writes `ablation.json`, `ablation.md` and `ablation.png` of the cells that are there.

    Args:
        folder: the `AblationFolder`.
        rows, seeds: which cells to look for.
        command: what made them, for the reader.

    Returns:
        The Markdown.
    """
    results = {
        row: {
            seed: folder.read_cell(row, seed)
            for seed in range(seeds)
            if folder.cell_path(row, seed).exists()
        }
        for row in rows
    }
    cells = {
        row: {seed: measured(result["scores"]) for seed, result in by_seed.items()}
        for row, by_seed in results.items()
        if by_seed
    }
    summary = summarise(cells)
    write_json(
        folder.path / "ablation.json",
        {
            "command": command,
            "options": {**folder.options, "data": Path(folder.options["data"]).name},
            "rows": summary,
        },
    )
    done = [result for by_seed in results.values() for result in by_seed.values()]
    frames, minutes = done[0]["scores"]["frames"], np.median([one["seconds"] for one in done]) / 60
    options = folder.options
    about = (
        f"{frames} frames of {options['score_split']} at "
        f"{options['size'][0]}x{options['size'][1]}, encoder "
        f"{'trained' if options['train_encoder'] else 'frozen'}, {options['epochs']} epochs, "
        f"{minutes:.1f} minutes of training a cell"
    )
    text = markdown(summary, command, about)
    with atomic_write(folder.path / "ablation.md") as partial:
        partial.write_text(text, encoding="utf-8")
    if len(summary) > 1 and BASELINE in summary:
        figure(folder.path / "ablation.png", summary)
    return text
