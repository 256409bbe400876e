"""The page's plots, as plain dictionaries in the form of plotly.js: https://plotly.com/javascript.

The page gives them the colours of its theme; what is said here is what they show.
"""

import dataclasses
from collections.abc import Sequence

from keras_lwm.report.page.run_files import Run

# Okabe and Ito's, which those tell apart who see fewer colours; without yellow and black, which are
# lost on a light and a dark page.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
_BOTH = "of the validation, and dotted of the training"
_LOSS = "of the validation, its main output alone; dotted of the training, all outputs, weighted"
_DOTTED = (_BOTH, _LOSS)
OVERALL = {
    "mean_iou": "mIoU",
    "mean_accuracy": "mAcc",
    "pixel_accuracy": "PixAcc",
    "frequency_weighted_iou": "fwIoU",
}
_MOST_CLASSES = 100


@dataclasses.dataclass(frozen=True)
class Figure:
    """A plot of the page.

    Args:
        title: what stands above it.
        data: traces.
        layout: of plotly.js.
        height: pixels.
        note: a line below the title.
        wide: whether it takes the page's whole width.
    """

    title: str
    data: list[dict]
    layout: dict = dataclasses.field(default_factory=dict)
    height: int = 300
    note: str = ""
    wide: bool = False


def curves(runs: Sequence[Run]) -> list[Figure]:
    """Everything that the histories hold, epoch by epoch; several runs over each other."""
    names = list(dict.fromkeys(name for run in runs for name in run.history))
    outputs = [
        name for name in names if name.endswith("_loss") and name not in ("val_loss", "depth_loss")
    ]
    outputs += ["depth_loss"]
    measured = ["depth_prediction_error", "depth_aware_segmentation_error"]
    groups = [("Loss", ["val_loss", "loss"], _LOSS)]
    if len(runs) == 1:
        groups += [("Loss by output", outputs, "of the training, before their factors")]
        measures = [("What the weighting measures", measured, "means over the training's pixels")]
    else:
        groups += [(f"Loss: {_words(name)}", [name], "of the training") for name in outputs]
        measures = [(_words(name).capitalize(), [name], "as measured") for name in measured]
    groups += [(title, [f"val_{name}", name], _BOTH) for name, title in OVERALL.items()]
    groups += [
        ("Depth error", ["val_abs_rel"], "absolute relative error of the validation"),
        ("Depth error in metres", ["val_rmse"], "root mean square error of the validation"),
        *measures,
        ("Coefficient", ["coefficient"], "of the curriculum: 0 is the plain loss"),
        ("Learning rate", ["learning_rate"], "at the epoch's end"),
        ("Skipped steps", ["skipped_steps"], "with a loss or gradient that was not finite"),
    ]
    return [
        _curve(title, [name for name in columns if name in names], note, runs)
        for title, columns, note in groups
        if any(name in names for name in columns)
    ]


def _words(name):
    return name.removesuffix("_loss").replace("_", " ")


def _curve(title, columns, note, runs):
    """Colours tell runs apart, or the columns of a single one; dots the training from the rest."""
    traces = [
        _line(run, column, _name(run, column, columns, runs), colour, note in _DOTTED)
        for number, run in enumerate(runs)
        for index, column in enumerate(columns)
        if column in run.history
        for colour in [number if len(runs) > 1 else 0 if note in _DOTTED else index]
    ]
    layout = {
        "xaxis": {"title": {"text": "epoch", "standoff": 4}, "tickformat": "d", "nticks": 8},
        "hovermode": "x unified",
        "showlegend": len(traces) > 1,
    }
    if columns[-1] in OVERALL:
        layout["yaxis"] = {"tickformat": ".0%"}
    if columns == ["skipped_steps"]:
        most = max(value or 0 for trace in traces for value in trace["y"])
        layout["yaxis"] = {"range": [0, max(1.1 * most, 1)], "tickformat": "d"}
        layout["yaxis"] |= {"dtick": 1} if most < 8 else {}
    return Figure(title, traces, layout, note=note)


