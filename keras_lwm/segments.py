"""Sums by segment, on every backend without waiting for the device."""

import keras
from keras import ops

from keras_lwm.tensors import Tensor


def segment_sum(values, segments, num_segments: int) -> Tensor:
    """The sum of the values of every segment, counted in their own dtype.

    Under PyTorch Keras' own sums in float32, which stops counting at 2^24, and waits for the GPU.

    Args:
        values: (N,) numbers.
        segments: (N,) integers, each value's segment, 0 to `num_segments` - 1.
        num_segments: how many there are.

    Returns:
        (num_segments,) numbers of the values' dtype.
    """
    if keras.backend.backend() == "torch":
        return ops.zeros((num_segments,), values.dtype).index_add(0, segments, values)
    return ops.segment_sum(values, segments, num_segments=num_segments)
