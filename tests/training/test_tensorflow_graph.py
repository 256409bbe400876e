"""What TensorFlow's graph of a step holds, counted: a guard of its speed that is no clock."""

import keras
import tensorflow as tf
from training_samples import tiny_batch, tiny_network

from keras_lwm.training import DepthPrivilegedModel


def test_the_graph_builds_no_optimizer_and_multiplies_no_matrix_to_resize():
    x, y = tiny_batch(4)
    network = tiny_network()
    model = DepthPrivilegedModel(network)
    model.compile(keras.optimizers.AdamW(0.01))
    kinds = []
    apply = model.optimizer.apply

    def apply_and_look(*args, **kwargs):
        result = apply(*args, **kwargs)
        kinds.extend(
            operation.type for operation in tf.compat.v1.get_default_graph().get_operations()
        )
        return result

    model.optimizer.apply = apply_and_look
    model.train_on_batch(x, y)
    assert len(kinds) > 100
    assert sum("If" in kind or kind == "Cond" for kind in kinds) <= 2
    assert not {"Einsum", "MatMul", "BatchMatMulV2"} & set(kinds)