def _line(run, column, name, colour, both):
    dash = "dot" if both and not column.startswith("val_") else "solid"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": run.history["epoch"],
        "y": run.history[column],
        "line": {"color": COLOURS[colour % len(COLOURS)], "dash": dash, "width": 2},
        "marker": {"size": 5},
    }


def _name(run, column, columns, runs):
    parts = [_text(run.name)] if len(runs) > 1 else []
    if len(columns) > 1:
        pair = {f"val_{columns[-1]}", columns[-1]} == set(columns)
        kind = "validation" if column.startswith("val_") else "training"
        parts.append(kind if pair else _words(column))
    return ", ".join(parts)


def subset_bars(runs: Sequence[Run]) -> Figure | None:
    """mIoU of each part of the pixels, in the first view of each run."""
    parts = {run.name: _first(run).get("subsets", {}) for run in runs}
    names = list(dict.fromkeys(name for part in parts.values() for name in part))
    if not names:
        return None
    traces = [
        _bar(
            run,
            names,
            [_percent(part.get(name, {}).get("mean_iou")) for name in names],
            number,
            "%{x:.2f} %",
        )
        for number, (run, part) in enumerate(parts.items())
    ]
    return _bar_figure("Near boundaries, and by distance", traces, "mIoU, %")


def class_bars(runs: Sequence[Run]) -> Figure | None:
    """IoU of each class, best of the first run first."""
    tables = {run.name: {row["name"]: row["iou"] for row in _classes(run)} for run in runs}
    first = next(filter(None, tables.values()), {})
    names = sorted(first, key=lambda name: (first[name] is None, -(first[name] or 0)))
    if not names:
        return None
    traces = [
        _bar(run, names, [_percent(table.get(name)) for name in names], number, "%{x:.2f} %")
        for number, (run, table) in enumerate(tables.items())
    ]
    return _bar_figure("IoU by class", traces, "IoU, %")


def difference_bars(runs: Sequence[Run]) -> Figure | None:
    """IoU of each class, minus that of the first run, in points; of the classes that both have."""
    first, *others = ({row["name"]: row["iou"] for row in _classes(run)} for run in runs)
    common = [name for name in first if any(name in table for table in others)]
    if not common:
        return None
    traces = []
    for number, (run, table) in enumerate(zip(runs[1:], others, strict=True), 1):
        values = [_difference(table.get(name), first[name]) for name in common]
        traces.append(_bar(run.name, common, values, number, "%{x:+.2f} points"))
    title = f"IoU by class, minus that of {runs[0].name}"
    return _bar_figure(title, traces, "points of IoU", named=True)


def _bar(run, names, values, number, value):
    return {
        "type": "bar",
        "orientation": "h",
        "name": _text(run),
        "y": [_text(name) for name in names],
        "x": values,
        "marker": {"color": COLOURS[number % len(COLOURS)]},
        "hovertemplate": f"%{{y}}: {value}<extra>{_text(run)}</extra>",
    }


def _bar_figure(title, traces, unit, named=False):
    count = len(traces[0]["y"])
    layout = {
        "barmode": "group",
        "xaxis": {"title": {"text": unit}, "rangemode": "tozero", "zeroline": True},
        "yaxis": {"autorange": "reversed", "automargin": True, "dtick": 1},
        "showlegend": named or len(traces) > 1,
    }
    return Figure(title, traces, layout, height=110 + count * (8 + 14 * len(traces)))


