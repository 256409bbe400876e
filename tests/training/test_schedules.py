import keras
import pytest
from keras import ops

from keras_lwm.training import PolynomialDecay


def rates(schedule, steps):
    return [float(ops.convert_to_numpy(schedule(step))) for step in steps]


def test_it_rises_then_falls_to_nothing():
    schedule = PolynomialDecay(0.2, steps=12, power=0.9, rising=2)
    expected = [0.1, 0.2] + [0.2 * (1 - k / 10) ** 0.9 for k in range(10)] + [0.0, 0.0]
    assert rates(schedule, range(14)) == pytest.approx(expected, abs=1e-7)


def test_without_a_rise_it_is_the_polynomial_decay_of_keras():
    ours = PolynomialDecay(0.3, steps=7, power=2.0)
    keras_own = keras.optimizers.schedules.PolynomialDecay(0.3, 7, end_learning_rate=0, power=2.0)
    assert rates(ours, range(9)) == pytest.approx(rates(keras_own, range(9)), abs=1e-7)


def test_it_survives_saving():
    schedule = PolynomialDecay(0.2, steps=12, rising=2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert again.get_config() == schedule.get_config()


def test_a_rise_longer_than_the_training_is_refused():
    with pytest.raises(ValueError, match="rising=5, steps=5"):
        PolynomialDecay(0.1, steps=5, rising=5)
