"""Scores of a network on a data set, at the labels' full resolution."""

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from keras_lwm.depth_input import beside_depth, sees_depth
from keras_lwm.description import Description
from keras_lwm.evaluation.views import SingleScale
from keras_lwm.large_images.memory import MAX_MEMORY, ImageTooLargeError
from keras_lwm.large_images.reduced import check_longest_side, reduced
from keras_lwm.metrics.confusion import add_pixels, new_matrix
from keras_lwm.metrics.depth import depth_error_sums
from keras_lwm.metrics.scores import segmentation_scores
from keras_lwm.progress_bar import ProgressBar
from keras_lwm.resampling import resize_labels
from keras_lwm.samples import check_depth_unit, check_image_range, median_depth
from keras_lwm.void import check_num_classes, void_id


def check_classes(model, num_classes, class_names=None) -> None:
    """Checks the classes of a model, as far as they are known before it has predicted anything.

    Args:
        model: a Keras model, or a `keras_lwm.Predictor`, which may know the classes' names.
        num_classes, class_names: of the data set; names may be None.

    Raises:
        ValueError: if number or names differ; names are compared where both sides have them.
    """
    description = getattr(model, "description", None)
    number = _number_of_classes(model) if description is None else len(description.class_names)
    if number not in (None, num_classes):
        raise ValueError(
            f"Expected a network of {num_classes} classes, as the data set has; received one of "
            f"{number}."
        )
    if description is None or class_names is None:
        return
    if description.class_names == Description.unnamed(number).class_names:
        return
    for index, (own, wanted) in enumerate(zip(description.class_names, class_names, strict=True)):
        if own != str(wanted):
            raise ValueError(
                f"Expected a network of the data set's classes; class {index} is {own!r} in the "
                f"model and {str(wanted)!r} in the data set."
            )


def _number_of_classes(model):
    outputs = getattr(model, "output", None)
    logits = outputs.get("segmentation") if isinstance(outputs, dict) else outputs
    return None if logits is None else logits.shape[-1]


def frames_of(dataset, num_classes) -> Iterator[tuple]:
    """Yields (image (H, W, 3), label (h, w), depth (h', w', 1) or None), one frame after another.

    Args:
        dataset: iterable of batches `(image (B, H, W, 3), {"label": (B, h, w), "depth": ...})`,
            as arrays or tensors of any make; `depth` may be missing.
        num_classes: label ids must lie below, or be `void_id(num_classes)`.

    Raises:
        ValueError: if a frame's parts do not fit together, an image is not one of 0 to 255, or a
            label is no class; it names the frame by its index in the data, from 0.
    """
    frame, brightest = 0, 0.0
    for images, targets in dataset:
        images, labels = _array(images), _array(targets["label"])
        depths = _array(targets["depth"]) if targets.get("depth") is not None else None
        _check_batch(frame, images, labels, depths)
        for index in range(len(images)):
            if images.dtype != np.uint8:
                # Of all frames so far: one after a bright one may well be dark.
                brightest = np.maximum(brightest, images[index].max())
                check_image_range(images[index].min(), brightest, f"frame {frame}")
            _check_labels(frame, labels[index], num_classes)
            yield images[index], labels[index], None if depths is None else depths[index]
            frame += 1


def _array(values):
    # NumPy cannot read a tensor of PyTorch's that is on a GPU.
    own = ops.is_tensor(values) or not hasattr(values, "__array__")
    return ops.convert_to_numpy(values) if own else np.asarray(values)


def _check_batch(frame, images, labels, depths):
    shapes = [maps.shape for maps in (images, labels, depths) if maps is not None]
    whole = (
        images.ndim == 4
        and labels.ndim == 3
        and (depths is None or (depths.ndim == 4 and depths.shape[-1] == 1))
        and all(shape[0] == len(images) for shape in shapes)
        and all(_same_aspect(images.shape[1:3], shape[1:3]) for shape in shapes)
    )
    if not whole:
        raise ValueError(
            f"Expected images (B, H, W, 3), labels (B, h, w) and depths (B, h, w, 1) of one aspect "
            f"from frame {frame} on; received shapes {', '.join(map(str, shapes))}."
        )


def _same_aspect(one, other):
    # Equal up to one pixel of rounding in the larger of the two.
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)


def _check_labels(frame, label, num_classes):
    void = void_id(num_classes)
    wrong = ~((label >= 0) & (label < num_classes) | (label == void))  # NaN too
    if wrong.any():
        raise ValueError(
            f"Expected labels from 0 to {num_classes - 1} or {void} (void); received "
            f"{label[wrong][0]} in frame {frame}."
        )


