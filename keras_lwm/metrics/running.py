"""A running sum and a running mean, the same in every replica of a distributed step.

Unlike those of Keras, which are summed over TensorFlow's replicas when they are read, they take in
what is summed over the replicas already: see `keras_lwm.replicas`.
"""

import keras
from keras import ops

from keras_lwm.tensors import Tensor


class RunningSum(keras.metrics.Metric):
    """The sum of what was seen since the last reset."""

    def __init__(self, name: str):
        super().__init__(name=name)
        self.sum = self.add_variable((), "zeros", aggregation="only_first_replica", name="sum")

    def update_state(self, value) -> None:
        self.sum.assign(ops.add(self.sum, ops.cast(value, "float32")))

    def result(self) -> Tensor:
        return self.sum.value


class RunningMean(keras.metrics.Metric):
    """The weighted mean of what was seen since the last reset; NaN while that is nothing."""

    def __init__(self, name: str):
        super().__init__(name=name)
        for part in ("sum", "weight"):
            variable = self.add_variable((), "zeros", aggregation="only_first_replica", name=part)
            setattr(self, part, variable)

    def update_state(self, value, weight) -> None:
        """Takes in a finite number that counts `weight` times."""
        self.sum.assign(ops.add(self.sum, value * weight))
        self.weight.assign(ops.add(self.weight, weight))

    def result(self) -> Tensor:
        seen = self.weight.value > 0
        mean = self.sum.value / ops.where(seen, self.weight.value, 1.0)
        return ops.where(seen, mean, float("nan"))
