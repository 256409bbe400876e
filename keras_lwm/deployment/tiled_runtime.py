"""Predicting images by an exported file, within a bound on memory: whole, or in tiles."""

import numpy as np

from keras_lwm.deployment.inference_network import CLASS_IDS, PROBABILITIES
from keras_lwm.large_images import strips
from keras_lwm.large_images.graph import Footprint
from keras_lwm.large_images.memory import Bound, activation_bytes, full_size_bytes
from keras_lwm.large_images.parts import Part
from keras_lwm.windows import Window

# A file with probabilities computes them even if only class ids are asked for.
_MAPS_OF_PROBABILITIES = 1.7


class TiledRuntime:
    """What `TiledNetwork` is for a Keras model, for a runtime (see `deployment.runtimes`).

    The file itself resizes its scores to the size of what it is given: so a tile is smaller than a
    Keras model's, by the scores of all its classes.

    Args:
        runtime: of an exported file.
        max_memory: gigabytes by which predicting may make the process grow.
    """

    def __init__(self, runtime, max_memory: float):
        self._runtime = runtime
        described = runtime.description
        self._footprint = (
            Footprint(**described.footprint)
            if described.footprint
            else Footprint.unknown(len(described.class_names))
        )
        self._bound = Bound(max_memory, lambda: bool(self._footprint.global_context))

    @property
    def bytes_per_pixel(self) -> float:
        """Memory that a tile takes."""
        kind = self._runtime.kind
        maps = _MAPS_OF_PROBABILITIES if PROBABILITIES in self._runtime.outputs else 1
        scores = maps * full_size_bytes(self._footprint, kind)
        # Activations are freed before the scores are resized.
        return max(activation_bytes(self._footprint, kind), scores) * (self._runtime.batch or 1)

    def fits_whole(self, size: tuple[int, int]) -> bool:
        """Whether an image may be seen whole; a file of one size sees nothing else."""
        needed = size[0] * size[1] * self.bytes_per_pixel
        return any(self._runtime.size) or needed <= self._bound.free(size)

    def class_ids(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Predicts by tiles.

        Args:
            image: (H, W, 3), 0 to 255.
            size: (height, width) of the class ids. If it is not the image's, the largest of the
                resized probabilities decides.

        Returns:
            Integers (*size).
        """
        ids = np.full(size, -1, "int32")
        if image.shape[:2] == tuple(size):
            for values, part, window in self._parts(image, CLASS_IDS, size):
                part.write(values[..., None], window, ids[..., None])
        else:
            for values, part, window in self._parts(image, PROBABILITIES, size):
                ids[part.region] = strips.class_ids([part.scores(values, window)])
        return ids

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """The probability of every class, (H, W, C) float32, by tiles."""
        maps = None
        for values, part, window in self._parts(image, PROBABILITIES, image.shape[:2]):
            maps = part.write(values, window, maps)
        return maps

    def _parts(self, image, output, size):
        whole = image.shape[:2]
        [tiles] = self._bound.tiles(whole, self.bytes_per_pixel, self._footprint.stride)
        height, width = tiles.size
        for index in tiles.indices():
            top, left = tiles.start(index)
            seen = image[None, top : top + height, left : left + width]
            window = Window((top, left), (height, width), whole)
            values = self._runtime.part(prepared(seen, self._runtime), output, window)
            yield np.asarray(values)[0], Part(tiles, index, size), window


def prepared(images: np.ndarray, runtime) -> np.ndarray:
    """One image (1, H, W, 3) as many times and of the type that a runtime takes it."""
    if runtime.dtype == "uint8":
        images = np.rint(images)
    return np.repeat(images.astype(runtime.dtype), runtime.batch or 1, axis=0)
