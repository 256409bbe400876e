"""Writing a SavedModel, with the signatures that TensorFlow Serving asks for."""

import tempfile
from pathlib import Path

from keras_lwm.deployment.formats import DESCRIPTION_ASSET

ENCODED = "encoded"


def write_saved_model(traced, path, description):
    """Writes the folder `path`, which plain TensorFlow loads.

    Signatures: `serving_default` takes `image`; `serving_bytes` takes `encoded`, (B,) JPEG or PNG
    files as strings, images of one size. Grey ones are repeated thrice, an alpha channel is
    dropped, sixteen bits become eight; an orientation noted in EXIF is not looked at.
    """
    import tensorflow as tf

    def decode(encoded):
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return tf.ensure_shape(image, traced.image_shape[1:])

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=ENCODED)])
    def segment_bytes(encoded):
        spec = tf.TensorSpec(traced.image_shape[1:], tf.uint8)
        images = tf.map_fn(decode, encoded, fn_output_signature=spec)
        input_type = traced.segment.input_signature[0].dtype
        return traced.segment(tf.cast(images, input_type))

    signatures = {"serving_default": traced.segment, "serving_bytes": segment_bytes}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, DESCRIPTION_ASSET)
        text.write_text(description, encoding="utf-8")
        traced.module.description = tf.saved_model.Asset(str(text))
        tf.saved_model.save(traced.module, str(path), signatures=signatures)
