"""The ablation's tables: means over seeds, and paired differences to the baseline."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.ablation.bootstrap import DRAWS, SEED, difference_interval, drawn_scores
from keras_lwm.ablation.counts import counts_by_scene
from keras_lwm.ablation.rows import BASELINE, METHOD, ROWS
from keras_lwm.ablation.runner import AblationFolder
from keras_lwm.ablation.student import quantile
from keras_lwm.atomic_write import atomic_write, write_json

OVERALL = {
    "mean_iou": "mIoU",
    "mean_accuracy": "mAcc",
    "pixel_accuracy": "PixAcc",
    "frequency_weighted_iou": "fwIoU",
}


def write_tables(folder: AblationFolder, rows: Sequence[str], seeds: int, command: str) -> str:
    """Writes `ablation.json` and `.md` of the cells that are complete; `draw_tables` does the rest.

    Args:
        folder: where the cells are.
        rows, seeds: which cells to look for, see `train_cells`; one is complete at least.
        command: what made them, for the reader.

    Returns:
        The Markdown.

    Raises:
        ValueError: a cell is complete but for the counts of its frames.
    """
    complete = {
        (row, seed): folder.read_cell(row, seed)
        for row in rows
        for seed in range(seeds)
        if folder.cell_path(row, seed).exists()
    }
    cells, counts = {}, {}
    for (row, seed), result in complete.items():
        cells.setdefault(row, {})[seed] = measured(result["scores"])
        of_scenes = counts_by_scene(folder.counts_path(row, seed))
        counts.setdefault(row, {})[seed] = of_scenes
    summary = summarise(cells)
    scenes = len(of_scenes)
    if scenes > 1:
        add_bootstrap(summary, counts)
    options = {**folder.options, "data": Path(folder.options["data"]).name}
    setting = _setting(options, list(complete.values()), scenes)
    values = {"command": command, "setting": setting, "options": options, "rows": summary}
    write_json(folder.path / "ablation.json", values)
    text = markdown(summary, command, setting)
    with atomic_write(folder.path / "ablation.md") as partial:
        partial.write_text(text, encoding="utf-8")
    return text


def _setting(options, results, scenes):
    height, width = options["size"]
    frames = results[0]["scores"]["frames"]
    of = f"{frames} frames" if scenes == frames else f"{frames} frames in {scenes} scenes"
    minutes = np.median([result["seconds"] for result in results]) / 60
    share = options.get("label_share", 1.0)
    labels = "" if share == 1 else f"{100 * share:g} % of the training frames labelled, "
    return (
        f"{of} of {options['score_split']} at {height}x{width}, "
        f"{labels}encoder {'trained' if options['train_encoder'] else 'frozen'}, "
        f"{options['epochs']} epochs, {minutes:.1f} minutes of training a cell"
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
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return float(quantile(0.95, len(values) - 1) * error)


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


def paired_scores(one: Mapping, other: Mapping) -> dict:
    """{overall figure: what `paired` makes of it}, of those that both rows have in some seed."""
    pairs = {name: paired(one, other, name) for name in OVERALL.values()}
    return {name: pair for name, pair in pairs.items() if pair}


def summarise(cells: Mapping) -> dict:
    """{row: {"seeds", "figures": {figure: mean, values, difference and interval}, ...}}.

    Args:
        cells: {row: {seed: figures}}. A difference is the row's to the baseline, `method_gain` the
            whole method's to the row, `control_gains` the row's to each of its controls, where
            these have cells; all are paired by seed.
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
            summary[row]["method_gain"] = paired_scores(cells[METHOD], seeds)
        controls = [control for control in ROWS[row].controls if control in cells]
        if controls:
            gains = {control: paired_scores(seeds, cells[control]) for control in controls}
            summary[row]["control_gains"] = gains
    return summary


