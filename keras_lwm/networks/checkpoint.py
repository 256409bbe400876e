"""A PyTorch checkpoint into a backbone of the same architecture, by the names of its modules."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_lwm.networks.safetensors_file import read_safetensors
from keras_lwm.networks.torch_checkpoint import read_torch_checkpoint

SUFFIXES = (".pth", ".pt", ".safetensors")

_TENSORS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def is_checkpoint(weights) -> bool:
    """Whether these weights are the path of a file whose name ends as a checkpoint's does."""
    return isinstance(weights, (str, Path)) and Path(weights).suffix in SUFFIXES


def load_checkpoint(
    model: keras.Model, name: str, path, module: Callable[[str], str], without: tuple[str, ...]
) -> None:
    """Loads the tensors of a file into a model's convolutions and batch normalisations.

    Args:
        model: of the checkpoint's architecture, or the part of it before its classifier.
        name: the architecture's, for sentences.
        path: a file with a suffix out of `SUFFIXES`.
        module: function of the name of a layer to that of the checkpoint's module.
        without: prefixes of the names of tensors that the model has no place for.

    Raises:
        ValueError: there is no such file, it cannot be read, or its tensors are not those of this
            architecture.
    """
    if not Path(path).is_file():
        raise ValueError(f"There is no file {path} to load weights of {name} from.")
    is_safe = Path(path).suffix == ".safetensors"
    tensors = (read_safetensors if is_safe else read_torch_checkpoint)(path)
    values = []
    for layer in model.layers:
        for variable in layer.weights:
            tensor_name = f"{module(layer.name)}.{_TENSORS[variable.name]}"
            tensor = _in_keras_layout(layer, tensors.pop(tensor_name, np.empty(0)))
            if tensor.shape != tuple(variable.shape):
                raise ValueError(
                    f"{path} is not a checkpoint of {name}: expected {tensor_name} to fit "
                    f"{tuple(variable.shape)}, received shape {tensor.shape}."
                )
            values.append((variable, tensor))
    # A deeper network of the family has all of a shallower one's tensors, and more.
    left = [each for each in tensors if not each.startswith(without)]
    left = [each for each in left if not each.endswith("num_batches_tracked")]
    if left:
        raise ValueError(
            f"{path} is not a checkpoint of {name}: it has tensors that {name} has not, such as "
            f"{left[0]}."
        )
    for variable, tensor in values:
        variable.assign(tensor)


def _in_keras_layout(layer, tensor):
    """(out, in, h, w) kernels to (h, w, in, out); depthwise (in, 1, h, w) to (h, w, in, 1)."""
    if tensor.ndim != 4:
        return tensor
    is_depthwise = isinstance(layer, layers.DepthwiseConv2D)
    return tensor.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
