"""Trains one cell, in a process of its own, which ends where its standard input does.

python -m keras_lwm.ablation FOLDER ROW SEED LOADERS
"""

import os
import sys
import threading

from keras_lwm.ablation.runner import train_here


def end_with_input() -> None:
    """Ends this process when whoever started it is gone, killed perhaps."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    folder, row, seed, loaders = sys.argv[1:]
    train_here(folder, row, int(seed), int(loaders))
