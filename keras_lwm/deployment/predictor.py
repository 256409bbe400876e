"""Predictions by a model file of any format, and how far those of two files agree."""

import os
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from PIL import Image

from keras_lwm.deployment.image_files import rgb_image
from keras_lwm.deployment.inference_network import CLASS_IDS, PROBABILITIES
from keras_lwm.deployment.runtimes import open_runtime
from keras_lwm.deployment.tiled_runtime import TiledRuntime, prepared
from keras_lwm.large_images import strips
from keras_lwm.large_images.memory import MAX_MEMORY
from keras_lwm.large_images.network import TiledNetwork
from keras_lwm.large_images.reduced import check_longest_side, reduced
from keras_lwm.resampling import resize_labels
from keras_lwm.void import label_dtype


class Predictor:
    """Predicts the class of every pixel of an image, by a model file of any format.

    The file may be a run folder (its best model, else its last), a `.keras` file, or what
    `keras_lwm.export_segmenter` writes: a SavedModel folder, an ONNX, LiteRT or OpenVINO file. Each
    is run by the package of its own; only `.keras` files depend on Keras' backend.

    A file exported at a fixed size sees every image resized bilinearly to that size, whatever its
    aspect; class ids are brought back to the image's size by nearest pixel, probabilities
    bilinearly.

    An image too large for the memory allowed is predicted in overlapping tiles, and a warning says
    so, once: a thousandth of its pixels, at most, get another class than in the whole image. A
    network that pools over the whole image pools over a tile then, and may differ by more.

    Args:
        path: the model file or folder.
        max_memory: gigabytes by which predicting class ids may make the process grow.
        longest_side: pixels; an image whose longer side is longer is reduced to it first. Its class
            ids are brought back by nearest pixel, probabilities bilinearly. None: never.

    Attributes:
        path: as given.
        description: a `Description`: class names, palette, options of the training. Where a
            `.keras` file has none, the classes are numbered and the colours made up.
        network: the Keras model of a run folder or `.keras` file; None for exported ones.
        gives_probabilities: whether `probabilities` can be asked for.

    Raises:
        ValueError: if `path` is no model, or one that was not made by this library; or another
            argument is out of its range.
        ImportError: if the package that runs this format is missing.

    Examples:
        >>> predictor = Predictor("runs/rooms")
        >>> class_ids = predictor("photo.jpg")  # (H, W) uint8
        >>> predictor.description.class_names[class_ids[0, 0]]
        'wall'
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        max_memory: float = MAX_MEMORY,
        longest_side: int | None = None,
    ):
        self.path = path
        self._longest_side = check_longest_side(longest_side)
        self._runtime = open_runtime(path)
        self.description = self._runtime.description
        self._dtype = label_dtype(len(self.description.class_names))
        self.network = getattr(self._runtime, "network", None)
        self.gives_probabilities = PROBABILITIES in self._runtime.outputs
        if self.network is None:
            self._tiled = TiledRuntime(self._runtime, max_memory)
        else:
            self._tiled = TiledNetwork(self._runtime.segmenter, max_memory)

    def __repr__(self) -> str:
        return f"<Predictor of {self.path}: {len(self.description.class_names)} classes>"

    def __call__(self, image: Any) -> np.ndarray:
        """Returns class ids (H, W), uint8 or beyond 255 classes uint16, of one image.

        Args:
            image: a path, a PIL image or an array of one of the forms that `rgb_image` takes:
                (H, W, 3) RGB, (H, W) grey or (H, W, 4) RGBA, 0 to 255.

        Raises:
            ValueError: if it is no such image, the model's scores are not finite, or the memory
                allowed is too little for any tile of it.
        """
        image = rgb_image(image)
        seen = reduced(image, self._longest_side)
        class_ids = self._class_ids(seen, seen.shape[:2])
        return _nearest(class_ids, image.shape[:2]).astype(self._dtype)

    def class_ids(self, image: Any, size: tuple[int, int]) -> np.ndarray:
        """Returns class ids (*size), as a call does, at another resolution than the image's own.

        The largest of the resized scores decides; of a file that gives class ids alone, the nearest
        pixel does.
        """
        image = reduced(rgb_image(image), self._longest_side)
        if self.gives_probabilities:
            return self._class_ids(image, tuple(size)).astype(self._dtype)
        return _nearest(self._class_ids(image, image.shape[:2]), size).astype(self._dtype)

    def probabilities(self, image: Any) -> np.ndarray:
        """Returns the probability of every class, (H, W, C) float32, 0 to 1, of one image.

        What is returned, and it alone, may exceed the memory allowed.

        Raises:
            ValueError: if the file gives no probabilities, and as in a call.
        """
        if not self.gives_probabilities:
            raise ValueError(
                f"{self.path} gives class ids alone: export it once more, with probabilities."
            )
        image = rgb_image(image)
        seen = reduced(image, self._longest_side)
        if self._tiled.fits_whole(seen.shape[:2]):
            probabilities = self._run(seen, PROBABILITIES)
        else:
            probabilities = self._tiled.probabilities(seen)[None]
        if not np.isfinite(probabilities).all():
            raise ValueError(f"Expected finite probabilities of {self.path}; received others.")
        if probabilities.shape[1:3] == image.shape[:2]:
            return probabilities[0]
        return strips.resized(probabilities[0], image.shape[:2])

    def _class_ids(self, image, size):
        """Class ids (*size) of an image that is not reduced any more."""
        if not self._tiled.fits_whole(image.shape[:2]):
            class_ids = self._tiled.class_ids(image, size)
        elif image.shape[:2] == size:
            class_ids = _nearest(self._run(image, CLASS_IDS)[0], size)
        else:
            class_ids = strips.class_ids([strips.whole(self._run(image, PROBABILITIES)[0], size)])
        classes = len(self.description.class_names)
        wrong = np.count_nonzero((class_ids < 0) | (class_ids >= classes))
        if wrong:
            raise ValueError(
                f"Expected finite scores and class ids from 0 to {classes - 1} of {self.path}; "
                f"received others at {wrong} pixels."
            )
        return class_ids

    def _run(self, image, output):
        runtime = self._runtime
        size = [own or given for own, given in zip(runtime.size, image.shape, strict=False)]
        if size != list(image.shape[:2]):
            image = strips.resized(image, size)
        return np.asarray(runtime(prepared(image[None], runtime), output))[:1]


def _nearest(class_ids, size):
    """Class ids (h, w) at another size, (*size), by nearest pixel."""
    if class_ids.shape == tuple(size):
        return class_ids
    class_ids = ops.convert_to_tensor(class_ids[None])
    return ops.convert_to_numpy(resize_labels(class_ids, size))[0]


class Agreement(NamedTuple):
    """Two models' answers to one image.

    Attributes:
        same_class: share of pixels, 0 to 1, that get the same class.
        difference: the largest difference of any probability; None where one gives none.
    """

    same_class: float
    difference: float | None


def compare(
    one: Predictor, other: Predictor, image: Any, size: tuple[int, int] | None = None
) -> Agreement:
    """Asks two `Predictor`s for the same image, which is of any form that they take.

    Args:
        one, other: the predictors.
        image: as `Predictor` takes it, of whole values.
        size: (height, width) that the image is resized to first, where a file takes no other size.
    """
    image = rgb_image(image)
    height, width = size or image.shape[:2]
    image = np.asarray(Image.fromarray(image.astype("uint8")).resize((width, height)))
    same_class = float(np.mean(one(image) == other(image)))
    if not (one.gives_probabilities and other.gives_probabilities):
        return Agreement(same_class, None)
    difference = np.abs(one.probabilities(image) - other.probabilities(image)).max()
    return Agreement(same_class, float(difference))
