"""Depth as an input of a network: a picture made of it, for an encoder of its own."""

import keras
from keras import ops

from keras_lwm.measured import is_measured
from keras_lwm.option_values import real
from keras_lwm.tensors import Tensor
from keras_lwm.windows import current_window

NEAREST = 0.5  # metres
REACHES = (1, 2, 4, 6, 8)  # pixels, to either side
BEND = 0.06  # of log depth, above which three pixels are not on one surface


@keras.saving.register_keras_serializable(package="keras_lwm")
class DepthPicture(keras.layers.Layer):
    """Depth as a picture of three channels, which an encoder of RGB images can take [ours].

    Called on metres (B, H, W, 1), not finite or <= 0 = not measured, it gives (B, H, W, 3) float32,
    0..255: 255 times half a metre over the depth, and how far the surface is turned sideways and up
    or down, 127.5 (1 + n), n being the first two components of the surface normal as seen from a
    camera that looks straight at it. Slopes are those of lines fitted to the pixels on either side,
    up to 8 away, not beyond an edge. Where nothing is measured, the first is 0, and the others
    127.5.

    Like HHA (Gupta et al., ECCV 2014) it gives nearness and orientation, but needs no calibration
    and no direction of gravity.

    Args:
        focal_length: of the camera, pixels. None: that of a field of view of 64 degrees along the
            longer side of whatever it is called on, which is another for a crop than for its frame;
            of the whole image where a network sees it in tiles.
    """

    def __init__(self, focal_length=None, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self.focal_length = None if focal_length is None else real("focal_length", focal_length)
        if self.focal_length == 0:
            raise ValueError("Expected focal_length above 0; received 0.")
        self.built = True

    def call(self, depth) -> Tensor:
        depth = ops.cast(depth, "float32")
        measured = is_measured(depth)
        mask = ops.cast(measured, "float32")
        depth = ops.where(measured, depth, 1.0)
        nearness = mask * NEAREST / ops.maximum(depth, NEAREST)
        focal_length = self.focal_length
        if focal_length is None:
            window = current_window()
            size = ops.shape(depth)[1:3] if window is None else window.whole
            focal_length = usual_focal_length(size)
        slopes = [focal_length * _slope(ops.log(depth), mask, axis) for axis in (2, 1)]
        length = ops.sqrt(1.0 + slopes[0] ** 2 + slopes[1] ** 2)
        normal = [127.5 * (1.0 + slope / length) for slope in slopes]
        return ops.concatenate([255.0 * nearness, *normal], axis=-1)

    def compute_output_shape(self, input_shape) -> tuple:
        return (*input_shape[:3], 3)

    def get_config(self) -> dict:
        return {**super().get_config(), "focal_length": self.focal_length}


def usual_focal_length(size) -> Tensor:
    """Pixels, of a field of view of 64 degrees along the longer side of a (height, width)."""
    return 0.8 * ops.cast(ops.maximum(*size), "float32")


def _slope(values, mask, axis):
    """The slope a pixel of (B, H, W, 1): a line fitted to the pixels on either side.

    A pair at one reach counts where both are measured and on one surface with the pixel between.
    """
    total = count = 0.0
    for reach in REACHES:
        before, after = _neighbours(values, axis, reach)
        measured = ops.prod(ops.stack(_neighbours(mask, axis, reach)), axis=0)
        straight = ops.cast(ops.abs(after + before - 2.0 * values) < BEND, "float32")
        pair = mask * measured * straight
        total = total + pair * reach * (after - before)
        count = count + pair * 2.0 * reach**2
    return total / ops.maximum(count, 1.0)


def _neighbours(values, axis, reach):
    """The values `reach` pixels before and after each along an axis; 0 outside."""
    padding = [[reach, reach] if own == axis else [0, 0] for own in range(4)]
    padded = ops.pad(values, padding)
    length = ops.shape(values)[axis]
    before, after = [slice(None)] * 4, [slice(None)] * 4
    before[axis], after[axis] = slice(0, length), slice(2 * reach, 2 * reach + length)
    return padded[tuple(before)], padded[tuple(after)]


def encoded(
    extractor, input_shape, depth_input, focal_length=None
) -> tuple[keras.KerasTensor, dict]:
    """A network's input, and the features that its decoder takes: images alone, or with depth.

    Args:
        extractor: of RGB images, as `build_backbone` gives it.
        input_shape: (height, width, 3).
        depth_input: whether the input has metres as a fourth channel, and the features are those of
            `encode_with_depth`.
        focal_length: of its `DepthPicture`.
    """
    if depth_input:
        image = keras.Input((*input_shape[:2], 4), name="rgbd")
        return image, encode_with_depth(extractor, image, focal_length)
    image = keras.Input(input_shape, name="image")
    return image, extractor(image)


def encode_with_depth(extractor, rgbd, focal_length=None) -> dict[str, keras.KerasTensor]:
    """The features of an image, and those of its depth from an encoder of the same kind.

    The depth's encoder, "depth_backbone", begins at the values of the image's.

    Args:
        extractor: of RGB images, as `build_backbone` gives it.
        rgbd: (B, H, W, 4), RGB 0..255 and metres.
        focal_length: of `DepthPicture`.

    Returns:
        `stride_4` .. as the extractor, and the depth's as `depth_stride_4` ..
    """
    of_depth = type(extractor).from_config({**extractor.get_config(), "name": "depth_backbone"})
    of_depth.set_weights(extractor.get_weights())
    picture = DepthPicture(focal_length, name="depth_picture")(rgbd[..., 3:])
    own = extractor(rgbd[..., :3])
    return own | {f"depth_{name}": maps for name, maps in of_depth(picture).items()}


def joined_with_depth(features) -> dict[str, keras.KerasTensor]:
    """What `encode_with_depth` gives as one map a stride, for a decoder; those without depth as is.

    A decoder reduces it by one convolution, which is the sum of image and depth after a convolution
    each: the fusion at every level of RDFNet (Park et al., ICCV 2017).
    """
    return {
        name: _beside(maps, features.get(f"depth_{name}"), name)
        for name, maps in features.items()
        if not name.startswith("depth_")
    }


def _beside(maps, of_depth, name):
    if of_depth is None:
        return maps
    return keras.layers.Concatenate(name=f"{name}_with_depth")([maps, of_depth])
