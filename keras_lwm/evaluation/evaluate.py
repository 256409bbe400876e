"""Scores of a network on a data set, at the labels' full resolution."""

import keras
import numpy as np
from keras import ops

from keras_lwm.evaluation.classes import check_classes
from keras_lwm.evaluation.exported import ExportedPredictor
from keras_lwm.evaluation.frames import frames_of
from keras_lwm.evaluation.views import SingleScale
from keras_lwm.metrics.confusion import ConfusionMatrix
from keras_lwm.metrics.depth import depth_error_sums
from keras_lwm.metrics.scores import segmentation_scores
from keras_lwm.progress_bar import progress_bar
from keras_lwm.resampling import resize_labels
from keras_lwm.void import VOID


def evaluate(
    model, dataset, num_classes, class_names=None, *, view=None, subsets=(), progress=True
):
    """Scores `model` on every frame of `dataset`.

    Frames go through the network one by one and pixels are counted in integers: the scores are the
    same to the last digit for any batch size, and memory does not grow with the number of frames.
    Depth changes no segmentation score.

    Args:
        model: a Keras model of RGB images in 0..255: a segmenter that gives logits (B, h, w, C) of
            any resolution, or a training network with a dictionary of outputs that has
            `segmentation` and perhaps `depth`. Or a `keras_lwm.Predictor` of a model file: its
            Keras model where it has one; other files are looked at in single scale alone.
        dataset: iterable of batches `(image (B, H, W, 3), {"label": (B, h, w), "depth": (B, h, w,
            1)})`; labels are class ids, 255 = void; depth in metres, 0 = not measured, may be
            missing.
        num_classes: number of classes C.
        class_names: C names for the scores' table.
        view: how the network looks at a frame: `SingleScale()` (where not given), `MultiScale()`
            or `SlidingWindow(size)`.
        subsets: parts of the pixels to score by themselves, such as `TrimapBand(3)` or
            `DepthRange(0, 2)`.
        progress: show a progress bar, in batches.

    Returns:
        A dictionary of plain values, ready for JSON: what `segmentation_scores` returns (scores are
        from 0 to 1; None where nothing was labelled), `frames`, `confusion_matrix` (rows are
        labels), `depth` with `abs_rel`, `rmse` (metres), `delta_1.25` and `pixels` where the
        network predicts depth and some is measured, and `subsets`, a dictionary of the same four
        scores by subset where any was asked for.

    Raises:
        ValueError: if the data hold no frame, parts of a frame do not fit together, a label is no
            class, the model's classes are others, its output is not finite, or `view` is not for
            such a file.
    """
    check_classes(model, num_classes, class_names)
    predictor = _frame_predictor(model, view or SingleScale())
    matrices = [ConfusionMatrix(num_classes) for _ in range(1 + len(subsets))]
    depth_sums = np.zeros(4)
    frames = 0
    after_batch = _shown_batches(dataset) if progress else None
    for image, label, depth in frames_of(dataset, num_classes, after_batch):
        class_ids, depth_pred = predictor.class_ids(image, label.shape)
        _check_class_ids(frames, class_ids, num_classes)
        matrices[0].update_state(label[None], class_ids[None])
        for subset, matrix in zip(subsets, matrices[1:], strict=True):
            part = _part(frames, subset, label, depth)
            matrix.update_state(part[None], class_ids[None])
        if depth is not None and depth_pred is not None:
            sums = depth_error_sums(depth[None], depth_pred[None])
            depth_sums += ops.convert_to_numpy(sums).astype("float64")
        frames += 1
    if not frames:
        raise ValueError("Expected a data set of at least one frame; received none.")
    scores = segmentation_scores(matrices[0].matrix(), class_names)
    scores["frames"] = frames
    if depth_sums[0]:
        scores["depth"] = _depth_scores(depth_sums)
    if subsets:
        scores["subsets"] = {
            subset.name: _without_classes(segmentation_scores(matrix.matrix(), class_names))
            for subset, matrix in zip(subsets, matrices[1:], strict=True)
        }
    scores["confusion_matrix"] = matrices[0].matrix().tolist()
    return scores


def _frame_predictor(model, view):
    if not isinstance(model, keras.Model) and not hasattr(model, "network"):
        raise ValueError(f"Expected a Keras model or a keras_lwm.Predictor; received {model!r}.")
    network = model if isinstance(model, keras.Model) else model.network
    if network is not None:
        return view.predictor(network)
    if not isinstance(view, SingleScale):
        raise ValueError(
            f"Expected a Keras model to be looked at in {type(view).__name__}; {model.path} is "
            f"exported, which gives no logits: its view is SingleScale."
        )
    return ExportedPredictor(model)


def _shown_batches(dataset):
    try:
        batches = len(dataset)
    except TypeError:
        batches = None  # Unknown, as of a generator: the bar counts without an end.
    bar = progress_bar(batches, unit_name="batch")
    return lambda: bar.add(1)


def _check_class_ids(place, class_ids, num_classes):
    if class_ids.min(initial=0) < 0:
        raise ValueError(
            f"Expected finite scores of all classes; received NaN or infinity from the network at "
            f"{np.count_nonzero(class_ids < 0)} pixels of frame {place}."
        )
    if class_ids.max(initial=0) >= num_classes:
        raise ValueError(
            f"Expected a network of {num_classes} classes; received class {class_ids.max()} from "
            f"it in frame {place}."
        )


def _part(place, subset, label, depth):
    if subset.needs_depth:
        if depth is None:
            raise ValueError(f"Expected depth to score {subset.name}; frame {place} has none.")
        resized = resize_labels(ops.convert_to_tensor(depth[None, ..., 0]), label.shape)
        depth = ops.convert_to_numpy(resized)[0]
    return np.where(subset.mask(label, depth), label, VOID)


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
