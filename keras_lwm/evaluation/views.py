"""How a network looks at a frame: as it is, at several sizes, through a window that slides."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_lwm.class_ids import largest_class, resize_logits
from keras_lwm.large_images import strips
from keras_lwm.large_images.graph import run_network
from keras_lwm.large_images.memory import MAX_MEMORY
from keras_lwm.large_images.network import Look, TiledNetwork
from keras_lwm.resampling import resize_bilinear


class FramePredictor:
    """Predicts single frames at any wanted resolution, in one compiled step a frame.

    One frame at a time, because a network's rounding may depend on how many images share a batch:
    so an evaluation finds the same classes however its data are batched. A frame too large for the
    memory allowed is predicted in tiles.

    Args:
        network: a Keras model of RGB images.
        view: gives the scores of all classes (see `keras_lwm.evaluation.views`).
        max_memory: gigabytes by which predicting may make the process grow.
    """

    def __init__(self, network, view, max_memory=MAX_MEMORY):
        self.tiled = TiledNetwork(network, max_memory)
        # Logits are resized once, and side outputs left out.
        network = self.tiled.network
        self._class_ids = _compiled(_ClassIds(network, view))
        self._scores = _compiled(_Scores(network, view))
        self.looks = view.looks

    def class_ids(
        self, image: np.ndarray, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the predicted classes, int32 (h, w), of `image` (H, W, 3); -1 = not finite.

        Also returns the network's depth in metres, (h', w', 1), or None where it gives none.
        """
        if not self.tiled.fits_whole(image.shape[:2], size, self.looks):
            return self.tiled.class_ids_and_depth(image, size, self.looks)
        outputs = self._class_ids.predict_on_batch(_inputs(image, size))
        depth = outputs.get("depth")
        return outputs["class_ids"][0], None if depth is None else depth[0]

    def scores(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Returns the view's scores of `image` (H, W, 3), float32 (h, w, C), NaN where some are."""
        return self._scores.predict_on_batch(_inputs(image, size))[0]


def _inputs(image, size):
    # The wanted size travels as the shape of an array: a compiled step takes arrays alone.
    return {"image": image[None], "wanted": np.zeros((1, *size), "uint8")}


def _compiled(model):
    # XLA compiles anew for every size of frame, which only JAX cannot do without.
    model.compile(jit_compile=keras.backend.backend() == "jax")
    return model


class _Scores(keras.Model):
    def __init__(self, network, view):
        super().__init__(name="frame_predictor")
        self.network = network
        self.view = view
        self.built = True  # Else JAX runs it once, operation by operation, to build it.

    def call(self, inputs):
        size = tuple(ops.shape(inputs["wanted"])[1:3])
        scores, finite, _ = self.view(self.network, inputs["image"], size)
        return ops.where(finite[..., None], scores, float("nan"))


class _ClassIds(_Scores):
    def call(self, inputs):
        size = tuple(ops.shape(inputs["wanted"])[1:3])
        scores, finite, outputs = self.view(self.network, inputs["image"], size)
        depth = outputs.get("depth") if isinstance(outputs, dict) else None
        return {"class_ids": largest_class(scores, finite)} | (
            {} if depth is None else {"depth": depth}
        )


def _logits_at(network, image, size):
    """Logits and where they are finite, as of `resize_logits`, and the network's own outputs."""
    outputs = run_network(network, image)
    logits = outputs["segmentation"] if isinstance(outputs, dict) else outputs
    return *resize_logits(logits, size), outputs


class SingleScale:
    """The frame as it is: the largest logit, resized bilinearly to the wanted size, decides."""

    looks = (Look(),)

    def predictor(self, network: keras.Model, max_memory: float = MAX_MEMORY) -> FramePredictor:
        """Returns what predicts single frames by this view."""
        return FramePredictor(network, self, max_memory)

    def __call__(self, network: keras.Model, image: Any, size: tuple) -> tuple[Any, Any, Any]:
        """Returns logits (B, *size, C), booleans (B, *size) that are False where they are of no
        use since some were not finite, and the network's own outputs, within a compiled step."""
        return _logits_at(network, image, size)


class MultiScale:
    """The largest mean class probability over several image sizes, mirrored and not, decides.

    Each look resizes the image bilinearly, the logits to the wanted size, and takes the softmax
    there. The default scales are those of RefineNet (Lin et al., CVPR 2017). Depth is not
    predicted.

    Args:
        scales: factors of the image's height and width, above 0; taken in whole per cent.
        flip: whether each size is looked at mirrored as well.
    """

    def __init__(self, scales=(0.4, 0.6, 0.8, 1.0, 1.2), flip=True):
        self.percents = [round(100 * scale) for scale in scales]
        if not self.percents or min(self.percents) < 1:
            raise ValueError(f"Expected scales of at least 0.01; received {scales!r}.")
        self.flip = flip

    @property
    def looks(self) -> tuple[Look, ...]:
        """At a frame, one for each size and direction."""
        directions = (False, True) if self.flip else (False,)
        return tuple(
            Look(percent, mirrored, softmax=True)
            for percent in self.percents
            for mirrored in directions
        )

    def predictor(self, network: keras.Model, max_memory: float = MAX_MEMORY) -> FramePredictor:
        """Returns what predicts single frames by this view."""
        return FramePredictor(network, self, max_memory)

    def __call__(self, network: keras.Model, image: Any, size: tuple) -> tuple[Any, Any, None]:
        """Returns mean probabilities (B, *size, C), booleans (B, *size) as `SingleScale` does, and
        no outputs, within a compiled step."""
        image = ops.cast(image, "float32")
        total, all_finite = 0.0, True
        for percent in self.percents:
            look = resize_bilinear(image, Look(percent).size(ops.shape(image)[1:3]))
            if self.flip:
                look = ops.concatenate([look, ops.flip(look, axis=2)], axis=0)
            logits, finite, _ = _logits_at(network, look, size)
            probabilities = ops.softmax(logits, axis=-1)
            if self.flip:
                probabilities, finite = (_unmirrored(maps) for maps in (probabilities, finite))
                probabilities, finite = sum(probabilities), ops.logical_and(*finite)
            total += probabilities
            all_finite = ops.logical_and(all_finite, finite)
        return total / (len(self.percents) * (2 if self.flip else 1)), all_finite, None


def _unmirrored(maps):
    """The halves of a batch, the second of which was looked at mirrored."""
    plain, mirrored = ops.split(maps, 2, axis=0)
    return plain, ops.flip(mirrored, axis=2)


class SlidingWindow:
    """The largest mean class probability over all windows that see a pixel decides.

    The windows lie evenly over the frame, from edge to edge, neighbours sharing at least `overlap`.
    All have one size, so frames of any size need one compilation and the memory of one window; a
    frame smaller than the window is seen whole. Depth is not predicted.

    Args:
        size: (height, width) of the window, pixels.
        overlap: least share of a window that it has in common with its neighbour, from 0 to
            below 1.
        scales, flip: how each window is looked at, as in `MultiScale`.
    """

    def __init__(self, size, overlap=1 / 3, scales=(1.0,), flip=False):
        if not 0 <= overlap < 1:
            raise ValueError(f"Expected an overlap from 0 to below 1; received {overlap!r}.")
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"Expected a window's (height, width); received {size!r}.")
        self.size = tuple(size)
        self.overlap = overlap
        self.inside = MultiScale(scales, flip)

    def predictor(self, network: keras.Model, max_memory: float = MAX_MEMORY) -> "WindowPredictor":
        """Returns what predicts single frames by this view."""
        return WindowPredictor(network, self, max_memory)