class DepthUnitCheck:
    """Asks of the first frames with depth whether it is in metres; see `check_depth_unit`."""

    _FRAMES = 16

    def __init__(self):
        self._medians = []

    def add(self, frame: int, depth: np.ndarray) -> None:
        """Takes in the depth of the frame of this index, until there are 16 with some."""
        if len(self._medians) < self._FRAMES and (median := median_depth(depth)) is not None:
            self._medians.append((median, frame))
            if len(self._medians) == self._FRAMES:
                self.finish()

    def finish(self) -> None:
        """Raises a `ValueError` if the frames so far look like another unit."""
        if self._medians:
            median, frame = sorted(self._medians)[len(self._medians) // 2]
            check_depth_unit(median, f"Frame {frame}")


class ExportedPredictor:
    """Predicts single frames at any wanted resolution, as `FramePredictor` does for networks.

    At another resolution than the image's, the largest of the resized probabilities decides, as it
    does in the literature; of a file that gives class ids alone, the nearest pixel does.

    Args:
        predictor: a `keras_lwm.Predictor`, or what can be called like one.
    """

    def __init__(self, predictor):
        self.predictor = predictor

    def class_ids(self, image, size) -> tuple:
        """Returns the predicted classes, int32 (h, w), of `image` (H, W, 3), and None: no depth."""
        if image.shape[:2] == tuple(size) or not self.predictor.gives_probabilities:
            maps = ops.convert_to_tensor(self.predictor(image)[None].astype("int32"))
            return ops.convert_to_numpy(resize_labels(maps, size))[0], None
        return self.predictor.class_ids(image, size).astype("int32"), None


def evaluate(
    model,
    dataset,
    num_classes: int,
    class_names=None,
    *,
    view=None,
    subsets=(),
    unusual_depth: bool = False,
    progress: bool = True,
    max_memory: float = MAX_MEMORY,
    longest_side: int | None = None,
    on_frame: Callable[[int, np.ndarray, np.ndarray], None] | None = None,
) -> dict:
    """Scores `model` on every frame of `dataset`.

    Frames go through the network one by one and pixels are counted in integers: the scores are the
    same to the last digit for any batch size, and memory does not grow with the number of frames.
    Depth changes no segmentation score.

    Args:
        model: a Keras model of RGB images in 0..255: a segmenter that gives logits (B, h, w, C) of
            any resolution, or a training network with a dictionary of outputs that has
            `segmentation` and perhaps `depth`, or one that sees the frames' depth, as a teacher
            does (see `RefineNet`): in single scale. Or a `keras_lwm.Predictor` of a model file: its
            Keras model where it has one; other files are scored in single scale alone.
        dataset: iterable of batches `(image (B, H, W, 3), {"label": (B, h, w), "depth": (B, h, w,
            1)})`; images are 0 to 255; labels are class ids, 255 = void (65535 beyond 255 classes);
            depth in metres, 0 = not measured, may be missing.
        num_classes: number of classes C.
        class_names: C names for the scores' table.
        view: how the network looks at a frame: `SingleScale()` (where not given), `MultiScale()`
            or `SlidingWindow(size)`.
        subsets: parts of the pixels to score by themselves, such as `TrimapBand(3)` or
            `DepthRange(0, 2)`.
        unusual_depth: accept a median depth below 0.1 m or above 80 m, as a `DepthPrivilegedModel`
            made with `unusual_depth=True` does anyway. Depth is checked only where it is scored
            or seen by the network.
        progress: show a progress bar, in batches.
        max_memory: gigabytes by which a frame may make the process grow. One that needs more is
            predicted in tiles, and a thousandth of its pixels, at most, get other classes. A
            `Predictor` of an exported file has its own.
        longest_side: pixels; frames whose longer side is longer are reduced to it before the
            network sees them. Labels are not. None: never.
        on_frame: called for every frame with its index in the data, from 0, its label and the
            predicted classes, integers (h, w).

    Returns:
        A dictionary of plain values, ready for JSON: what `segmentation_scores` returns (scores are
        from 0 to 1; None where nothing was labelled), `frames`, `confusion_matrix` (rows are
        labels), `depth` with `abs_rel`, `rmse` (metres), `delta_1.25` and `pixels` where the
        network predicts depth and some is measured, and `subsets`, a dictionary of the same four
        scores by subset where any was asked for.

    Raises:
        ValueError: if the data hold no frame, parts of a frame do not fit together, images are not
            0 to 255, depth does not look like metres, a label is no class, the model's classes are
            others, its output is not finite, or `view` is not for such a file.
    """
    check_num_classes(num_classes)
    check_classes(model, num_classes, class_names)
    view = view or SingleScale()
    predictor = _frame_predictor(model, view, max_memory)
    check_longest_side(longest_side)
    matrices = [new_matrix(num_classes) for _ in range(1 + len(subsets))]
    depth_sums = np.zeros(4)
    network = model if isinstance(model, keras.Model) else model.network
    unusual_depth = unusual_depth or getattr(network, "unusual_depth", False)
    with_depth = sees_depth(network)
    if with_depth and (longest_side is not None or not isinstance(view, SingleScale)):
        raise ValueError(
            "Expected no longest_side and the view SingleScale for a network that sees depth, "
            f"which is not resized; received longest_side={longest_side}, {type(view).__name__}."
        )
    depth_unit = DepthUnitCheck()
    frames = 0
    shown = ProgressBar(dataset, "Evaluating", "batches") if progress else None
    with shown or contextlib.nullcontext(dataset) as batches:
        for image, label, depth in frames_of(batches, num_classes):
            image = _beside_depth(frames, image, depth) if with_depth else image
            image = reduced(image, longest_side)
            try:
                class_ids, depth_pred = predictor.class_ids(image, label.shape)
            except ImageTooLargeError as error:
                raise ImageTooLargeError(f"Frame {frames} is too large. {error}") from error
            _check_class_ids(frames, class_ids, num_classes)
            scores_depth = depth_pred is not None or any(subset.needs_depth for subset in subsets)
            if depth is not None and (scores_depth or with_depth) and not unusual_depth:
                depth_unit.add(frames, depth)
            parts = _parts(frames, subsets, label, depth, void_id(num_classes))
            for matrix, part in zip(matrices, parts, strict=True):
                add_pixels(matrix, label[part], class_ids[part])
            if on_frame is not None:
                on_frame(frames, label, class_ids)
            if depth is not None and depth_pred is not None:
                sums = depth_error_sums(depth[None], depth_pred[None])
                depth_sums += ops.convert_to_numpy(sums).astype("float64")
            frames += 1
    if not frames:
        raise ValueError("Expected a data set of at least one frame; received none.")
    depth_unit.finish()
    scores = segmentation_scores(matrices[0], class_names)
    scores["frames"] = frames
    if depth_sums[0]:
        scores["depth"] = _depth_scores(depth_sums)
    if subsets:
        scores["subsets"] = {
            subset.name: _without_classes(segmentation_scores(matrix, class_names))
            for subset, matrix in zip(subsets, matrices[1:], strict=True)
        }
    scores["confusion_matrix"] = matrices[0].tolist()
    return scores


def _frame_predictor(model, view, max_memory):
    if not isinstance(model, keras.Model) and not hasattr(model, "network"):
        raise ValueError(f"Expected a Keras model or a keras_lwm.Predictor; received {model!r}.")
    network = model if isinstance(model, keras.Model) else model.network
    if network is not None:
        return view.predictor(network, max_memory)
    if not isinstance(view, SingleScale):
        raise ValueError(
            f"Expected a Keras model for the view {type(view).__name__}; {model.path} is "
            f"exported, which gives no logits: use SingleScale."
        )
    return ExportedPredictor(model)


def _beside_depth(frame, image, depth):
    if depth is None or depth.shape[:2] != image.shape[:2]:
        raise ValueError(
            f"Expected depth of the image's size, {image.shape[:2]}, for a network that sees it; "
            f"received {None if depth is None else depth.shape[:2]} in frame {frame}."
        )
    return _array(beside_depth(image, depth))


def _check_class_ids(frame, class_ids, num_classes):
    if class_ids.min(initial=0) < 0:
        raise ValueError(
            f"Expected finite scores of all classes; received NaN or infinity from the network at "
            f"{np.count_nonzero(class_ids < 0)} pixels of frame {frame}."
        )
    if class_ids.max(initial=0) >= num_classes:
        raise ValueError(
            f"Expected a network of {num_classes} classes; received class {class_ids.max()} from "
            f"it in frame {frame}."
        )


def _parts(frame, subsets, label, depth, void):
    """Masks (h, w) of the labelled pixels: of all of them, then of each subset's."""
    known = label != void
    if any(subset.needs_depth for subset in subsets):
        if depth is None:
            [needing, *_] = [subset.name for subset in subsets if subset.needs_depth]
            raise ValueError(f"Expected depth to score {needing}; frame {frame} has none.")
        resized = resize_labels(ops.convert_to_tensor(depth[None, ..., 0]), label.shape)
        depth = ops.convert_to_numpy(resized)[0]
    return [known, *(known & subset.mask(label, depth, void) for subset in subsets)]


def _depth_scores(sums):
    count, relative, squared, close = sums.tolist()
    if not np.isfinite(sums).all():
        raise ValueError("Expected finite depth; the network predicts NaN or infinite metres.")
    return {
        "abs_rel": relative / count,
        "rmse": (squared / count) ** 0.5,
        "delta_1.25": close / count,
        "pixels": int(count),
    }


def _without_classes(scores):
    return {name: value for name, value in scores.items() if name != "classes"}
