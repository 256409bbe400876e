"""Run in a process of its own: by how many GB a large image makes it grow.

KERAS_BACKEND=jax python memory_of_prediction.py MODEL MAX_MEMORY HEIGHT WIDTH
"""

import re
import sys
import warnings
from pathlib import Path

import numpy as np

from keras_lwm import Predictor


def _peak():
    # What `resource.getrusage` says begins at the peak of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1e6


def main(path, max_memory, height, width):
    warnings.simplefilter("ignore")
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")
    predictor = Predictor(path, max_memory=max_memory)
    predictor(image[:64, :64])
    before = _peak()
    class_ids = predictor(image)
    assert class_ids.shape == (height, width)
    print(_peak() - before)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