def window_starts(length: int, window: int, overlap: float) -> list[int]:
    """The fewest evenly laid starts that cover `length` with neighbours sharing `overlap`."""
    if length <= window:
        return [0]
    step = max(int(window * (1 - overlap)), 1)
    count = -(-(length - window) // step)
    return [(length - window) * index // count for index in range(count + 1)]


class WindowPredictor:
    """Predicts single frames at any wanted resolution by a `SlidingWindow`.

    A frame whose scores are too large for the memory allowed is gone through from top to bottom,
    with no more windows at hand than those that the present rows lie in.

    Args:
        network: a Keras model of RGB images.
        view: the `SlidingWindow`.
        max_memory: gigabytes by which predicting may make the process grow.
    """

    def __init__(self, network, view, max_memory=MAX_MEMORY):
        self._inside = FramePredictor(network, view.inside, max_memory)
        self._view = view

    def class_ids(self, image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, None]:
        """Returns the predicted classes, int32 (h, w), of `image` (H, W, 3), and None: no depth.

        Raises:
            ValueError: if the memory allowed is too little for the window.
        """
        tiled = self._inside.tiled
        if not tiled.fits_in_windows(image.shape[:2], self._window(image), self._inside.looks):
            rows = _WindowRows(image, self._view, self._window(image), tiled)
            return strips.class_ids_of_rows(rows, rows.classes, image.shape[:2], size), None
        probabilities = self._mean_probabilities(image)
        if probabilities.shape[:2] != tuple(size):
            resized = resize_bilinear(ops.convert_to_tensor(probabilities[None]), size)
            probabilities = ops.convert_to_numpy(resized)[0]
        finite = np.isfinite(probabilities).all(axis=-1)
        return np.where(finite, probabilities.argmax(axis=-1), -1).astype("int32"), None

    def _window(self, image):
        return tuple(min(a, b) for a, b in zip(image.shape, self._view.size, strict=False))

    def _mean_probabilities(self, image):
        frame = image.shape[:2]
        height, width = self._window(image)
        total, looks = None, np.zeros((*frame, 1), "float32")
        for top in window_starts(frame[0], height, self._view.overlap):
            for left in window_starts(frame[1], width, self._view.overlap):
                here = np.s_[top : top + height, left : left + width]
                seen = self._inside.scores(image[here], (height, width))
                if total is None:
                    total = np.zeros((*frame, seen.shape[-1]), "float32")
                total[here] += seen
                looks[here] += 1
        return total / looks


class _WindowRows:
    """Rows of summed class probabilities, for which windows are looked at when they are reached."""

    def __init__(self, image, view, window, tiled):
        self._image = image
        self._height, self._width = window
        self._looks = view.inside.looks
        self._tiled = tiled
        self._tops = window_starts(image.shape[0], self._height, view.overlap)
        self._lefts = window_starts(image.shape[1], self._width, view.overlap)
        self._seen = {}

    @property
    def classes(self):
        return self._tiled.footprint.classes

    def __call__(self, first, last):
        """Mean probabilities (last - first, W, C) of these rows."""
        total = np.zeros((last - first, self._image.shape[1], self.classes), "float32")
        count = np.zeros((last - first, self._image.shape[1], 1), "float32")
        for top in self._tops:
            here = slice(max(top, first), min(top + self._height, last))
            if here.start >= here.stop:
                self._seen.pop(top, None)
                continue
            if top not in self._seen:
                self._seen[top] = [self._scores(top, left) for left in self._lefts]
            inside = slice(here.start - top, here.stop - top)
            for left, scores in zip(self._lefts, self._seen[top], strict=True):
                target = np.s_[here.start - first : here.stop - first, left : left + self._width]
                total[target] += strips.sum_of_rows(scores, inside) / len(scores)
                count[target] += 1
        return total / count

    def _scores(self, top, left):
        window = self._image[top : top + self._height, left : left + self._width]
        return self._tiled.scores(window, self._looks)
