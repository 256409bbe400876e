"""Augmentation of samples: random scale, crop with padding, horizontal flip, photometric change.

One piece of code on NumPy arrays. Training from arrays calls it directly, tf.data calls it inside
`keras_lwm.pipeline`; both get the same bits from the same seed.
"""

import dataclasses
import math

import numpy as np
from PIL import Image

from keras_lwm.void import void_of_dtype

# ITU-R BT.601, the weights of grey in JPEG and in Pillow.
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Changes a sample at random, the same way for the same seed.

    A frame scaled by s looks as if taken from s times nearer, so its depth is divided by s.
    Images are resampled bilinearly (with antialiasing when they shrink); labels and depth take the
    nearest pixel, so that no label id and no depth between two measurements is made up.

    Args:
        crop: height and width of what comes out, in pixels. Where the scaled frame is smaller, it
            is placed at random and surrounded by its mean colour, void and unmeasured depth.
            `None` keeps each sample's own size.
        scale: smallest and largest scale, positive; halving is as likely as doubling.
        flip: probability of a horizontal flip.
        brightness, contrast, saturation: each is multiplied by a random factor up to this far
            from 1, on either side; 0 to 1.

    Examples:
        >>> augmentation = Augmentation(crop=(240, 320), scale=(0.7, 1.4))
        >>> augmentation({"image": image, "depth": depth, "label": label}, seed=7)
    """

    crop: tuple[int, int] | None = None
    scale: tuple[float, float] = (0.7, 1.4)
    flip: float = 0.5
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2

    def __post_init__(self):
        if self.crop is not None and (len(self.crop) != 2 or min(self.crop) < 1):
            raise ValueError(f"Expected crop=(height, width), in pixels; received {self.crop!r}.")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] < math.inf:
            raise ValueError(
                f"Expected scale=(smallest, largest), both positive; received {self.scale!r}."
            )
        for option in ("flip", "brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, option) <= 1:
                raise ValueError(
                    f"Expected {option} from 0 to 1; received {getattr(self, option)!r}."
                )

    def __call__(self, sample: dict, seed) -> dict:
        """Returns the changed sample.

        Args:
            sample: `image` (H, W, 3) uint8, `depth` (H, W, 1) float32 metres, `label` (H, W)
                uint8 with 255 = void, or uint16 with 65535 = void. Other keys are passed on as they
                are.
            seed: whatever `numpy.random.default_rng` takes.
        """
        return self.apply(sample, self.draw(seed))

    def draw(self, seed) -> dict[str, float | bool]:
        """Draws all that is random: `scale`, `row` and `column` (where in the room there is for
        the crop, 0 to 1), `flip`, `brightness`, `contrast` and `saturation`."""
        rng = np.random.default_rng(seed)
        smallest, largest = np.log(self.scale)
        return {
            "scale": float(np.exp(rng.uniform(smallest, largest))),
            "row": rng.random(),
            "column": rng.random(),
            "flip": bool(rng.random() < self.flip),
            "brightness": 1 + rng.uniform(-self.brightness, self.brightness),
            "contrast": 1 + rng.uniform(-self.contrast, self.contrast),
            "saturation": 1 + rng.uniform(-self.saturation, self.saturation),
        }

    def apply(self, sample: dict, drawn: dict) -> dict:
        """Returns the sample changed as `drawn` by `draw` says."""
        height, width = sample["image"].shape[:2]
        crop_height, crop_width = self.crop or (height, width)
        rows = _Axis(height, crop_height, drawn["scale"], drawn["row"])
        columns = _Axis(width, crop_width, drawn["scale"], drawn["column"])

        label = _nearest(sample["label"], rows, columns, drawn["flip"])
        depth = _nearest(sample["depth"], rows, columns, drawn["flip"])
        return {
            **sample,
            "image": _image(sample["image"], rows, columns, drawn),
            "depth": _pad(depth / np.float32(drawn["scale"]), rows, columns, 0),
            "label": _pad(label, rows, columns, void_of_dtype(label.dtype)),
        }


class _Axis:
    """One axis of a frame that is scaled, then cropped or padded.

    Of the scaled frame, `length` pixels from `start` on are seen, at `before` in what comes out.
    """

    def __init__(self, source: int, target: int, scale: float, offset: float):
        self.source, self.target = source, target
        self.scaled = max(1, round(source * scale))
        self.length = min(self.scaled, target)
        self.start = int(offset * (self.scaled - self.length + 1))
        self.before = int(offset * (target - self.length + 1))

    def span(self) -> tuple[float, float]:
        """Where the part that is seen begins and ends, in pixels of the source."""
        step = self.source / self.scaled
        return self.start * step, min((self.start + self.length) * step, self.source)

    def nearest(self) -> np.ndarray:
        """For every pixel that is seen, the source pixel under its centre."""
        seen = np.arange(self.start, self.start + self.length)
        return (2 * seen + 1) * self.source // (2 * self.scaled)

    def seen(self) -> slice:
        """Where the part that is seen lies in what comes out."""
        return slice(self.before, self.before + self.length)


def _image(image: np.ndarray, rows: _Axis, columns: _Axis, drawn: dict) -> np.ndarray:
    (top, bottom), (left, right) = rows.span(), columns.span()
    picture = Image.fromarray(image).resize(
        (columns.length, rows.length), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
    )
    picture = _change_colours(picture, drawn)
    if drawn["flip"]:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if picture.size != (columns.target, rows.target):
        padded = Image.new("RGB", (columns.target, rows.target), _mean_colour(picture))
        padded.paste(picture, (columns.before, rows.before))
        picture = padded
    return np.asarray(picture)


def _mean_colour(picture: Image.Image) -> tuple[int, int, int]:
    return picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))


def _change_colours(picture: Image.Image, drawn: dict) -> Image.Image:
    """Saturation about grey, then brightness, then contrast about the mean grey: one matrix."""
    saturation, brightness, contrast = (
        drawn[key] for key in ("saturation", "brightness", "contrast")
    )
    matrix = np.empty((3, 4))
    matrix[:, :3] = saturation * np.eye(3) + (1 - saturation) * _LUMA
    matrix[:, :3] *= brightness * contrast
    matrix[:, 3] = (1 - contrast) * brightness * float(_mean_colour(picture) @ _LUMA)
    return picture.convert("RGB", tuple(matrix.ravel()))


def _nearest(array: np.ndarray, rows: _Axis, columns: _Axis, flip: bool) -> np.ndarray:
    nearest = columns.nearest()
    left, right = nearest[0], nearest[-1] + 1
    nearest = (nearest - left)[:: -1 if flip else 1]
    # Cut first: or rows would be copied whole.
    return array[:, left:right][rows.nearest()][:, nearest]


def _pad(array: np.ndarray, rows: _Axis, columns: _Axis, value) -> np.ndarray:
    if array.shape[:2] == (rows.target, columns.target):
        return array
    padded = np.full((rows.target, columns.target, *array.shape[2:]), value, array.dtype)
    padded[rows.seen(), columns.seen()] = array
    return padded
