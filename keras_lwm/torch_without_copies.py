"""What Keras asks of PyTorch, without the copies that it asks for on the way.

PyTorch takes maps as (B, C, H, W), in any order in memory. Keras makes a copy in that order before
every convolution and pool, and another one, back, for the convolution: two copies of most of a
network's activations a step, and two more in the gradient. And where the network is on a GPU, a
Python number in an operation is copied there from the CPU, which waits until the GPU has done all
that came before: hundreds of times a step.

Only PyTorch is imported here, and this only under it.
"""

import sys
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_COPIES_MAPS = "_transpose_spatial_inputs"
_OF_KERAS = "keras.src.backend.torch."


class WithoutCopies(TorchFunctionMode):
    """A context in which Keras' operations take their maps as they lie in memory, and numbers are
    made on the device that needs them.

    Whatever else asks for a contiguous tensor gets one.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None) -> Any:
        kwargs = kwargs or {}
        if function is torch.Tensor.contiguous and not kwargs and len(args) == 1:
            [maps] = args
            in_order = maps.dim() == 4 and maps.is_contiguous(memory_format=torch.channels_last)
            if in_order and _is_asked_by(sys._getframe(1)):
                return maps
        elif (
            function is torch.as_tensor and len(args) == 1 and _is_for_another_device(*args, kwargs)
        ):
            return torch.full((), args[0], **kwargs)
        return function(*args, **kwargs)


def _is_asked_by(frame):
    own = frame.f_code.co_name == _COPIES_MAPS
    return own and str(frame.f_globals.get("__name__")).startswith(_OF_KERAS)


def _is_for_another_device(number, kwargs):
    device = kwargs.get("device")
    if device is None or not isinstance(number, (bool, int, float)):
        return False
    return torch.device(device).type != "cpu"
