"""What the page of a run shows of the test split: its hardest frames, and some at random."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_lwm.atomic_write import write_json
from keras_lwm.metrics.confusion import add_pixels, new_matrix
from keras_lwm.metrics.scores import segmentation_scores
from keras_lwm.report.drawing import (
    DEPTH_MAP,
    ERROR_MAP,
    WEIGHT_MAP,
    as_map,
    as_picture,
    map_norms,
    map_picture,
    plain_scale,
    striped,
    under_centres,
)
from keras_lwm.report.pictures import reduced, shown_size, write_label, write_photo
from keras_lwm.report.sheets import hard_pixel_maps
from keras_lwm.void import void_id

HARDEST, RANDOM = 24, 8
_WRONG = (213, 94, 0)
_MAPS = {
    "predicted depth": "predicted_depth",
    "DPE": "dpe",
    "DSE": "dse",
    "loss weight": "weight",
}


class FrameScores:
    """The scores of each frame by itself, to hand to `evaluate` as its `on_frame`.

    Args:
        num_classes: number of classes.

    Attributes:
        scores: a dictionary a frame: `index`, `mean_iou` over the classes that occur in its label
            or its prediction, `pixel_accuracy`; both 0 to 1, None where no pixel is labelled.
    """

    def __init__(self, num_classes: int):
        self._void = void_id(num_classes)
        self.scores = []

    def __call__(self, index: int, label: np.ndarray, class_ids: np.ndarray) -> None:
        known = label != self._void
        present, pairs = np.unique(
            np.stack([label[known], class_ids[known]]).astype("int64"), return_inverse=True
        )
        matrix = new_matrix(max(len(present), 2))
        add_pixels(matrix, *pairs.reshape(2, -1))
        scores = segmentation_scores(matrix)
        means = {name: scores[name] for name in ("mean_iou", "pixel_accuracy")}
        self.scores.append({"index": index, **means})


def choose_frames(
    scores: Sequence[Mapping], hardest: int = HARDEST, random: int = RANDOM
) -> list[dict]:
    """The frames of lowest mIoU, hardest first, then those that chance picks beside them.

    Chance picks the same indices in every run on as many frames, so that runs compare. A frame of
    both kinds comes once.

    Args:
        scores: of `FrameScores`.
        hardest, random: how many of each, or all there are.

    Returns:
        The scores of those frames, with booleans `hardest` and `random`.
    """
    scored = [frame for frame in scores if frame["mean_iou"] is not None]
    ranked = sorted(scored, key=lambda frame: (frame["mean_iou"], frame["index"]))[:hardest]
    hard = {frame["index"] for frame in ranked}
    picked = np.random.default_rng(0).permutation(len(scores))[:random]
    chance = {scores[position]["index"] for position in picked}
    others = [frame for frame in scores if frame["index"] in chance - hard]
    return [
        {**frame, "hardest": frame["index"] in hard, "random": frame["index"] in chance}
        for frame in (*ranked, *others)
    ]


def keep_frames(
    folder: Path,
    model,
    frames: Iterable[tuple],
    chosen: Sequence[Mapping],
    class_names: Sequence[str],
    palette: Sequence,
    split: str,
    count: int,
) -> None:
    """Writes pictures of the chosen frames and of what a model makes of them, and `frames.json`.

    Args:
        folder: where to; created where it does not exist.
        model: a `DepthPrivilegedModel`.
        frames: (image (H, W, 3), label (H, W), depth (H, W, 1)) of each chosen one, as
            `hard_pixel_maps` takes them.
        chosen: what `choose_frames` returned, each with its `name`.
        class_names, palette: C names, and RGB triples 0..255.
        split: that they are from, of `count` frames.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shown = [_views(model, *frame) for frame in frames]
    columns = [[views.get(title) for views in shown] for title in ("depth", *_MAPS)]
    depths, predicted, _, _, weights = [
        None if any(values is None for values in column) else column for column in columns
    ]
    norms = map_norms(depths, predicted, weights)
    entries = []
    for frame, views in zip(chosen, shown, strict=True):
        files = {
            title: _write_view(folder, frame["index"], title, values, views, palette, norms)
            for title, values in views.items()
        }
        entries.append({**frame, "views": files})
    values = {
        "split": split,
        "count": count,
        "classes": [
            {"name": str(name), "colour": [int(channel) for channel in colour]}
            for name, colour in zip(class_names, palette, strict=True)
        ],
        "scales": [
            plain_scale(["depth", "predicted depth"], DEPTH_MAP, norms["depth"], "m"),
            plain_scale(["DPE", "DSE"], ERROR_MAP, norms["error"]),
            plain_scale(["loss weight"], WEIGHT_MAP, norms["weight"]),
        ],
        "frames": entries,
    }
    write_json(folder / "frames.json", values)


def _views(model, image, label, depth):
    """The maps of a frame, no larger than they are shown: many large ones would fill the memory."""
    maps = hard_pixel_maps(model, image, label, depth)
    size = shown_size(*label.shape)
    label, prediction, depth = (
        under_centres(values, size) for values in (label, maps["prediction"], as_map(depth))
    )
    return {
        "image": reduced(as_picture(image)),
        "label": label,
        "prediction": prediction,
        "error": prediction != label,
        "depth": depth,
        **{title: maps[name] for title, name in _MAPS.items() if name in maps},
    }


def _write_view(folder, index, title, values, views, palette, norms):
    path = folder / f"frame_{index:05}_{title.replace(' ', '_').lower()}.webp"
    label = views["label"]
    if title in ("label", "prediction"):
        write_label(path, values, palette)
    elif title == "error":
        write_photo(path, _error_picture(views["image"], values, label == void_id(len(palette))))
    else:
        write_photo(path, map_picture(title, values, label, palette, norms))
    return path.name


def _error_picture(image, wrong, void):
    """A pale grey image, its wrong pixels tinted, and stripes where it is void."""
    grey = as_picture(image).mean(axis=-1, keepdims=True) / 2 + 96
    picture = np.where(wrong[..., None], 0.65 * np.float64(_WRONG) + 0.35 * grey, grey)
    return striped(picture.astype("uint8"), void)
