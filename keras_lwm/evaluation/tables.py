"""Scores as tables to read, in a terminal, in Markdown, in a spreadsheet; and as files."""

import csv
import io
from pathlib import Path

from keras_lwm.atomic_write import atomic_write, write_json
from keras_lwm.local_paths import local_path

_TITLES = {
    "pixel_accuracy": "PixAcc",
    "mean_accuracy": "mAcc",
    "mean_iou": "mIoU",
    "frequency_weighted_iou": "fwIoU",
}


def text_table(scores) -> str:
    """Lays out the scores that `evaluate` returns for a terminal, in per cent.

    `-` stands for the accuracy of a class that is nowhere labelled, and for the IoU of one that is
    not predicted either.
    """
    blocks = [_aligned(rows) for rows in _blocks(scores)]
    return "\n\n".join(blocks) + "\n"


def views_table(views) -> str:
    """Lays out what `evaluate` returned for several views, by name, a line each; per cent."""
    columns = ("mean_iou", "mean_accuracy", "pixel_accuracy")
    rows = [[name, *(_percent(scores[key]) for key in columns)] for name, scores in views.items()]
    return _aligned([["view", *(f"{_TITLES[key]} %" for key in columns)], *rows]) + "\n"


def classes_table(scores) -> str:
    """Lays out the scores of every class, as the last part of `text_table` does."""
    return _aligned(_class_rows(scores)) + "\n"


def markdown_table(scores) -> str:
    """Lays out the scores that `evaluate` returns as Markdown tables; per cent."""
    blocks = []
    for head, *rows in _blocks(scores):
        ruler = ["---"] + ["---:"] * (len(head) - 1)
        cells = [head, ruler, *([str(cell).replace("|", r"\|") for cell in row] for row in rows)]
        blocks.append("\n".join(f"| {' | '.join(row)} |" for row in cells))
    return "\n\n".join(blocks) + "\n"


def csv_table(scores) -> str:
    """The scores of every class as CSV: name, iou and accuracy (0 to 1), pixels."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["name", "iou", "accuracy", "pixels"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(scores["classes"])
    return text.getvalue()


def confusion_csv(scores) -> str:
    """The confusion matrix as CSV: pixels; a row a label, a column a predicted class, named."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [row["name"] for row in scores["classes"]]
    writer.writerow(["label", *names])
    for name, counts in zip(names, scores["confusion_matrix"], strict=True):
        writer.writerow([name, *counts])
    return text.getvalue()


def _blocks(scores):
    """The tables as lists of rows of text, the first row being the head."""
    overall = [["segmentation", "%"]]
    overall += [[title, _percent(scores[name])] for name, title in _TITLES.items()]
    yield overall
    if "depth" in scores:
        depth = scores["depth"]
        yield [
            ["depth", ""],
            ["abs_rel", f"{depth['abs_rel']:.3f}"],
            ["rmse", f"{depth['rmse']:.3f} m"],
            ["delta_1.25", f"{_percent(depth['delta_1.25'])} %"],
        ]
    if "subsets" in scores:
        yield [["pixels", *(f"{title} %" for title in _TITLES.values())]] + [
            [name, *(_percent(part[key]) for key in _TITLES)]
            for name, part in scores["subsets"].items()
        ]
    yield _class_rows(scores)


def _class_rows(scores):
    total = max(scores["pixels"], 1)
    return [["class", "IoU %", "accuracy %", "share of pixels %"]] + [
        [
            row["name"],
            _percent(row["iou"]),
            _percent(row["accuracy"]),
            _percent(row["pixels"] / total),
        ]
        for row in scores["classes"]
    ]


def _percent(value):
    return "-" if value is None else f"{100 * value:.2f}"


def _aligned(rows):
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]])


def write_report(folder, scores) -> list[Path]:
    """Writes what `evaluate` returns into a folder, which is created where it does not exist.

    | file                   | what it holds |
    | ---------------------- | --- |
    | `scores.json`          | everything |
    | `scores.md`            | all scores as tables in Markdown, per cent |
    | `classes.csv`          | the scores of every class, 0 to 1 |
    | `confusion_matrix.csv` | pixels; a row a label, a column a predicted class |

    Each file is written whole, over one of the same name.

    Returns:
        The paths, in this order.

    Raises:
        ValueError: if `folder` is a file.
    """
    folder = local_path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"Expected a folder for the scores; received the file {folder}.")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "scores.json", scores)
    texts = {
        "scores.md": markdown_table(scores),
        "classes.csv": csv_table(scores),
        "confusion_matrix.csv": confusion_csv(scores),
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return [folder / name for name in ("scores.json", *texts)]
