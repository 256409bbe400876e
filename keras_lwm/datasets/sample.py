"""The one form that a sample has everywhere in this library.

| key     | shape     | dtype   | range |
| ------- | --------- | ------- | ----- |
| `image` | (H, W, 3) | uint8   | RGB, 0 to 255 |
| `depth` | (H, W, 1) | float32 | metres along the optical axis; 0 = not measured |
| `label` | (H, W, 1) in storage, (H, W) as served | uint8 | class id from 0; 255 = void |
| `name`  | ()        | string  | where the sample came from, for messages |
"""

import numpy as np
import tensorflow_datasets as tfds


def sample_features() -> tfds.features.FeaturesDict:
    """Features of a TFDS builder that serves samples of this form, all stored without loss."""
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
            "depth": tfds.features.Image(shape=(None, None, 1), dtype=np.float32),
            "label": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
            "name": tfds.features.Text(),
        }
    )


def sample_metadata(class_names, palette) -> tfds.core.MetadataDict:
    """What a builder tells of its classes: `class_names`, and `palette`, one RGB triple each."""
    if len(class_names) != len(palette):
        raise ValueError(
            f"Expected one colour a class; received {len(class_names)} class names and "
            f"{len(palette)} colours."
        )
    return tfds.core.MetadataDict(
        class_names=list(class_names),
        palette=[[int(channel) for channel in colour] for colour in palette],
    )
