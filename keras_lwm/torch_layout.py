"""Maps that stay (B, H, W, C) in memory under PyTorch, between Keras' convolutions and pools.

PyTorch takes maps as (B, C, H, W), in any order in memory. Keras makes a copy in that order before
every convolution and pool, and another one, back, for the convolution: two copies of most of a
network's activations a step, and two more in the gradient.

Only PyTorch is imported here, and this only under it.
"""

import sys
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_COPYING = "_transpose_spatial_inputs"
_OF_KERAS = "keras.src.backend.torch."


class ChannelsLast(TorchFunctionMode):
    """A context in which Keras' own operations take their maps as they lie in memory.

    Whatever else asks for a contiguous tensor gets one.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None) -> Any:
        if function is torch.Tensor.contiguous and not kwargs and len(args) == 1:
            [maps] = args
            if maps.dim() == 4 and maps.is_contiguous(memory_format=torch.channels_last):
                caller = sys._getframe(1)
                if caller.f_code.co_name == _COPYING and str(
                    caller.f_globals.get("__name__")
                ).startswith(_OF_KERAS):
                    return maps
        return function(*args, **(kwargs or {}))
