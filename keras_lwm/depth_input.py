"""Networks that see depth beside the image, as the fourth channel of one input."""

import keras
from keras import ops

from keras_lwm.tensors import Tensor


def sees_depth(network: keras.Model) -> bool:
    """Whether a network takes images of four channels, the last of which is depth."""
    inputs = getattr(network, "inputs", None) or ()
    return len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].shape[-1] == 4


def beside_depth(image, depth) -> Tensor:
    """What a network that sees depth takes: (.., H, W, 3) and (.., H, W, 1) to (.., H, W, 4).

    Raises:
        ValueError: depth is known to be of another size, which may be found out later by others.
    """
    sizes = [tuple(maps.shape[-3:-1]) for maps in (image, depth)]
    if None not in sizes[0] + sizes[1] and sizes[0] != sizes[1]:
        raise ValueError(
            f"Expected depth of the images' size, {sizes[0]}, for a network that sees it; received "
            f"{sizes[1]}."
        )
    image, depth = (ops.cast(maps, "float32") for maps in (image, depth))
    return ops.concatenate([image, depth], axis=-1)
