"""From images of values 0..255 to what a pretrained backbone was trained on."""

import keras

# Means of ImageNet's blue, green and red channels, as subtracted when Caffe's ResNets were trained.
CAFFE_MEANS_BGR = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable(package="keras_lwm")
class CaffeNormalisation(keras.layers.Layer):
    """RGB images (B, H, W, 3) of 0..255 to BGR less ImageNet's means, float32, same shape.

    That is the input of `keras.applications`' ResNet weights.
    """

    def __init__(self, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(self, images):
        return keras.ops.flip(images, axis=-1) - keras.ops.convert_to_tensor(
            CAFFE_MEANS_BGR, dtype=self.compute_dtype
        )

    def compute_output_shape(self, input_shape):
        return input_shape
