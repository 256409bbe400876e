"""The depth branch of a network that this library trained."""

from pathlib import Path

import keras
import numpy as np

from keras_lwm.deployment.inference_network import load_in_float32
from keras_lwm.depth_input import sees_depth
from keras_lwm.made_depth.estimators import file_digest, fixed_size
from keras_lwm.made_depth.kinds import METRES


class TrainedNetwork:
    """A training network in a `.keras` file, run up to its depth; see `estimators`.

    Its depth is in metres, as it was trained.

    Args:
        path: the file, of a run folder or as a model was saved.
        size: (height, width) to show it images in, about as in its training; None: their own.
        name: what its files are marked with.

    Raises:
        ValueError: the file cannot be loaded, or its network sees depth itself, or has no output
            named "depth".
    """

    kind = METRES

    def __init__(self, path: Path, size: tuple[int, int] | None, name: str):
        network = load_in_float32(path, str(path))
        if sees_depth(network):
            raise ValueError(
                f"Expected a network of images to make depth; that in {path} sees depth itself."
            )
        outputs = network.output if isinstance(network.output, dict) else {}
        if "depth" not in outputs:
            raise ValueError(
                f"Expected a network with an output named depth in {path}; received "
                f"{', '.join(sorted(outputs)) or 'a single output'}: a segmenter has no depth "
                "branch any more."
            )
        self._model = keras.Model(network.inputs[0], outputs["depth"])
        # XLA compiles anew for every size of image, which only JAX cannot do without.
        self._model.compile(jit_compile=keras.backend.backend() == "jax")
        self.name = name
        self.size = fixed_size(network.inputs[0].shape[1:3], size, str(path))
        shown = None if self.size is None else list(self.size)
        self.identity = {"name": name, "digest": file_digest(path), "size": shown}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self._model.predict_on_batch(images.astype("float32"))[..., 0]
