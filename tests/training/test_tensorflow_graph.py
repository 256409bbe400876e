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
    kinds, taken = [], []
    apply = model.optimizer.apply

    def apply_and_look(*args, **kwargs):
        result = apply(*args, **kwargs)
        graph = tf.compat.v1.get_default_graph()
        kinds.extend(operation.type for operation in graph.get_operations())
        taken.extend(node.op for f in graph.as_graph_def().library.function for node in f.node_def)
        return result

    model.optimizer.apply = apply_and_look
    model.train_on_batch(x, y)
    norms = sum(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
    assert kinds.count("FusedBatchNormV3") == kinds.count("FusedBatchNormGradV3") == norms == 2
    assert taken.count("ResourceApplyAdam") == len(model.trainable_variables) == 14
    # A good part of a first step is tracing, whose time goes by their number.
    assert 100 < len(kinds) < 1900 and len(taken) < 110
    assert sum("If" in kind or kind == "Cond" for kind in kinds) <= 2
    assert not {"Einsum", "MatMul", "BatchMatMulV2"} & set(kinds)
