"""Pages of runs and of an ablation: one HTML file with everything in it, made of files alone.

This imports neither Keras nor Matplotlib, so that `keras-lwm report` starts at once.
"""

from keras_lwm.report.page.ablation_page import write_ablation_page
from keras_lwm.report.page.run_page import write_page

__all__ = ["write_ablation_page", "write_page"]
