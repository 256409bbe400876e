"""What the method looks at while it trains: the loss weight map of the same frames, epoch by epoch.

Each kept epoch has a JSON file and a picture a frame, whole or not there: a run that is killed and
goes on writes the same files again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np
from matplotlib.colors import TwoSlopeNorm
from PIL import Image

from keras_lwm.atomic_write import atomic_write, write_json
from keras_lwm.report.drawing import WEIGHT_MAP, depth_norm, map_picture, plain_scale, under_centres
from keras_lwm.report.pictures import reduced, shown_size, write_label, write_photo
from keras_lwm.report.sheets import hard_pixel_maps
from keras_lwm.samples import spread_indices
from keras_lwm.void import void_id

LARGEST = 2.5
"""Weights above it have its colour; the colours' middle is 1, so that epochs compare."""
EPOCHS = 6
LARGEST_FRAME = (1024, 2048)
"""Height and width: of a larger frame the middle is predicted, for which there is memory while a
network trains on crops."""
BIN_EDGES = np.linspace(0.0, LARGEST, 51)
_VOID = 255
_VOID_COLOUR = (96, 96, 96)


class KeepWeightMaps(keras.callbacks.Callback):
    """Writes the loss weight maps of a few training frames at the end of some epochs.

    The frames are as they are, without augmentation (see `LARGEST_FRAME`), and predicting them
    neither feeds the bins nor draws random numbers: the training goes on as without it.

    | file                     | what it holds |
    | ------------------------ | --- |
    | `frame_0_image.webp`     | a frame |
    | `frame_0_label.webp`     | its label, in the colours of the classes |
    | `epoch_0001.json`        | of the end of the first epoch: see below |
    | `epoch_0001_frame_0.png` | the frame's map: see `weight_picture` |

    A board gets them too, for TensorBoard: `frame_0/given`, image, label and depth beside each
    other, once; and at the end of every epoch `frame_0/made`, prediction, predicted depth where
    there is one, and loss weight, and the histogram of all weights, `loss_weight`.

    The JSON has `epoch`, from 1, the curriculum's `coefficient`, `bin_edges` and `counts`, the
    numbers of valid pixels by weight over all frames, the last with all above, and the pictures'
    `scale`.

    Args:
        folder: where to; created when the training begins.
        frames: (image (H, W, 3), label (H, W), depth (H, W, 1)) of each, as `hard_pixel_maps` takes
            them.
        palette: RGB triples 0..255, one a class.
        epochs: at how many epochs, the first and the last among them.
        board: what has the methods `pictures` and `histogram` of the `board` of a `RunFolder`; None
            where there is none: then no other epochs are looked at.
    """

    def __init__(
        self,
        folder: Path,
        frames: Sequence[tuple],
        palette,
        epochs: int = EPOCHS,
        board: Any = None,
    ):
        super().__init__()
        self.folder = folder
        self.frames = [tuple(map(_middle, frame)) for frame in frames]
        self.palette = palette
        self.epochs = epochs
        self.board = board
        self._kept = set()
        # The measured depth's scale is the predicted depth's, in every epoch.
        depths = depth_norm([depth for _, _, depth in self.frames])
        self._norms = {"depth": depths, "weight": weight_norm()}

    def on_train_begin(self, logs=None) -> None:
        self._kept = set(spread_indices(self.params["epochs"], self.epochs))
        self.folder.mkdir(parents=True, exist_ok=True)
        for index, (image, label, _) in enumerate(self.frames):
            write_photo(self.folder / f"frame_{index}_image.webp", image)
            write_label(self.folder / f"frame_{index}_label.webp", label, self.palette)

    def on_epoch_end(self, epoch, logs=None) -> None:
        if epoch not in self._kept and self.board is None:
            return
        all_maps = [hard_pixel_maps(self.model, *frame) for frame in self.frames]
        valid = [self._valid(*pair) for pair in zip(self.frames, all_maps, strict=True)]
        if epoch in self._kept:
            self._keep(epoch, all_maps, valid)
        if self.board is not None:
            self._show(epoch, all_maps, valid)

    def _valid(self, frame, maps):
        _, label, _ = frame
        return under_centres(label, maps["weight"].shape) != void_id(len(self.palette))

    def _keep(self, epoch, all_maps, all_valid):
        name = f"epoch_{epoch + 1:04}"
        counts = np.zeros(len(BIN_EDGES) - 1, int)
        for index, (maps, valid) in enumerate(zip(all_maps, all_valid, strict=True)):
            weight = maps["weight"]
            counts += np.histogram(np.minimum(weight[valid], LARGEST), BIN_EDGES)[0]
            with atomic_write(self.folder / f"{name}_frame_{index}.png") as partial:
                weight_picture(weight, valid).save(partial, optimize=True)
        coefficient = keras.ops.convert_to_numpy(self.model.weighting.coefficient)
        values = {
            "epoch": epoch + 1,
            "coefficient": float(coefficient),
            "bin_edges": BIN_EDGES.tolist(),
            "counts": counts.tolist(),
            "scale": plain_scale(["loss weight"], WEIGHT_MAP, weight_norm()),
        }
        write_json(self.folder / f"{name}.json", values)

    def _show(self, epoch, all_maps, all_valid):
        strips = {}
        for index, (frame, maps) in enumerate(zip(self.frames, all_maps, strict=True)):
            image, label, depth = frame
            if epoch == 0:
                given = {"image": image, "label": label, "depth": depth}
                strips[f"frame_{index}/given"] = self._strip(given, label)
            made = {"prediction": maps["prediction"]}
            if "predicted_depth" in maps:
                made["predicted depth"] = maps["predicted_depth"]
            made["loss weight"] = maps["weight"]
            strips[f"frame_{index}/made"] = self._strip(made, label)
        self.board.pictures(epoch, strips)
        weights = [maps["weight"][valid] for maps, valid in zip(all_maps, all_valid, strict=True)]
        weights = np.concatenate(weights)
        if weights.size:
            self.board.histogram(epoch, "loss_weight", weights, BIN_EDGES)

    def _strip(self, maps, label):
        """Pictures of a frame's maps beside each other, each in the size that the page shows."""
        size, pictures = shown_size(*label.shape), []
        for title, values in maps.items():
            picture = map_picture(title, values, label, self.palette, self._norms)
            is_photo = title == "image"
            pictures.append(reduced(picture) if is_photo else under_centres(picture, size))
        return np.concatenate(pictures, axis=1)


def _middle(maps):
    (top, bottom), (left, right) = (
        ((size - kept) // 2, (size + kept) // 2)
        for size, kept in zip(maps.shape, map(min, maps.shape, LARGEST_FRAME), strict=False)
    )
    return maps[top:bottom, left:right]


def weight_norm() -> TwoSlopeNorm:
    """Weights 0, 1 and `LARGEST` to 0, a half and 1."""
    return TwoSlopeNorm(1.0, 0.0, LARGEST)


def weight_picture(weight: np.ndarray, valid: np.ndarray) -> Image.Image:
    """A loss weight map (h, w) as a picture with a palette: its indices are the numbers too.

    0 to 254 are `weight_norm` of the weight, rounded; 255 is void, where `valid` (h, w) is False.
    """
    indices = np.rint(254 * np.clip(weight_norm()(weight), 0, 1)).astype("uint8")
    colours = matplotlib.colormaps[WEIGHT_MAP](np.arange(255) / 254, bytes=True)[:, :3]
    picture = Image.fromarray(np.where(valid, indices, np.uint8(_VOID)))
    picture.putpalette(np.concatenate([colours, [_VOID_COLOUR]]).astype("uint8").tobytes())
    return picture
