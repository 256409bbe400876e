"""Whether a step is valid: all of its loss and its gradients finite."""

import keras
from keras import ops

from keras_lwm.tensors import Tensor

if keras.backend.backend() == "torch":
    from keras_lwm.torch_operations import all_finite
elif keras.backend.backend() == "jax":

    def all_finite(tensors) -> Tensor:
        """Whether every number in every tensor is finite, as a boolean scalar."""
        finite = ops.stack([ops.all(ops.isfinite(tensor)) for tensor in tensors])
        # Not `ops.all`: XLA would write out the conjunction of all tensors once more into the
        # update of each of them, which takes as long to compile as all the rest of the step.
        return finite[ops.argmin(finite)]

else:

    def all_finite(tensors) -> Tensor:
        """Whether every number in every tensor is finite, as a boolean scalar."""
        return ops.all(ops.stack([ops.all(ops.isfinite(tensor)) for tensor in tensors]))


def invalid_unless_finite(loss, gradients) -> list:
    """The gradients, the first made NaN if the loss is not finite, so that the step is skipped."""
    invalid = ops.where(ops.isfinite(loss), 0.0, float("nan"))
    gradients = list(gradients)
    first = [index for index, gradient in enumerate(gradients) if gradient is not None][0]
    gradients[first] = gradients[first] + ops.cast(invalid, gradients[first].dtype)
    return gradients
