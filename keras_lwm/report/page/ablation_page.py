"""The page of an ablation: its table, the differences with their intervals, and those by class."""

from collections.abc import Mapping
from pathlib import Path

from keras_lwm.report.page.figures import COLOURS, Figure
from keras_lwm.report.page.html import write_html

_SHOWN = ("mIoU", "mAcc", "PixAcc", "fwIoU")
_CLASS = "IoU, "
_PART = "mIoU, "
_ORANGE_TO_BLUE = [[0, COLOURS[1]], [0.5, "#f2f2f2"], [1, COLOURS[0]]]


def write_ablation_page(path, rows: Mapping, command: str, setting: str, baseline: str) -> Path:
    """Writes the page.

    Args:
        path: the HTML file.
        rows: {row: {"seeds", "figures": {figure: {"mean", "difference", "interval"}}}}; differences
            to `baseline`, in points, where there are any, and perhaps a "bootstrap".
        command: what made them.
        setting: a line on data and training.
        baseline: the row that the others are compared with.

    Returns:
        The path.

    Raises:
        ValueError: it cannot be written.
    """
    names = list(next(iter(rows.values()))["figures"])
    parts = [name for name in names if name.startswith(_PART)]
    compared = [row for row in rows if row != baseline]
    plots = [_intervals(rows, compared, name, baseline) for name in (*_SHOWN[:3], *parts)]
    return write_html(
        path,
        "ablation_page.html",
        title="Ablation",
        rows=rows,
        command=command,
        setting=setting,
        baseline=baseline,
        tables=[list(_SHOWN), parts],
        intervals=[plot for plot in plots if plot],
        by_class=_by_class(rows, compared, baseline),
    )


def _intervals(rows, compared, name, baseline):
    figures = {row: rows[row]["figures"].get(name, {}) for row in compared}
    figures = {row: figure for row, figure in figures.items() if "difference" in figure}
    if not figures:
        return None
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [figure["difference"] for figure in figures.values()],
        "y": list(figures),
        "error_x": {
            "type": "data",
            "array": [figure["interval"] or 0 for figure in figures.values()],
            "color": COLOURS[0],
            "thickness": 2,
        },
        "marker": {"size": 9, "color": COLOURS[0]},
        "hovertemplate": "%{y}: %{x:+.2f} ± %{error_x.array:.2f}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "points"}, "zeroline": True, "zerolinewidth": 2},
        "yaxis": {"automargin": True, "autorange": "reversed", "dtick": 1},
        "showlegend": False,
    }
    note = f"difference to {baseline}, with its 95 % interval"
    return Figure(name, [trace], layout, 90 + 24 * len(figures), note)


def _by_class(rows, compared, baseline):
    classes = [
        name
        for name in dict.fromkeys(name for row in rows.values() for name in row["figures"])
        if name.startswith(_CLASS)
    ]
    changes = [
        [rows[row]["figures"].get(name, {}).get("difference") for row in compared]
        for name in classes
    ]
    known = [abs(change) for line in changes for change in line if change is not None]
    if not known:
        return None
    intervals = [
        [rows[row]["figures"].get(name, {}).get("interval") for row in compared] for name in classes
    ]
    trace = {
        "type": "heatmap",
        "x": compared,
        "y": [name.removeprefix(_CLASS) for name in classes],
        "z": changes,
        "customdata": intervals,
        "zmin": -max(known),
        "zmax": max(known),
        "colorscale": _ORANGE_TO_BLUE,
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"thickness": 10, "outlinewidth": 0},
        "hovertemplate": "%{y}, %{x}: %{z:+.2f} ± %{customdata:.2f} points<extra></extra>",
    }
    layout = {
        "xaxis": {"automargin": True, "tickangle": -60, "dtick": 1},
        "yaxis": {"automargin": True, "autorange": "reversed", "dtick": 1},
    }
    height = 160 + 20 * len(classes)
    note = "blue is better, orange worse"
    title = f"IoU by class, minus that of {baseline}"
    return Figure(title, [trace], layout, height, note, wide=True)
