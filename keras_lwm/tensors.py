"""The type of what runs through a network, for annotations."""

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""An array of the backend in use: a `tf.Tensor`, `jax.Array` or `torch.Tensor`."""
