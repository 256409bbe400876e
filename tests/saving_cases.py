"""Small models to save and load, all that a training depends on, and the property they share.

A model that is saved and loaded goes on as if it had never stopped: the same state when it is
loaded, bit by bit, and the same state one step later.
"""

import contextlib
import warnings

import keras
import numpy as np
from keras import layers, ops
from training_samples import NUM_CLASSES, tiny_batch, tiny_network

from keras_lwm import DepthPrivilegedModel, RefineNet, mining
from keras_lwm.training import PolynomialDecay

IMAGES, TARGETS = tiny_batch(4)
SLOW_ENCODER = {"learning_rate_multipliers": {"encoder_0": 0.1}}


@contextlib.contextmanager
def dtype_policy(name):
    """Layers made inside have this policy; what is loaded later has to know it by itself."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def sgd():
    return keras.optimizers.SGD(0.05, momentum=0.9, name="sgd")


def with_optimizer_state(model):
    """The model, its optimiser's state made as a first step makes it, and filled with anything."""
    model.optimizer.build(model.trainable_variables)
    random = np.random.default_rng(0)
    for variable in model.optimizer.variables:
        if variable.shape:
            variable.assign(random.uniform(0.0, 0.01, variable.shape).astype("float32"))
    return model


def compiled(network, optimizer=None, compile_options=None, **options):
    """A compiled model; run eagerly, unless asked otherwise, because nothing is run often."""
    model = DepthPrivilegedModel(network, **options)
    model.compile(optimizer or sgd(), **(compile_options or {"run_eagerly": True}))
    return model


def tiny_model(optimizer=None, compile_options=None, frozen=(), **options):
    """`compiled` of a `tiny_network`, some of its layers frozen."""
    keras.utils.set_random_seed(0)
    network = tiny_network()
    for name in frozen:
        network.get_layer(name).trainable = False
    return compiled(network, optimizer, compile_options, **options)


@keras.saving.register_keras_serializable(package="saving_cases")
class ConvNorm(layers.Layer):
    """A convolution and its batch normalisation in one layer, as keras-cv's blocks are made."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv = layers.Conv2D(filters, 3, padding="same", name="conv")
        self.norm = layers.BatchNormalization(momentum=0.5, name="norm")

    def build(self, shape):
        self.conv.build(shape)
        self.norm.build(self.conv.compute_output_shape(shape))

    def call(self, inputs, training=None):
        return ops.relu(self.norm(self.conv(inputs), training=training))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable(package="saving_cases")
class TwoConvNorms(layers.Layer):
    """Composite layers in a list of a composite layer."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.blocks = [ConvNorm(filters, name=f"block_{index}") for index in range(2)]

    def build(self, shape):
        for block in self.blocks:
            block.build(shape)
            shape = block.compute_output_shape(shape)

    def call(self, inputs, training=None):
        for block in self.blocks:
            inputs = block(inputs, training=training)
        return inputs

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def nested_network():
    """A functional model "inner" of an ordinary and a composite layer, for a layer of a network."""
    features = keras.Input((None, None, 6), name="features")
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="plain")(features)
    x = ConvNorm(6, name="block")(x)
    return keras.Model(features, x, name="inner")


def network_around(layer):
    """A network with one layer between its first convolution and its heads."""
    image = keras.Input((32, 48, 3), name="image")
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(6, 3, strides=4, padding="same", activation="relu", name="encoder_0")(x)
    x = layer(x)
    depth = layers.Conv2D(1, 1, name="depth_logits", dtype="float32")(x)
    outputs = {
        "segmentation": layers.Conv2D(NUM_CLASSES, 1, name="logits", dtype="float32")(x),
        "depth": layers.Activation("softplus", name="depth", dtype="float32")(depth),
    }
    return keras.Model(image, outputs)


def composite_model(layer, freeze, **options):
    """A model around a composite layer, after `freeze(layer)`."""
    keras.utils.set_random_seed(0)
    network = network_around(layer)
    freeze(layer)
    return compiled(network, **options)


def small_refinenet(backbone="efficientnet_lite0", frozen_batch_norm=False):
    return RefineNet(
        backbone,
        NUM_CLASSES,
        variant="light",
        channels=16,
        weights=None,
        frozen_batch_norm=frozen_batch_norm,
        input_shape=(32, 48, 3),
    )


