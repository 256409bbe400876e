"""Learning rates over the steps of a training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_lwm")
class PolynomialDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `learning_rate`, then falls to 0 as a power of the steps left.

    At step t it is learning_rate (t + 1) / rising within the first `rising` steps, and then
    learning_rate (1 - (t - rising) / (steps - rising)) ** power: with a power of 0.9 the "poly"
    schedule of DeepLab (Chen et al., TPAMI 2018). Keras' own `PolynomialDecay` cannot rise first.

    Args:
        learning_rate: the highest.
        steps: number of steps until it is 0, the rise included; stays 0 after them.
        power: exponent of the share of the steps left.
        rising: number of steps of the rise.
    """

    def __init__(self, learning_rate, steps, power=0.9, rising=0):
        super().__init__()
        if not 0 <= rising < steps:
            raise ValueError(
                f"Expected fewer rising steps than steps; received rising={rising}, steps={steps}."
            )
        self.learning_rate = learning_rate
        self.steps = steps
        self.power = power
        self.rising = rising

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = (step + 1.0) / max(self.rising, 1)
        left = ops.clip(1.0 - (step - self.rising) / (self.steps - self.rising), 0.0, 1.0)
        return self.learning_rate * ops.where(step < self.rising, rise, left**self.power)

    def get_config(self) -> dict:
        return {
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "power": self.power,
            "rising": self.rising,
        }
