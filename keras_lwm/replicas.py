"""The replicas of a model that take a step together, each on its own device with its own images.

Sums over all of them make of a step what it would be on one device: they are taken where a number
is a sum over images, before anything that is no sum is made of it. Under JAX a step is one program
over all devices, so every sum is over all images already; a replica of TensorFlow's strategies and
a process of `torch.distributed` see their own images alone.
"""

import keras
from keras import ops

from keras_lwm.tensors import Tensor

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    def _context():
        context = tf.distribute.get_replica_context()
        return context if context is not None and context.num_replicas_in_sync > 1 else None

    def number() -> int:
        """How many replicas the images of this step are shared out to, as far as it can see."""
        return 1 if _context() is None else _context().num_replicas_in_sync

    def number_of(model) -> int:
        """How many replicas of a model there are, each of which sees its own images alone."""
        return model.distribute_strategy.num_replicas_in_sync

    def total(values) -> Tensor:
        """The sum of a tensor over all replicas, in each of them; no gradient flows through it."""
        context = _context()
        return values if context is None else context.all_reduce(tf.distribute.ReduceOp.SUM, values)

    differentiable_total = total

    def largest(values) -> Tensor:
        """The largest of each number of a tensor over all replicas, in each of them."""
        context = _context()
        if context is None:
            return values
        return ops.max(context.all_gather(ops.expand_dims(values, 0), axis=0), axis=0)

elif keras.backend.backend() == "torch":
    import torch
    from torch import distributed

    def number() -> int:
        """How many replicas the images of this step are shared out to, as far as it can see."""
        started = distributed.is_available() and distributed.is_initialized()
        return distributed.get_world_size() if started else 1

    def number_of(model) -> int:
        """How many replicas of a model there are, each of which sees its own images alone."""
        return number()

    def _reduced(values, operation):
        if number() == 1:
            return values
        values = values.detach().clone()
        distributed.all_reduce(values, operation)
        return values

    def total(values) -> Tensor:
        """The sum of a tensor over all replicas, in each of them; no gradient flows through it."""
        return _reduced(values, distributed.ReduceOp.SUM)

    def largest(values) -> Tensor:
        """The largest of each number of a tensor over all replicas, in each of them."""
        return _reduced(values, distributed.ReduceOp.MAX)

    class _Total(torch.autograd.Function):
        @staticmethod
        def forward(context, values):
            return total(values)

        @staticmethod
        def backward(context, gradient):
            return total(gradient)

    def differentiable_total(values) -> Tensor:
        """The sum of a tensor over all replicas, in each of them, for the sum of their losses."""
        return _Total.apply(values)

else:

    def number() -> int:
        """How many replicas the images of this step are shared out to, as far as it can see."""
        return 1

    def number_of(model) -> int:
        """How many replicas of a model there are, each of which sees its own images alone."""
        return 1

    def total(values) -> Tensor:
        """The sum of a tensor over all replicas, in each of them; no gradient flows through it."""
        return values

    def largest(values) -> Tensor:
        """The largest of each number of a tensor over all replicas, in each of them."""
        return values

    differentiable_total = total
