"""What Keras asks of TensorFlow, in fewer operations.

Keras makes batch normalisation in training of a dozen operations, most of which go over all maps
or, in the gradient, write new ones; TensorFlow has one, and one for the gradient. Of Adam's step it
makes forty operations a variable, which take half of the time in which a step is traced; TensorFlow
has one that computes the same. These are for one device:
replicas of a strategy share statistics and gradients by what Keras has.

Of other packages only TensorFlow and Keras are imported here, and this only under TensorFlow.
"""

import contextlib
import math
import sys

import keras
import tensorflow as tf

from keras_lwm.replaced import Replacements

_BATCH_NORM = keras.layers.BatchNormalization
_OPTIMIZER = sys.modules["keras.src.backend.tensorflow.optimizer"].TFOptimizer


def _batch_norm(layer, inputs, training=None, mask=None):
    """What `keras.layers.BatchNormalization.call` computes.

    Keras' running variance is of the batch's own variance, that of TensorFlow's operation of the
    estimate of that of a population, which is greater.
    """
    of_batch = training and layer.trainable
    if not of_batch or mask is not None or not _is_plain(layer, inputs):
        original = _replacements.original(_BATCH_NORM, "call")
        return original(layer, inputs, training=training, mask=mask)
    channels = inputs.shape[-1]
    normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.cast(layer.gamma.value, "float32") if layer.scale else tf.ones(channels),
        offset=tf.cast(layer.beta.value, "float32") if layer.center else tf.zeros(channels),
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    variance = variance * _share_of_own_variance(inputs)
    for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        value = moving.value
        change = (tf.cast(value, "float32") - batch) * (1.0 - layer.momentum)
        value.assign_sub(tf.cast(change, value.dtype), read_value=False)
    return keras.ops.cast(normalised, layer.compute_dtype)


def _is_plain(layer, inputs):
    # Those of a subclass, or of several replicas: see `keras_lwm.training.synchronized_batch_norm`.
    own_moments = getattr(layer._moments, "__func__", None) is not _BATCH_NORM._moments
    return (
        not (layer.renorm or own_moments)
        and isinstance(inputs, tf.Tensor)
        and inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
        and inputs.shape.rank == 4
        and layer.axis in (-1, 3)
    )


def _share_of_own_variance(maps):
    """A batch's own variance as a part of the estimate of that of a population."""
    number = math.prod(maps.shape[:3]) if None not in maps.shape[:3] else None
    if number is None:
        number = tf.cast(tf.reduce_prod(tf.shape(maps)[:3]), "float32")
        return tf.maximum(number - 1.0, 1.0) / number
    return max(number - 1, 1) / number


def _adam(optimizer, strategy, grads_and_vars, learning_rate):
    """The step of Keras' Adam."""
    if not _is_plain_adam(optimizer, grads_and_vars):
        original = _replacements.original(_OPTIMIZER, "_distributed_tf_update_step")
        return original(optimizer, strategy, grads_and_vars, learning_rate)
    step = tf.cast(optimizer.iterations + 1, "float32")
    options = {
        "beta1": optimizer.beta_1,
        "beta2": optimizer.beta_2,
        "beta1_power": tf.pow(optimizer.beta_1, step),
        "beta2_power": tf.pow(optimizer.beta_2, step),
        "lr": tf.cast(learning_rate, "float32"),
        "epsilon": optimizer.epsilon,
    }
    # Constants, each of them one of the graph.
    options = {name: tf.convert_to_tensor(value, "float32") for name, value in options.items()}
    for gradient, variable in grads_and_vars:
        place = optimizer._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=optimizer._momentums[place].value.handle,
            v=optimizer._velocities[place].value.handle,
            grad=gradient,
            **options,
        )
    return None


def _is_plain_adam(optimizer, grads_and_vars):
    return (
        type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW)
        and not optimizer.amsgrad
        and not tf.distribute.has_strategy()
        and all(
            isinstance(gradient, tf.Tensor) and gradient.dtype == variable.dtype == tf.float32
            for gradient, variable in grads_and_vars
        )
    )


def _weight_decay(optimizer, variables):
    """What optimisers do for their weight decay, its factor computed once for all variables."""
    if optimizer.weight_decay is None or tf.distribute.has_strategy():
        return _replacements.original(_OPTIMIZER, "_apply_weight_decay")(optimizer, variables)
    factor = tf.cast(optimizer.learning_rate, "float32") * optimizer.weight_decay
    for variable in variables:
        if optimizer._use_weight_decay(variable):
            value = variable.value
            value.assign_sub(value * tf.cast(factor, value.dtype), read_value=False)
    return None


_replacements = Replacements(
    {
        (_BATCH_NORM, "call"): _batch_norm,
        (_OPTIMIZER, "_distributed_tf_update_step"): _adam,
        (_OPTIMIZER, "_apply_weight_decay"): _weight_decay,
    }
)


def native_operations() -> contextlib.AbstractContextManager[None]:
    """A context in which Keras' operations are TensorFlow's own.

    Batch normalisation in training and the step of Adam are one operation each. Results are the
    same, but for rounding.
    """
    return _replacements()
