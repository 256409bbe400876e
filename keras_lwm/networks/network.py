"""What networks with a backbone share: the name under which it is found."""

import keras


class WithBackbone:
    """Gives a functional model the attribute `backbone`."""

    @property
    def backbone(self) -> keras.Model:
        """The part that turns images into features: the layer named "backbone".

        `network.backbone.trainable = False` freezes it.

        Raises:
            ValueError: the model has no layer of this name.
        """
        return self.get_layer("backbone")


@keras.saving.register_keras_serializable(package="keras_lwm")
class SegmentationNetwork(WithBackbone, keras.Model):
    """A functional `keras.Model` with a `backbone`, as `RefineNet` builds it."""