def add_bootstrap(summary: Mapping, counts: Mapping) -> None:
    """Adds `bootstrap` to the differences of the overall scores: two ends, in points.

    Args:
        summary: of `summarise`; changed in place.
        counts: {row: {seed: pixels (scenes, 3, C)}} of the same cells.
    """
    scores = {
        row: {seed: drawn_scores(pixels) for seed, pixels in seeds.items()}
        for row, seeds in counts.items()
    }

    def add(figures, *pair):
        for name, title in OVERALL.items():
            one, other = ({seed: each[name] for seed, each in scores[row].items()} for row in pair)
            ends = difference_interval(one, other)
            if ends is not None and title in figures:
                figures[title]["bootstrap"] = [100 * end for end in ends]

    for row, entry in summary.items():
        if row != BASELINE and BASELINE in summary:
            add(entry["figures"], row, BASELINE)
        if "method_gain" in entry:
            add(entry["method_gain"], METHOD, row)
        for control, gains in entry.get("control_gains", {}).items():
            add(gains, row, control)


def markdown(summary: Mapping, command: str, setting: str) -> str:
    """The tables: overall scores, scores by part of the pixels, change of each class."""
    figures = summary[next(iter(summary))]["figures"]
    parts = [name for name in figures if name.startswith("mIoU, ")]
    method_gains = {
        f"`{row}`": entry["method_gain"] for row, entry in summary.items() if "method_gain" in entry
    }
    control_gains = {
        f"`{row}` minus `{control}`": gains
        for row, entry in summary.items()
        for control, gains in entry.get("control_gains", {}).items()
    }
    blocks = [
        f"Made by `{command}`; {setting}. Mean over seeds in per cent, and in brackets the paired "
        f"difference to `{BASELINE}` with its 95 % interval.",
        _about_bootstrap(summary),
        _score_table(summary, list(OVERALL.values())),
        _gain_table(method_gains, f"`{METHOD}` minus"),
        _gain_table(control_gains, "beside other rows"),
        _score_table(summary, parts),
        _class_table(summary),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _about_bootstrap(summary):
    figures = [figure for entry in summary.values() for figure in entry["figures"].values()]
    if not any("bootstrap" in figure for figure in figures):
        return ""
    return (
        "± is over seeds, on these very frames (Student's t). [from, to] is over seeds and scenes, "
        f"both drawn anew (bootstrap, {DRAWS} draws of seed {SEED}, 2.5 and 97.5 %): what other "
        "scenes might show."
    )


def _score_table(summary, names):
    lines = []
    for row, entry in summary.items():
        scores = [score_text(entry["figures"].get(name)) for name in names]
        lines.append([f"`{row}`", str(len(entry["seeds"])), *scores])
    return table(["row", "seeds", *names], lines)


def _gain_table(gains, head):
    """A table of {what is called: a row's paired scores}; "" where there are none."""
    lines = [[name, *map(difference_text, scores.values())] for name, scores in gains.items()]
    return table([head, *OVERALL.values()], lines) if lines else ""


def _class_table(summary):
    rows = [row for row in summary if row != BASELINE]
    figures = summary.get(BASELINE, summary[next(iter(summary))])["figures"]
    lines = []
    for name, figure in figures.items():
        if name.startswith("IoU, "):
            changes = [summary[row]["figures"].get(name, {}).get("difference") for row in rows]
            changes = ["-" if change is None else f"{change:+z.1f}" for change in changes]
            lines.append([name.removeprefix("IoU, "), f"{figure['mean']:.1f}", *changes])
    return table(["class", f"`{BASELINE}`", *(f"`{row}`" for row in rows)], lines)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def score_text(figure: Mapping | None) -> str:
    """A figure of `summarise` as it stands in a cell of a table."""
    if figure is None:
        return "-"
    mean = f"{figure['mean']:.2f}"
    return f"{mean} ({difference_text(figure)})" if "difference" in figure else mean


def difference_text(figure: Mapping) -> str:
    """A paired difference, of `paired`, as it stands in a cell of a table."""
    around = "" if figure["interval"] is None else f" ± {figure['interval']:.2f}"
    low, high = figure.get("bootstrap", (None, None))
    ends = "" if low is None else f" [{low:+.2f}, {high:+.2f}]"
    return f"{figure['difference']:+.2f}{around}{ends}"
