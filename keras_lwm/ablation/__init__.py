"""The ablation: every part of the method, its rivals and its controls, trained in pairs.

A cell is one row trained from one seed. For one seed every row starts from the same values in
each layer that it shares with the others, and sees the same frames in the same order, augmented
the same way, at the same learning rates: so differences between rows are paired.

    folder = AblationFolder(path, options)
    train_cells(folder, rows=["multi_task", "full"], seeds=3)
    print(write_tables(folder, ["multi_task", "full"], seeds=3, command="..."))
    draw_tables(folder.path)

`recipes/ablation.py` names the options. TensorFlow is needed only to read a data set by name, and
the extra `report` only to draw.
"""

from keras_lwm.ablation.drawing import draw_tables
from keras_lwm.ablation.frames import Frames, pack_frames
from keras_lwm.ablation.report import write_tables
from keras_lwm.ablation.rows import BASELINE, METHOD, ROWS, Row
from keras_lwm.ablation.runner import AblationFolder, train_cells

__all__ = [
    "BASELINE",
    "METHOD",
    "ROWS",
    "AblationFolder",
    "Frames",
    "Row",
    "draw_tables",
    "pack_frames",
    "train_cells",
    "write_tables",
]
