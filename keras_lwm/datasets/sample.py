"""The one form that a sample has everywhere in this library.

| key     | shape     | dtype   | range |
| ------- | --------- | ------- | ----- |
| `image` | (H, W, 3) | uint8   | RGB, 0 to 255 |
| `depth` | (H, W, 1) | float32 | metres along the optical axis; 0 = not measured |
| `label` | (H, W, 1) in storage, (H, W) as served | uint8 | class id from 0; 255 = void |
|         | beyond 255 classes                     | uint16 | class id from 0; 65535 = void |
| `name`  | ()        | string  | where the sample came from, for messages |
"""

import io
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from keras_lwm.void import label_dtype


class Picture(tfds.features.Image):
    """A picture: arrays are stored as PNG, the bytes of JPEG and PNG files as they are.

    Of uint8, or of uint16 with one channel, which is always PNG. JPEG is decoded with the accurate
    inverse transform, which gives Pillow's pixels, bit by bit; TensorFlow's default is off by up to
    five grey levels.
    """

    def encode_example(self, picture) -> Any:
        if isinstance(picture, np.ndarray):
            return _to_png(picture, self.shape[-1], self.np_dtype)
        return super().encode_example(picture)

    def decode_example(self, encoded) -> Any:
        channels = self.shape[-1]
        if self.np_dtype == np.uint16:
            picture = tf.io.decode_png(encoded, channels, tf.uint16)
        else:
            picture = tf.cond(
                tf.io.is_jpeg(encoded),
                lambda: tf.io.decode_jpeg(encoded, channels, dct_method="INTEGER_ACCURATE"),
                lambda: tf.io.decode_png(encoded, channels),
            )
        picture.set_shape(self.shape)
        return picture


def _to_png(picture: np.ndarray, channels: int, dtype) -> bytes:
    if picture.dtype != dtype or picture.ndim != 3 or picture.shape[-1] != channels:
        raise ValueError(
            f"Expected a picture (H, W, {channels}) of {np.dtype(dtype)}; "
            f"received {picture.shape} of {picture.dtype}."
        )
    file = io.BytesIO()
    # Level 1 is several times as fast as the default and costs a tenth in size.
    Image.fromarray(picture if channels == 3 else picture[..., 0]).save(
        file, "png", compress_level=1
    )
    return file.getvalue()


def sample_features(num_classes: int) -> tfds.features.FeaturesDict:
    """Features of a TFDS builder that serves samples of this form, all stored without loss."""
    dtype = np.dtype(label_dtype(num_classes))
    return tfds.features.FeaturesDict(
        {
            "image": Picture(shape=(None, None, 3)),
            # A third of the decoding time of a float32 tfds.features.Image.
            "depth": tfds.features.Tensor(
                shape=(None, None, 1), dtype=np.float32, encoding=tfds.features.Encoding.ZLIB
            ),
            "label": Picture(
                shape=(None, None, 1),
                dtype=dtype,
                encoding_format="png" if dtype == np.uint16 else None,
            ),
            "name": tfds.features.Text(),
        }
    )


def sample_metadata(class_names, palette) -> tfds.core.MetadataDict:
    """What a builder says of its classes: `class_names`, and `palette`, one RGB triple each."""
    if len(class_names) != len(palette):
        raise ValueError(
            f"Expected one colour a class; received {len(class_names)} class names and "
            f"{len(palette)} colours."
        )
    return tfds.core.MetadataDict(
        class_names=list(class_names),
        palette=[[int(channel) for channel in colour] for colour in palette],
    )


def require_samples(builder: tfds.core.DatasetBuilder) -> None:
    """Raises a `ValueError` unless the builder serves such samples and names its classes."""
    features, metadata = builder.info.features, builder.info.metadata
    missing = {"image", "depth", "label"} - set(features)
    if missing or not (metadata or {}).get("class_names"):
        raise ValueError(
            f"Expected the data set {builder.info.full_name} to have the features image, depth "
            f"and label, and class_names in its metadata; received the features "
            f"{sorted(features)} and the metadata {metadata}."
        )
