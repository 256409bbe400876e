"""The backbone of a network, under the name by which it is found."""

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