def confusion(run: Run) -> Figure | None:
    """The confusion matrix, each row in shares of the label's pixels."""
    scores = _first(run)
    if not scores:
        return None
    classes, matrix = scores["classes"], scores["confusion_matrix"]
    shown = sorted(range(len(classes)), key=lambda i: -classes[i]["pixels"])[:_MOST_CLASSES]
    shown = sorted(shown)
    names = [classes[index]["name"] for index in shown]
    counts = [[matrix[label][predicted] for predicted in shown] for label in shown]
    totals = [sum(matrix[label]) for label in shown]
    shares = [
        [count / total if total else None for count in row]
        for row, total in zip(counts, totals, strict=True)
    ]
    note = "a row is a label, a column a prediction; shares of the label's pixels"
    if len(shown) < len(classes):
        note += f"; the {len(shown)} classes with most pixels of {len(classes)}"
    trace = _heat_map(names, names, shares, [0, 1]) | {
        "customdata": counts,
        "hovertemplate": "label %{y}<br>predicted %{x}<br>%{z:.2%} of the label's pixels<br>"
        "%{customdata:,} pixels<extra></extra>",
    }
    trace["colorbar"]["tickformat"] = ".0%"
    layout = {
        "xaxis": {"automargin": True, "tickangle": -60, "dtick": 1, "side": "bottom"},
        "yaxis": {"automargin": True, "autorange": "reversed", "dtick": 1},
    }
    height = min(max(360, 130 + 24 * len(names)), 1100)
    return Figure(f"Confusion matrix: {run.name}", [trace], layout, height, note)


def weight_histogram(run: Run) -> Figure | None:
    """How the weights of the kept frames are spread, at each kept epoch."""
    if not run.weight_maps:
        return None
    traces = []
    for number, epoch in enumerate(run.weight_maps):
        edges, counts = epoch["bin_edges"], epoch["counts"]
        total = max(sum(counts), 1)
        along = number / max(len(run.weight_maps) - 1, 1)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"epoch {epoch['epoch']} (c = {epoch['coefficient']:.2f})",
                "x": [(a + b) / 2 for a, b in zip(edges, edges[1:], strict=False)],
                "y": [count / total for count in counts],
                "line": {"shape": "hvh", "width": 2, "color": _blue_to_orange(along)},
            }
        )
    layout = {
        "xaxis": {"title": {"text": "loss weight (mean 1)"}},
        "yaxis": {"title": {"text": "share of the pixels"}, "tickformat": ".0%"},
        "hovermode": "x unified",
        "showlegend": True,
    }
    note = "early in blue, late in orange; the last step holds all weights above"
    return Figure(f"Spread of the loss weight: {run.name}", traces, layout, 340, note)


def _blue_to_orange(along):
    ends = (0, 114, 178), (230, 120, 20)
    colour = (round(a + along * (b - a)) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in colour)


def bins(run: Run) -> list[Figure]:
    """The learned bins, a class a row and a distance a column."""
    if run.bins is None:
        return []
    edges = run.bins["edges"]
    columns = [f"{a:.2g} to {b:.2g} m" for a, b in zip(edges, edges[1:], strict=False)]
    figures = []
    for title, rows in run.bins["tables"].items():
        names = run.class_names or [f"class {index}" for index in range(len(rows))]
        if len(rows) == 1:
            names = ["every class"]
        trace = _heat_map(columns, names, rows, None) | {
            "hovertemplate": "%{y}, %{x}: %{z:.3f}<extra></extra>",
        }
        layout = {
            "xaxis": {"automargin": True, "tickangle": -45},
            "yaxis": {"automargin": True, "autorange": "reversed", "dtick": 1},
        }
        height = min(max(300, 150 + 20 * len(rows)), 1100)
        note = "running mean of the error, 0 easy to 1 hard; empty: never seen"
        figures.append(Figure(f"{title}, by class and distance", [trace], layout, height, note))
    return figures


def _heat_map(columns, rows, values, limits):
    limits = {} if limits is None else {"zmin": limits[0], "zmax": limits[1]}
    return {
        "type": "heatmap",
        "x": [_text(name) for name in columns],
        "y": [_text(name) for name in rows],
        "z": values,
        "colorscale": "Cividis",
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"thickness": 10, "outlinewidth": 0},
        **limits,
    }


def _first(run):
    """The scores of a run in its first view; empty where it has none."""
    return next(iter(run.scores.values()), {})


def _classes(run):
    return _first(run).get("classes", [])


def _percent(value):
    return None if value is None else 100 * value


def _difference(one, other):
    return None if one is None or other is None else 100 * (one - other)


def _text(name):
    """A name as plotly.js shows it: it takes a few HTML tags for what they are."""
    return name.replace("&", "&amp;").replace("<", "&lt;")
