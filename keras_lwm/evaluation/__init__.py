"""Evaluation of a network on a data set."""

from keras_lwm.evaluation.evaluate import evaluate
from keras_lwm.evaluation.subsets import DEPTH_RANGES, DepthRange, TrimapBand
from keras_lwm.evaluation.tables import (
    classes_table,
    confusion_csv,
    csv_table,
    markdown_table,
    text_table,
    views_table,
    write_report,
)
from keras_lwm.evaluation.views import MultiScale, SingleScale, SlidingWindow

__all__ = [
    "DEPTH_RANGES",
    "DepthRange",
    "MultiScale",
    "SingleScale",
    "SlidingWindow",
    "TrimapBand",
    "classes_table",
    "confusion_csv",
    "csv_table",
    "evaluate",
    "markdown_table",
    "text_table",
    "views_table",
    "write_report",
]
