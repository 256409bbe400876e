"""A teacher: a trained network, frozen, that sees depth and shows the network how it would do.

Its word is heard in training alone: it is no part of what predicts.
"""

from typing import Any

import keras
from keras import ops

from keras_lwm.depth_input import beside_depth, sees_depth
from keras_lwm.tensors import Tensor


def network_input(network: keras.Model, x: Any, y: dict) -> Any:
    """What a network takes of a batch: the image, with depth where it sees it.

    Args:
        network: of images (B, H, W, 3), or (B, H, W, 4), see `RefineNet(depth_input=True)`; or of a
            dictionary of maps.
        x: images (B, H, W, 3), or a dictionary that has the network's maps, and perhaps others.
        y: targets, with `depth` (B, H, W, 1) metres for a network that sees it.
    """
    if isinstance(x, dict) and isinstance(network.input, dict):
        return {name: x[name] for name in network.input}
    return beside_depth(x, y["depth"]) if sees_depth(network) else x


def check_teacher(teacher, network, names, num_classes, distillation_weight) -> None:
    """Refuses a teacher that cannot teach, and one that nobody would listen to.

    Args:
        teacher: a network, or None.
        network: that is to be taught.
        names: of the outputs that segment, which the teacher must have too.
        num_classes: number of classes.
        distillation_weight: factor of what it says in the loss.

    Raises:
        ValueError: there is a teacher and its weight is 0, or its outputs are others, or it shares
            weights with the network, which would be frozen with it.
    """
    if teacher is None:
        return
    if distillation_weight == 0:
        raise ValueError("Expected distillation_weight above 0 with a teacher; received 0.")
    outputs = getattr(teacher, "output", None)
    classes = {n: t.shape[-1] for n, t in outputs.items()} if isinstance(outputs, dict) else {}
    if any(classes.get(name) != num_classes for name in names):
        raise ValueError(
            f"Expected a teacher with the outputs {', '.join(names)} of {num_classes} classes; "
            f"received {classes or teacher!r}."
        )
    own = {id(variable) for variable in network.variables}
    shared = [variable.path for variable in teacher.variables if id(variable) in own]
    if shared:
        raise ValueError(
            f"Expected a teacher with weights of its own; it shares {len(shared)} with the network "
            f"({shared[0]}, ...), which would be frozen with it: build its encoder anew, or clone "
            "it by keras.models.clone_model."
        )


def teacher_logits(teacher: keras.Model, x: Any, y: dict) -> dict[str, Tensor]:
    """The logits of a teacher's outputs by their names, (B, h, w, C) float32, without gradient."""
    outputs = teacher(network_input(teacher, x, y), training=False)
    return {
        name: ops.stop_gradient(ops.cast(maps, "float32"))
        for name, maps in outputs.items()
        if name != "depth"
    }


def distillation_loss(logits, teacher_logits) -> Tensor:
    """How far a network's classes are from its teacher's: KL(teacher || network), in nats.

    Hinton, Vinyals, Dean, *Distilling the Knowledge in a Neural Network* (2015), at temperature 1,
    pixel by pixel. It asks for no label: frames without any are learnt from, too. Where a crop is
    larger than the frame, what is padded counts as well, as nothing tells it from the frame.

    Args:
        logits, teacher_logits: (B, h, w, C) float.

    Returns:
        A float32 scalar: the mean over all pixels, void or not.
    """
    own, taught = (ops.log_softmax(ops.cast(maps, "float32")) for maps in (logits, teacher_logits))
    return ops.mean(ops.sum(ops.exp(taught) * (taught - own), axis=-1))
