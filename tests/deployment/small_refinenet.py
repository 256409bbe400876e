"""A RefineNet of a few thousand weights, all of them at work, as a training leaves one behind."""

import keras
import numpy as np
from keras import layers

from keras_lwm.networks import RefineNet
from keras_lwm.training import DepthPrivilegedModel

NUM_CLASSES = 5


def small_refinenet(with_depth=True, **options):
    """A training network; `with_depth=False`: one without depth branch and side outputs."""
    image = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 128, offset=-1)(image)
    for number, stride in enumerate((2, 4, 8, 16, 32)):
        x = layers.Conv2D(3 + number, 3, strides=2, padding="same", name=f"conv_{stride}")(x)
        x = layers.BatchNormalization(name=f"norm_{stride}")(x)
        x = layers.ReLU(name=f"features_{stride}")(x)
    backbone = keras.Model(image, x, name="small")
    features = {stride: f"features_{stride}" for stride in (4, 8, 16, 32)}
    extra = {} if with_depth else {"depth_branch": False, "side_outputs": ()}
    network = RefineNet((backbone, features), NUM_CLASSES, "light", channels=4, **extra, **options)
    return _with_weights(network)


def trained_model():
    """The network in the model that trains it, by the Loss Weight Module."""
    network = small_refinenet()
    model = DepthPrivilegedModel(network)
    model.compile(keras.optimizers.SGD(momentum=0.9))
    model.optimizer.build(model.trainable_variables)
    return model


def _with_weights(network):
    """Draws all weights, the statistics of normalisations included, each layer's by its name."""
    for layer in network._flatten_layers(include_self=False, recursive=True):
        random = np.random.default_rng(list(layer.name.encode()))
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            shape = tuple(variable.shape)
            if variable.name in ("gamma", "moving_variance"):
                variable.assign(random.uniform(0.5, 1.5, shape))
            elif len(shape) > 1:
                fan_in = np.prod(shape[:-1])
                variable.assign(random.normal(0, 2 / fan_in**0.5, shape))
            else:
                variable.assign(random.normal(0, 0.3, shape))
    _spread_logits(network)
    return network


def _spread_logits(network):
    """Scales logits to a standard deviation of 2, so that probabilities are neither 0 nor 1."""
    images = np.random.default_rng(2).integers(0, 256, (1, 64, 96, 3)).astype("float32")
    logits = keras.ops.convert_to_numpy(network(images)["segmentation"])
    kernel = network.get_layer("segmentation_logits").kernel
    kernel.assign(keras.ops.convert_to_numpy(kernel) * 2 / logits.std())
