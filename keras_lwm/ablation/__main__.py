"""Trains one cell, in a process of its own.

python -m keras_lwm.ablation FOLDER ROW SEED LOADERS
"""

import sys

from keras_lwm.ablation.runner import train_here

if __name__ == "__main__":
    folder, row, seed, loaders = sys.argv[1:]
    train_here(folder, row, int(seed), int(loaders))