def freeze_norm(layer):
    layer.norm.trainable = False


def freeze_all_but_norm(layer):
    layer.trainable = False
    layer.norm.trainable = True


def freeze_one_block(layer):
    layer.blocks[0].trainable = False
    layer.blocks[1].norm.trainable = False


def freeze_block_of_model(model):
    model.get_layer("plain").trainable = False
    model.get_layer("block").norm.trainable = False


def under_float16(**options):
    with dtype_policy("mixed_float16"):
        return tiny_model(**options)


def depth_network():
    """A network that sees depth, with a small encoder for image and depth each."""
    image = maps = keras.Input((32, 48, 3))
    names = {stride: f"stride_{stride}" for stride in (4, 8, 16, 32)}
    for stride, name in names.items():
        maps = layers.Conv2D(4, 3, 4 if stride == 4 else 2, "same", name=name)(maps)
        maps = layers.BatchNormalization(name=f"norm_{stride}")(maps)
    names = {stride: f"norm_{stride}" for stride in names}
    encoder = keras.Model(image, maps), names
    shape = {"input_shape": (32, 48, 3)}
    return RefineNet(encoder, NUM_CLASSES, "light", channels=4, depth_input=True, **shape)


def taught_model(**options):
    keras.utils.set_random_seed(0)
    return tiny_model(teacher=depth_network(), **options)


# An epsilon that is large, or Adam would make whole steps of what is rounding.
ELSEWHERE = {
    "shuffled": lambda: tiny_model(weighting=mining.ShuffledWeighting(seed=7)),
    "binned": lambda: tiny_model(weighting=mining.LossWeightModule(depth_range=(1, 8))),
    "numpy_options": lambda: tiny_model(
        weighting=mining.LossWeightModule(depth_range=np.array([1.0, 8.0]), bins=np.int64(1)),
        side_weight=np.float32(0.25),
        class_weights=np.array([1.0, 2.0, 0.5, 1.0], "float32"),
        l2=np.float64(0.01),
    ),
    "class_weights_by_id": lambda: tiny_model(class_weights={1: 3.0, 3: 0.25}),
    "slow_frozen_layer": lambda: tiny_model(frozen=["encoder_0"], **SLOW_ENCODER),
    "frozen_inside_a_layer": lambda: composite_model(ConvNorm(6, name="block"), freeze_norm),
    "frozen_inside_a_model": lambda: composite_model(nested_network(), freeze_block_of_model),
    "adamw_by_schedule": lambda: tiny_model(
        keras.optimizers.AdamW(PolynomialDecay(0.02, 10, rising=3), epsilon=1e-2), **SLOW_ENCODER
    ),
    "accumulating": lambda: tiny_model(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)),
    "scaled_loss": lambda: tiny_model(
        keras.optimizers.LossScaleOptimizer(
            keras.optimizers.Adam(0.02, epsilon=1e-2), initial_scale=64.0
        ),
        **SLOW_ENCODER,
    ),
    "taught": lambda: taught_model(distillation_weight=0.5),
    "seeing_depth": lambda: compiled(depth_network(), weighting="uniform"),
    "unscaled_loss": lambda: under_float16(
        compile_options={"run_eagerly": True, "auto_scale_loss": False}
    ),
}
"""The trickiest: saved under one backend, and loaded under the others."""


def step(model):
    """One step of training on the one batch there is; returns its logs."""
    logs = model.fit(IMAGES, TARGETS, batch_size=4, epochs=1, verbose=0, shuffle=False).history
    return {name: values[0] for name, values in logs.items()}


def load(path):
    """`keras.saving.load_model`, which must have nothing to warn of."""
    # Recorded, not raised: Keras would take a warning that is raised for a failure to load.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model = keras.saving.load_model(path)
    messages = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    assert not messages, messages
    return model


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return load(folder / "model.keras")


def variables(model):
    """All that a further step depends on: weights, statistics, bins, coefficient, seeds, optimiser.

    The weighting's are named once more, so that they are among them however a model keeps them.
    """
    optimizer = model.optimizer.variables if model.compiled else []
    return [*model.variables, *model.weighting.variables, *optimizer]


