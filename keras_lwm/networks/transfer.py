"""A new head on an old network: weights of a file go to the layers of the same name and shape."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import h5py

from keras_lwm.hdf5_files import naming_damage
from keras_lwm.keras_files import weights_file


class Transfer(NamedTuple):
    """What `transfer_weights` did: names of layers, nested ones as "backbone/stem"."""

    taken: tuple[str, ...]
    left: tuple[str, ...]


def _groups_by_name(file):
    """Names of layers to the h5 groups of their variables, for layers that have any.

    Keras keeps a layer's variables in a group `vars` with the layer's name as an attribute, under
    a path of class names; a nested layer lies below the group of the layer around it.
    """

    def walk(group, prefix):
        variables = group.get("vars")
        name = "" if variables is None else variables.attrs.get("name", "")
        # The teacher of a `DepthPrivilegedModel` has layers of the same names, and is another.
        others = {"vars", "teacher"} if group.name == "/" else {"vars"}
        for key in group:
            if key not in others and isinstance(group[key], h5py.Group):
                # The model's own name is no part of the path: it may differ from file to file.
                inner = f"{prefix}{name}/" if name and group.name.count("/") > 1 else prefix
                yield from walk(group[key], inner)
        if variables is not None and len(variables):
            yield f"{prefix}{name}", variables

    return dict(walk(file, ""))


def _shapes(group):
    return {key: value.shape for key, value in group.items()}


def _copy_matching(source, target):
    """Copies variables between two files of weights; returns the layers taken and left."""
    source, target = _groups_by_name(source), _groups_by_name(target)
    taken = [n for n in target if n in source and _shapes(source[n]) == _shapes(target[n])]
    for name in taken:
        for key, value in source[name].items():
            target[name][key][...] = value[...]
    return Transfer(tuple(taken), tuple(name for name in target if name not in taken))


def transfer_weights(model, path, verbose=True) -> Transfer:
    """Loads a file's weights into all layers of a model that they fit, and says what was left.

    A layer fits if the file has one of its name with variables of its shapes. So a file of the same
    network with another number of classes gives everything but the heads, which stay as they
    are in `model`; layers that only the file has are ignored.

    Args:
        model: a `keras.Model`, built.
        path: a `.keras` or `.weights.h5` file, as `model.save` and `model.save_weights` write.
        verbose: whether to print a line on what was taken and left.

    Returns:
        `Transfer(taken, left)`, names of layers.

    Raises:
        ValueError: the file cannot be read, is refused (see `keras_lwm.keras_files`), or fits no
            layer at all; the model is unchanged.

    Examples:
        >>> network = RefineNet("resnet50", num_classes=40)
        >>> transfer_weights(network, "with_13_classes.keras").left
        ('segmentation_logits', 'side_8_logits', 'side_16_logits', 'side_32_logits')
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise ValueError(f"There is no file {path} to load weights from.")
    with (
        tempfile.TemporaryDirectory() as folder,
        weights_file(path, path) as weights,
        h5py.File(weights, "r") as source,
    ):
        merged = Path(folder) / "merged.weights.h5"
        model.save_weights(merged)
        with h5py.File(merged, "r+") as target, naming_damage(path):
            transfer = _copy_matching(source, target)
        if not transfer.taken:
            raise ValueError(
                f"No layer of {path} has the name and shapes of a layer of model {model.name!r}: "
                "it is a file of another network."
            )
        model.load_weights(merged)
    if verbose:
        left = ", ".join(transfer.left) or "none"
        print(f"{path}: weights of {len(transfer.taken)} layers taken; left as they were: {left}.")
    return transfer
