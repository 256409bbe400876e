"""Depth Anything of KerasHub, from a preset's name or a folder that it was saved to.

Yang et al., "Depth Anything V2" (NeurIPS 2024): relative models give inverse depth, 0 infinitely
far; metric ones depth in metres.
"""

import hashlib

import keras
import numpy as np

from keras_lwm.extras import imports_of
from keras_lwm.made_depth.estimators import fixed_size
from keras_lwm.made_depth.kinds import METRES, RELATIVE_DEPTH, RELATIVE_INVERSE_DEPTH


class KerasHubEstimator:
    """A `DepthAnythingDepthEstimator`; see `estimators`.

    Images are brought to the model's size as a whole, so that all of the image gets depth.

    Args:
        preset: what its `from_preset` takes: a preset's name, which is downloaded, or a folder.
        size: (height, width) to show it images in; None: its own.

    Raises:
        ValueError: KerasHub cannot load it, or it takes no images of this size.
        ImportError: KerasHub is missing.
    """

    def __init__(self, preset: str, size: tuple[int, int] | None = None):
        with imports_of("hub", f"Depth by hub:{preset}"):
            from keras_hub.models import DepthAnythingDepthEstimator
        try:
            task = DepthAnythingDepthEstimator.from_preset(preset)
        except Exception as error:
            # What a download, a file or a configuration of others leads to is up to KerasHub.
            first, *_ = str(error).strip().splitlines() or [type(error).__name__]
            raise ValueError(
                f"Expected a depth model of KerasHub, a DepthAnythingDepthEstimator, in "
                f"hub:{preset}; KerasHub cannot load it ({first.rstrip('.')})."
            ) from error
        self.name = f"hub:{preset}"
        self.kind = _kind(task)
        self.size = fixed_size(task.input.shape[1:3], size, self.name)
        self._normalise = getattr(task.preprocessor, "image_converter", None)
        if self._normalise is not None:
            # It would cut images of another aspect.
            self._normalise.image_size = None
        self._model = keras.Model(task.input, task.output["depths"])
        self._model.compile(jit_compile=keras.backend.backend() == "jax")
        shown = None if self.size is None else list(self.size)
        self.identity = {"name": self.name, "digest": _digest(task), "size": shown}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        images = images.astype("float32")
        if self._normalise is not None:
            images = keras.ops.convert_to_numpy(self._normalise(images))
        return np.asarray(self._model.predict_on_batch(images), "float32")[..., 0]


def _kind(task):
    if task.depth_estimation_type == "relative":
        return RELATIVE_INVERSE_DEPTH
    # Without a largest depth its sigmoid is a share of one that nobody knows.
    return RELATIVE_DEPTH if task.max_depth is None else METRES


def _digest(task):
    """SHA-256 of all weights, in their order: a preset's name says nothing of its version."""
    digest = hashlib.sha256()
    for variable in task.weights:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)).tobytes())
    return digest.hexdigest()
