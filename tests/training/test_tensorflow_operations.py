"""Under TensorFlow, Keras' operations are TensorFlow's own, and give what Keras' do."""

import contextlib
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_lwm.tensorflow_operations import native_operations
from keras_lwm.training.synchronized_batch_norm import synchronize_batch_norm


def counted(function, context):
    """What a compiled function returns, and its operations, those of conditions as well."""

    @tf.function
    def compiled():
        with context():
            return function()

    concrete = compiled.get_concrete_function()
    graph = concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for part in graph.library.function for node in part.node_def)]
    return concrete(), Counter(node.op for node in nodes)


NORMS = {
    "float32": {},
    "any batch and size": {"shape": (None, None, None, 4)},
    "mixed_bfloat16": {"dtype": "mixed_bfloat16"},
    "bfloat16": {"dtype": "bfloat16"},
    "neither scale nor centre": {"scale": False, "center": False},
    "channels first": {"axis": 1},
    "frozen": {"trainable": False},
    "renormalised": {"renorm": True},
    "sequences": {"shape": (3, 30, 4)},
}
OF_KERAS = {"channels first", "frozen", "renormalised", "sequences"}


def steps_of_batch_norm(context, options):
    """Outputs, gradients and statistics of two steps in training, and how many are fused."""
    random = np.random.default_rng(0)
    options = dict(options)
    trainable, shape = options.pop("trainable", True), options.pop("shape", (3, 5, 6, 4))
    known = tuple(3 if length is None else length for length in shape)
    layer = keras.layers.BatchNormalization(momentum=0.7, epsilon=0.01, **options)
    layer.build(shape)
    layer.trainable = trainable
    layer.set_weights([random.uniform(0.5, 2, weight.shape) for weight in layer.weights])

    @tf.function(input_signature=2 * [tf.TensorSpec(shape)])
    def step(inputs, upstream):
        with context(), tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            total = tf.reduce_sum(tf.cast(outputs, "float32") * upstream)
        variables = [variable.value for variable in layer.trainable_variables]
        return outputs, tape.gradient(total, [inputs, *variables])

    results = []
    for _ in range(2):
        maps = (random.normal(1, 3, known), random.normal(size=known))
        outputs, gradients = step(*(each.astype("float32") for each in maps))
        results += [outputs, *gradients, *map(ops.copy, layer.non_trainable_variables)]
    operations = step.get_concrete_function().graph.get_operations()
    return results, sum(each.type == "FusedBatchNormV3" for each in operations)


@pytest.mark.parametrize("name", NORMS)
def test_batch_normalisation_is_that_of_keras(name):
    expected, fused = steps_of_batch_norm(contextlib.nullcontext, NORMS[name])
    assert fused == 0
    actual, fused = steps_of_batch_norm(native_operations, NORMS[name])
    assert fused == (name not in OF_KERAS)
    for one, two in zip(actual, expected, strict=True):
        assert one.dtype == two.dtype
        # A number in bfloat16 has 8 bits.
        coarse = "16" in name and (two.dtype == tf.bfloat16 or len(two.shape) == 4)
        one, two = (ops.convert_to_numpy(ops.cast(each, "float32")) for each in (one, two))
        tolerance = np.abs(two).max() * (2**-7 if coarse else 1e-5)
        np.testing.assert_allclose(one, two, rtol=0, atol=tolerance)


def test_the_variance_of_one_pixel_is_0():
    layer = keras.layers.BatchNormalization()
    with native_operations():
        normalised = layer(tf.fill([1, 1, 1, 2], 7.0), training=True)
    np.testing.assert_array_equal(normalised, np.zeros((1, 1, 1, 2)))
    np.testing.assert_allclose(layer.moving_variance, [0.99, 0.99], rtol=1e-6)


def test_statistics_that_replicas_share_are_not_replaced():
    maps = keras.Input((None, None, 4))
    model = keras.Model(maps, keras.layers.BatchNormalization()(maps))
    images = tf.random.normal((2, 3, 5, 4))
    _, kinds = counted(lambda: model(images, training=True), native_operations)
    assert kinds["FusedBatchNormV3"] == 1
    synchronize_batch_norm(model)
    _, kinds = counted(lambda: model(images, training=True), native_operations)
    assert kinds["FusedBatchNormV3"] == 0


OPTIMIZERS = {
    "AdamW": (lambda: keras.optimizers.AdamW(0.1, weight_decay=0.1), 3),
    "Adam of other options": (lambda: keras.optimizers.Adam(0.1, 0.5, 0.9, 0.1), 3),
    "amsgrad": (lambda: keras.optimizers.Adam(0.1, amsgrad=True), 0),
    "schedule": (
        lambda: keras.optimizers.AdamW(keras.optimizers.schedules.PolynomialDecay(0.1, 4, 0.0)),
        3,
    ),
    "accumulated": (lambda: keras.optimizers.AdamW(0.1, gradient_accumulation_steps=2), 3),
    "SGD with decay": (lambda: keras.optimizers.SGD(0.1, 0.9, weight_decay=0.1), 0),
    "Lion": (lambda: keras.optimizers.Lion(0.01), 0),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_of_an_optimizer_is_that_of_keras(name):
    make, fused = OPTIMIZERS[name]

    def steps(context):
        random = np.random.default_rng(0)
        shapes = (3, 3, 4, 5), (6,), (1, 1, 5, 4)
        variables = [
            keras.Variable(random.normal(size=shape).astype("float32")) for shape in shapes
        ]
        optimizer = make()
        optimizer.exclude_from_weight_decay([variables[1]])
        optimizer.build(variables)

        def step():
            optimizer.apply([variable.value**3 for variable in variables], variables)

        for _ in range(4):
            _, kinds = counted(step, context)
        state = [*variables, *optimizer.variables]
        return [ops.convert_to_numpy(v) for v in state], kinds["ResourceApplyAdam"]

    expected, kernels = steps(contextlib.nullcontext)
    assert kernels == 0
    actual, kernels = steps(native_operations)
    assert kernels == fused
    for one, two in zip(actual, expected, strict=True):
        # 0.001, as 1 - 0.999 in float32, is off by its 1e-5th; four steps are of 0.1 at most.
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=4e-6)


def test_variables_of_other_numbers_and_sparse_gradients_take_the_step_of_keras():
    table = keras.Variable(np.ones((5, 3), "float32"))
    half = keras.Variable(np.ones(3), dtype="float16")
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build([table, half])
    sparse = tf.IndexedSlices(tf.ones((2, 3)), tf.constant([1, 3]), tf.constant([5, 3]))
    with native_operations():
        optimizer.apply([sparse, tf.ones(3, "float16")], [table, half])
    changed = ops.convert_to_numpy(table)[:, 0] < 0.95
    np.testing.assert_array_equal(changed, [False, True, False, True, False])
    assert half.dtype == "float16" and float(half.value[0]) < 0.95
