"""The layer that any network here may hold: resizing to a reference."""

import keras

from keras_lwm.resampling import resize_bilinear
from keras_lwm.tensors import Tensor
from keras_lwm.windows import current_window


@keras.saving.register_keras_serializable(package="keras_lwm")
class ResizeLike(keras.layers.Layer):
    """Resizes maps bilinearly (half-pixel centres) to the height and width of a reference.

    Call it with `[maps, reference]`: `maps` (B, h, w, C) become (B, H, W, C) where `reference`
    is (B, H, W, anything). Heights and widths may be unknown when the graph is built. Of a part of
    an image, seen through a `keras_lwm.windows.Window`, the result is that part of the whole's.
    """

    def call(self, inputs) -> Tensor:
        maps, reference = inputs
        if maps.shape[1:3] == reference.shape[1:3] and None not in maps.shape[1:3]:
            return maps
        size = keras.ops.shape(reference)[1:3]
        return resize_bilinear(maps, size, current_window())

    def compute_output_shape(self, input_shape) -> tuple:
        maps, reference = input_shape
        return (maps[0], *reference[1:3], maps[3])

    def compute_output_spec(self, inputs) -> keras.KerasTensor:
        shape = self.compute_output_shape([each.shape for each in inputs])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
