"""A step is valid where its loss and all of its gradients are finite."""

import numpy as np
import pytest
from keras import ops

from keras_lwm.training.finite import all_finite, invalid_unless_finite


def test_all_finite_sees_every_infinity():
    fine = [ops.ones((2, 2)), ops.zeros((3,))]
    assert bool(all_finite(fine))
    for broken in (np.nan, np.inf, -np.inf):
        assert not bool(all_finite([*fine, ops.convert_to_tensor([1.0, broken])]))


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_makes_the_gradients_invalid(loss):
    gradients = [None, ops.ones((2,)), ops.ones((2,))]
    assert all_finite(invalid_unless_finite(ops.convert_to_tensor(1.0), gradients)[1:])
    assert not all_finite(invalid_unless_finite(ops.convert_to_tensor(loss), gradients)[1:])
