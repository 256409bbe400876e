"""What a compiled step holds, counted: a guard of its speed that is no clock."""

import keras
from training_samples import tiny_batch, tiny_network

from keras_lwm.training import DepthPrivilegedModel


def count_calls(model, name):
    """Makes a method keep count of its calls, in the list that is returned."""
    calls, method = [], getattr(model, name)

    def counted(*args, **kwargs):
        calls.append(args)
        return method(*args, **kwargs)

    setattr(model, name, counted)
    return calls


def test_a_compiled_step_is_traced_once():
    x, y = tiny_batch(8)
    network = tiny_network()
    model = DepthPrivilegedModel(network)
    model.compile(keras.optimizers.AdamW(0.01))
    calls = count_calls(model, "training_loss")
    model.fit(x, y, batch_size=4, epochs=3, verbose=0)
    assert len(calls) == (6 if keras.backend.backend() == "torch" else 1)
