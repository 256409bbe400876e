"""Gradients by whatever backend is in use."""

import keras


def values_and_gradient(function, x):
    """`function(x)`, and the gradient of its sum; as NumPy arrays, but under JAX."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = function(x)
            total = tf.reduce_sum(values)
        return values.numpy(), tape.gradient(total, x).numpy()
    if keras.backend.backend() == "torch":
        import torch

        x = torch.as_tensor(x).detach().requires_grad_()
        values = function(x)
        values.sum().backward()
        return values.detach().numpy(), x.grad.numpy()
    import jax

    def total(x):
        values = function(x)
        return values.sum(), values

    gradient, values = jax.grad(total, has_aux=True)(x)
    return values, gradient
