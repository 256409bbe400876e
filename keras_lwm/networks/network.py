"""The class of networks that are built here."""

import keras

from keras_lwm.with_backbone import WithBackbone


@keras.saving.register_keras_serializable(package="keras_lwm")
class SegmentationNetwork(WithBackbone, keras.Model):
    """A functional `keras.Model` with a `backbone`, as `RefineNet` builds it."""
