"""Class ids of images too large for the memory allowed, by a Keras model: by tiles and strips."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_lwm.large_images import strips
from keras_lwm.large_images.graph import (
    Footprint,
    footprint,
    has_global_context,
    is_graph,
    run_network,
)
from keras_lwm.large_images.memory import Bound, activation_bytes, full_size_bytes
from keras_lwm.large_images.parts import Part
from keras_lwm.large_images.strips import Scores
from keras_lwm.large_images.tiles import lay_whole
from keras_lwm.networks.segmenter import before_resizing
from keras_lwm.windows import Window, seen_through


class Look(NamedTuple):
    """One of the ways in which test-time augmentation shows an image to the network.

    Attributes:
        percent: the size to which the image is resized first, of its own.
        mirrored: whether it is mirrored, left to right.
        softmax: whether probabilities are added to those of other looks, rather than logits.
    """

    percent: int = 100
    mirrored: bool = False
    softmax: bool = False

    def size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of an image once it is resized."""
        # Whole numbers keep sizes exact, whether they are known when compiling or not.
        return tuple((length * self.percent + 50) // 100 for length in image_size)


_AS_IT_IS = (Look(),)


class _Step(keras.Model):
    """A network in inference on a part of an image."""

    def __init__(self, network):
        super().__init__(name="part_predictor")
        self.network = network
        self.built = True  # Else JAX runs it once, operation by operation, to build it.

    def call(self, inputs):
        image, window = inputs["image"], inputs["window"]
        size = tuple(ops.shape(image)[1:3])
        with seen_through(Window((window[0, 0], window[0, 1]), size, (window[0, 2], window[0, 3]))):
            outputs = run_network(self.network, image)
        return outputs if isinstance(outputs, dict) else {"segmentation": outputs}


class TiledNetwork:
    """Predicts class ids of one image at a time, within a bound on memory.

    Args:
        network: a Keras model of RGB images, to logits or a dictionary of outputs that has
            `segmentation` and perhaps `depth`.
        max_memory: gigabytes by which predicting may make the process grow.
    """

    def __init__(self, network: keras.Model, max_memory: float):
        self._model = network
        self.bound = Bound(max_memory, lambda: has_global_context(self.network))

    @functools.cached_property
    def network(self) -> keras.Model:
        """Without the layer that would resize its logits to the image's size."""
        return before_resizing(self._model) if is_graph(self._model) else self._model

    @functools.cached_property
    def footprint(self) -> Footprint:
        return footprint(self.network)

    @functools.cached_property
    def _step(self):
        step = _Step(self.network)
        # XLA compiles anew for every size of image, which only JAX cannot do without.
        step.compile(jit_compile=keras.backend.backend() == "jax")
        return step

    def fits_whole(
        self,
        image_size: tuple[int, int],
        size: tuple[int, int] | None = None,
        looks: Sequence[Look] = _AS_IT_IS,
    ) -> bool:
        """Whether an image may be seen whole, with the scores of all classes at full size.

        A network of images of one size sees nothing else.

        Args:
            image_size: (height, width) of the image.
            size: of the class ids; None: the image's.
            looks: at the image.
        """
        if is_graph(self._model) and any(self._model.inputs[0].shape[1:3]):
            return True
        backend = keras.backend.backend()
        largest = max(_area(look.size(image_size)) for look in looks)
        directions = 1 + any(look.mirrored for look in looks)
        network = directions * largest * activation_bytes(self.footprint, backend)
        # Several looks are summed, each of them at full size.
        maps = 1 if len(looks) == 1 else 1 + directions
        scores = maps * _area(size or image_size) * full_size_bytes(self.footprint, backend)
        return self.bound.free(image_size) >= network + scores

    def fits_in_windows(
        self, image_size: tuple[int, int], window: tuple[int, int], looks: Sequence[Look]
    ) -> bool:
        """Whether the scores of all classes at all pixels of an image fit, beside a window's.

        Args:
            image_size: (height, width) of the image.
            window: of its parts that are looked at.
            looks: at each part.

        Raises:
            ValueError: if a single window does not fit.
        """
        backend = keras.backend.backend()
        largest = max(_area(look.size(window)) for look in looks)
        one = largest * activation_bytes(self.footprint, backend)
        free = self.bound.free(image_size)
        if one > free:
            raise ValueError(
                f"Expected a window that fits into max_memory, {self.bound.max_memory:g} GB, of "
                f"an image of {image_size[0]}x{image_size[1]}: at most about "
                f"{max(free, 0) / one * _area(window):.0f} pixels; received "
                f"{window[0]}x{window[1]}."
            )
        directions = 1 + any(look.mirrored for look in looks)
        maps = _area(image_size) + (1 + directions) * _area(window)
        return free >= directions * one + maps * full_size_bytes(self.footprint, backend)

    def scores(self, image: np.ndarray, looks: Sequence[Look]) -> list[Scores]:
        """Scores of all classes at every pixel of an image, (H, W, 3), seen whole, by look."""
        size = image.shape[:2]
        part = Part(lay_whole(size), (0, 0), size)
        scores = []
        for look in looks:
            outputs, window = self._run_tile(image, look, lay_whole(look.size(size)), (0, 0))
            scores.append(part.scores(outputs["segmentation"], window, look.mirrored, look.softmax))
        return scores

    def class_ids(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Class ids, int32 (*size), of an image (H, W, 3), by tiles; -1 = not finite."""
        return self.class_ids_and_depth(image, size)[0]

    def class_ids_and_depth(
        self, image: np.ndarray, size: tuple[int, int], looks: Sequence[Look] = _AS_IT_IS
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Predicts by tiles, each by all looks at it, and by strips of rows within each.

        Args:
            image: (H, W, 3), 0 to 255.
            size: (height, width) of the class ids.
            looks: at the image; scores of several are summed.

        Returns:
            Class ids, int32 (*size); -1 where scores are not finite. And depth, float32 (h, w, 1)
            metres, at the network's own resolution; None where it gives none, or the look is
            another than at the image as it is.

        Raises:
            ImageTooLargeError: if the bound is too low for any tile.
        """
        image_size = image.shape[:2]
        tiles = self._tiles(image_size, looks)
        class_ids = np.full(size, -1, "int32")
        depth = None
        for index in tiles[0].indices():
            part = Part(tiles[0], index, size)
            scores = []
            for look, tiles_of_look in zip(looks, tiles, strict=True):
                outputs, window = self._run_tile(image, look, tiles_of_look, index)
                scores.append(
                    part.scores(outputs["segmentation"], window, look.mirrored, look.softmax)
                )
            class_ids[part.region] = strips.class_ids(scores)
            if looks == _AS_IT_IS and "depth" in outputs:
                depth = part.write(outputs["depth"], window, depth)
        return class_ids, depth

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """The probability of every class, (H, W, C) float32, of an image (H, W, 3), by tiles."""
        size = image.shape[:2]
        [tiles] = self._tiles(size, _AS_IT_IS)
        probabilities = np.empty((*size, self.footprint.classes), "float32")
        for index in tiles.indices():
            part = Part(tiles, index, size)
            outputs, window = self._run_tile(image, Look(), tiles, index)
            scores = part.scores(outputs["segmentation"], window, softmax=True)
            strips.write_sums(probabilities[part.region], [scores])
        return probabilities

    @property
    def bytes_per_pixel(self) -> float:
        """Of a tile of an image that is looked at as it is."""
        return self.footprint.logits + activation_bytes(self.footprint, keras.backend.backend())

    def _tiles(self, image_size, looks):
        sizes = [look.size(image_size) for look in looks]
        # The logits of all looks are kept, until the tile is done.
        earlier = sum(map(_area, sizes)) / max(map(_area, sizes)) - 1
        bytes_per_pixel = self.bytes_per_pixel + earlier * self.footprint.logits
        return self.bound.tiles(image_size, bytes_per_pixel, self.footprint.stride, sizes)

    def _run_tile(self, image, look, tiles, index):
        """The network's outputs for one tile, and the tile's window."""
        height, width = tiles.size
        top, left = tiles.start(index)
        whole = tiles.rows.size, tiles.columns.size
        if look.percent == 100:
            seen = image[top : top + height, left : left + width].astype("float32")
        else:
            rows = strips.centres(np.arange(top, top + height), whole[0], image.shape[0])
            columns = strips.centres(np.arange(left, left + width), whole[1], image.shape[1])
            seen = strips.interpolated(image, rows, columns)
        if look.mirrored:
            seen, left = seen[:, ::-1], whole[1] - width - left
        window = Window((top, left), (height, width), whole)
        inputs = {"image": seen[None], "window": np.array([[top, left, *whole]], "int32")}
        outputs = self._step.predict_on_batch(inputs)
        return {name: values[0] for name, values in outputs.items()}, window


def _area(size):
    return size[0] * size[1]
