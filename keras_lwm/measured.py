"""Which depth is measured: one definition, for tensors and for NumPy."""

from typing import Any

import numpy as np
from keras import ops

# Below it, devices differ on whether a number is 0 or has a logarithm.
_LEAST = float(np.finfo("float32").tiny)


def is_measured(depth, numbers: Any = ops) -> Any:
    """Whether each depth, in metres, is finite and positive: booleans of its shape.

    Args:
        depth: of any shape; tensors, or arrays where `numbers` is NumPy.
        numbers: `keras.ops` or `numpy`.
    """
    return numbers.logical_and(numbers.isfinite(depth), depth >= _LEAST)
