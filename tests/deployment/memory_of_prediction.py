"""Run in a process of its own: by how many GB a large image makes it grow.

KERAS_BACKEND=jax python memory_of_prediction.py MODEL MAX_MEMORY HEIGHT WIDTH
"""

import resource
import sys
import warnings

import numpy as np

from keras_lwm import Predictor


def main(path, max_memory, height, width):
    warnings.simplefilter("ignore")
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")
    predictor = Predictor(path, max_memory=max_memory)
    predictor(image[:64, :64])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    class_ids = predictor(image)
    assert class_ids.shape == (height, width)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:3]), *map(int, sys.argv[3:]))
