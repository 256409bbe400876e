import types

import pytest

from keras_lwm import mining


def coefficients(epochs, **options):
    return [mining.curriculum_coefficient(epoch, epochs, **options) for epoch in range(epochs)]


@pytest.mark.parametrize("shape", ["linear", "cosine", "step"])
def test_it_rises_from_start_to_end_within_its_share_of_the_epochs(shape):
    values = coefficients(20, start=-1.0, end=0.5, over=0.4, shape=shape)
    assert values[0] == -1.0
    assert values == sorted(values)
    assert values[7] < 0.5 or shape == "step"
    assert values[8:] == pytest.approx([0.5] * 12)


def test_shapes():
    assert coefficients(8)[:5] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    easy_first = {"start": -1.0}
    assert coefficients(8, shape="cosine", **easy_first)[1:3] == pytest.approx([-(0.5**0.5), 0])
    assert coefficients(8, shape="step", **easy_first)[:4] == [-1, -1, 1, 1]
    assert coefficients(3, over=0, **easy_first) == [1, 1, 1]


def test_callback_sets_and_logs_the_coefficient_also_when_training_goes_on():
    weighting = mining.LossWeightModule()
    callback = mining.CurriculumCallback(start=-1.0, over=1.0)
    callback.set_model(types.SimpleNamespace(weighting=weighting))
    callback.set_params({"epochs": 4})
    logs = {}
    callback.on_epoch_begin(3)
    callback.on_epoch_end(3, logs)
    assert logs == {"coefficient": 0.5}
    assert float(weighting.coefficient.value) == 0.5


def test_callback_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="received shape='sine'"):
        mining.CurriculumCallback(shape="sine")
    with pytest.raises(ValueError, match="over=2"):
        mining.CurriculumCallback(over=2)
    callback = mining.CurriculumCallback()
    callback.set_model(types.SimpleNamespace())
    with pytest.raises(ValueError, match="received SimpleNamespace"):
        callback.on_epoch_begin(0)
