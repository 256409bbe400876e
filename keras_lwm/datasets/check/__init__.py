"""Looks at every frame of a data set before anything is learned from it."""

from keras_lwm.datasets.check.check import check_builder, check_folder
from keras_lwm.datasets.check.report import Example, Finding, Report, report_text

__all__ = ["Example", "Finding", "Report", "check_builder", "check_folder", "report_text"]