def state(model):
    return [ops.convert_to_numpy(variable.value).copy() for variable in variables(model)]


def trainable_paths(model):
    return [variable.path for variable in model.trainable_variables]


def trainable_layers(model):
    """Class and trainable flag of every layer, those inside of composite layers included.

    All but inputs, which have nothing to train, and which Keras loads without their flag.
    """
    # Public lists of layers do not reach into composite layers.
    every = model._flatten_layers()
    every = [layer for layer in every if not isinstance(layer, layers.InputLayer)]
    return [(type(layer).__name__, layer.trainable) for layer in every]


def plain(value):
    """A configuration, with NumPy's kinds and tuples as the plain kinds that they stand for.

    Without the registered names of classes, which PyTorch's optimisers have and others have not.
    """
    if isinstance(value, dict):
        if value.get("class_name") == "__numpy__":
            return plain(value["config"]["value"])
        return {str(key): plain(inner) for key, inner in value.items() if key != "registered_name"}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def assert_equal(first, second, what):
    """Equality that says where two lists or dictionaries, or two values, differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        keys = sorted({*first, *second}, key=str)
        first, second = ([(key, each.get(key)) for key in keys] for each in (first, second))
    if isinstance(first, list) and isinstance(second, list):
        pairs = [pair for pair in zip(first, second, strict=False) if pair[0] != pair[1]]
        differing = "; ".join(f"{one} != {other}" for one, other in pairs[:3])
        assert first == second, f"{what}: {differing}; {len(first)} and {len(second)} in all"
    assert first == second, f"{what}: {first} != {second}"


def assert_same_arrays(first, second, names, **tolerance):
    assert_equal([array.shape for array in first], [array.shape for array in second], "shapes")
    for name, one, other in zip(names, first, second, strict=True):
        if tolerance:
            np.testing.assert_allclose(one, other, err_msg=name, **tolerance)
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)


def assert_same_state(first, second, **tolerance):
    """The variables of two models are equal: bit by bit, if no tolerance is given."""
    names = [variable.path for variable in variables(first)]
    assert_same_arrays(state(first), state(second), names, **tolerance)


def assert_same_model(first, second):
    """Kind, flags, configurations and state are equal."""
    assert type(second) is type(first), type(second)
    assert_equal(trainable_paths(first), trainable_paths(second), "trainable variables")
    assert_equal(trainable_layers(first), trainable_layers(second), "trainable layers")
    assert_equal(plain(first.get_config()), plain(second.get_config()), "options")
    assert_equal(first.compiled, second.compiled, "compiled")
    if first.compiled:
        configs = (plain(each.get_compile_config()) for each in (first, second))
        assert_equal(*configs, "options of compile")
        assert_equal(type(first.optimizer), type(second.optimizer), "optimizer")
        for name in ("jit_compile", "run_eagerly", "steps_per_execution"):
            assert_equal(getattr(first, name), getattr(second, name), name)
    assert_same_state(first, second)


def assert_same_step(first, second):
    """One more step moves both models, and in the same way."""
    before = [ops.convert_to_numpy(variable.value).copy() for variable in first.trainable_variables]
    logs, other_logs = step(first), step(second)
    assert np.isfinite(logs["loss"]) and logs["skipped_steps"] == 0, logs
    assert any(
        np.any(ops.convert_to_numpy(variable.value) != old)
        for variable, old in zip(first.trainable_variables, before, strict=True)
    ), "no weight has moved"
    assert_equal(sorted(logs), sorted(other_logs), "logs")
    for name, value in logs.items():
        np.testing.assert_allclose(other_logs[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    assert_same_state(first, second, rtol=1e-5, atol=1e-6)


def assert_goes_on(model, folder, steps=1, loaded_under="float32"):
    """The property, after some steps; returns the model that was loaded.

    `loaded_under` is the dtype policy of whoever loads, which must not matter.
    """
    for _ in range(steps):
        step(model)
    with dtype_policy(loaded_under):
        loaded = saved_and_loaded(model, folder)
    assert_same_model(model, loaded)
    assert_same_step(model, loaded)
    return loaded
