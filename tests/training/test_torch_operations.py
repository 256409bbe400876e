"""Under PyTorch, Keras' operations are PyTorch's own, without copies, and give what Keras' do."""

import contextlib
import threading
from collections import Counter

import keras
import numpy as np
import pytest
import torch
from keras import ops
from torch.utils._python_dispatch import TorchDispatchMode
from training_samples import tiny_batch, tiny_network

from keras_lwm.large_images.graph import run_network
from keras_lwm.torch_operations import all_finite, lay_out_kernels, native_operations
from keras_lwm.training import DepthPrivilegedModel


class Calls(TorchDispatchMode):
    """Counts PyTorch's operations by their name."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[function.__name__.split(".")[0]] += 1
        return function(*args, **(kwargs or {}))


class CopiesOfMaps(TorchDispatchMode):
    """Counts copies of a batch of maps in another order, in gradients too; kernels are small."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.clone.default and "memory_format" in (kwargs or {}):
            self.count += args[0].dim() == 4 and args[0].shape[0] == self.batch
        return function(*args, **(kwargs or {}))


def network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(image)
    x = layers.DepthwiseConv2D(3, padding="same")(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D((5, 1), strides=1, padding="same")(layers.ReLU(6.0)(x))
    x = layers.AveragePooling2D(2, padding="same")(layers.Conv2D(8, 1)(x))
    return keras.Model(image, layers.Conv2D(4, 3, strides=2, padding="same")(x))


def run(model, images):
    with CopiesOfMaps(len(images)) as copies, Calls() as calls:
        result = model(images, training=True)
        result.square().sum().backward()
    gradients = [variable.value.grad.clone() for variable in model.trainable_variables]
    model.zero_grad()
    return result.detach(), gradients, copies.count, calls.counts["add"]


def test_no_map_is_copied_and_everything_is_the_same():
    model = network()
    images = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 18, 24, 3)), "float32")
    expected, expected_gradients, copies, sums = run(model, images)
    assert copies >= 6 and sums >= 4
    with native_operations():
        actual, gradients, copies, sums = run(model, images)
    assert copies == 0
    assert sums == 1, "convolutions add their bias themselves, but for the one a channel"
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    for one, two in zip(gradients, expected_gradients, strict=True):
        # The gradient of a bias before batch normalisation is 0, of sums that are not.
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_whatever_else_asks_for_a_contiguous_tensor_gets_one():
    with native_operations():
        maps = torch.rand(2, 4, 5, 3).permute(0, 3, 1, 2)
        assert maps.is_contiguous(memory_format=torch.channels_last)
        assert maps.contiguous().view(2, -1).shape == (2, 60)


@pytest.fixture(scope="module")
def trained():
    """A model that has taken two steps, with the copies of maps and the calls of a third."""
    x, y = tiny_batch(5)
    network = tiny_network()
    model = DepthPrivilegedModel(network)
    model.compile("adamw")
    for _ in range(2):
        model.train_on_batch(x, y)
    with Calls() as calls, CopiesOfMaps(5) as copies:
        model.train_on_batch(x, y)
    return model, copies.count, calls.counts


def test_a_training_step_copies_no_maps(trained):
    assert trained[1] == 0


def test_a_training_step_is_made_of_few_operations(trained):
    model, _, counts = trained
    norms = sum(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
    assert counts["native_batch_norm"] == counts["native_batch_norm_backward"] == norms == 2
    assert counts["_fused_adam_"] == counts["_amp_foreach_non_finite_check_and_unscale_"] == 1
    assert counts["isfinite"] == counts["_foreach_sqrt"] == 0
    assert counts["convolution"] == counts["convolution_backward"] == 5
    assert sum(counts.values()) < 1900, "most of them are the loss and the logs"


def test_kernels_and_their_state_stay_in_the_order_of_convolutions(trained):
    model, _, _ = trained
    kernels = [v for v in (*model.weights, *model.optimizer.variables) if len(v.shape) == 4]
    assert len(kernels) == 3 * 5
    for variable in kernels:
        variable.assign(ops.ones(variable.shape) * 0.1)
        assert variable.value.permute(3, 0, 1, 2).is_contiguous(), variable.path


def test_a_network_in_inference_copies_no_kernels():
    model = network()
    images = torch.rand(2, 18, 24, 3)
    expected = model(images, training=False)
    with torch.no_grad():
        actual = run_network(model, images)
        with Calls() as calls:
            run_network(model, images)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    assert calls.counts["copy_"] == 0
    assert calls.counts["clone"] == 1, "that of the depthwise kernel (h, w, channels, 1)"


def test_kernels_keep_their_values_where_they_are_moved():
    value = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype("float32")
    kernel, matrix = keras.Variable(value), keras.Variable(value[0, 0])
    lay_out_kernels([kernel, matrix])
    np.testing.assert_array_equal(ops.convert_to_numpy(kernel), value)
    assert kernel.value.permute(3, 0, 1, 2).is_contiguous() and matrix.value.is_contiguous()


NORMS = {
    "float32": {},
    "mixed_bfloat16": {"dtype": "mixed_bfloat16"},
    "bfloat16": {"dtype": "bfloat16"},
    "channels first": {"axis": 1},
    "neither scale nor centre": {"scale": False, "center": False},
    "frozen": {"trainable": False},
    "renormalised": {"renorm": True},
}


def steps_of_batch_norm(context, options, shape=(3, 5, 6, 4)):
    """Outputs, gradients and statistics of two steps in training and one in inference."""
    random = np.random.default_rng(0)
    options = dict(options)
    trainable = options.pop("trainable", True)
    layer = keras.layers.BatchNormalization(momentum=0.7, epsilon=0.01, **options)
    layer.build(shape)
    layer.trainable = trainable
    layer.set_weights([random.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    results = []
    for training in (True, True, False):
        inputs = torch.tensor(random.normal(1, 3, shape), dtype=torch.float32, requires_grad=True)
        upstream = torch.tensor(random.normal(size=shape), dtype=torch.float32)
        with context(), Calls() as calls:
            outputs = layer(inputs, training=training)
        layer.zero_grad()
        (outputs.float() * upstream).sum().backward()
        results += [outputs, inputs.grad, *(v.value.clone() for v in layer.non_trainable_variables)]
        results += [variable.value.grad for variable in layer.trainable_variables]
    return [result.detach() for result in results], calls.counts["native_batch_norm"]


@pytest.mark.parametrize("options", NORMS.values(), ids=NORMS)
def test_batch_normalisation_is_that_of_keras(options):
    expected, kernels = steps_of_batch_norm(contextlib.nullcontext, options)
    assert kernels == 0
    actual, kernels = steps_of_batch_norm(native_operations, options)
    assert kernels == ("renorm" not in options)
    reduced = "dtype" in options
    for one, two in zip(actual, expected, strict=True):
        assert one.dtype == two.dtype
        # A number in bfloat16 has 8 bits.
        coarse = reduced and (two.dtype == torch.bfloat16 or two.shape == (3, 5, 6, 4))
        scale = float(two.abs().max())
        torch.testing.assert_close(one, two, rtol=0, atol=scale * (2**-7 if coarse else 1e-5))


def test_batch_normalisation_of_sequences_with_a_mask_is_that_of_keras():
    layer = keras.layers.BatchNormalization()
    inputs = torch.rand(2, 5, 3)
    mask = torch.tensor([[True, True, False, False, False]] * 2)
    layer.build(inputs.shape)
    with native_operations():
        actual = layer(inputs, training=True, mask=mask)
    torch.testing.assert_close(layer.moving_mean.value, 0.01 * inputs[:, :2].mean((0, 1)))
    torch.testing.assert_close(actual[:, :2].mean((0, 1)), torch.zeros(3), rtol=0, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"amsgrad": True, "beta_1": 0.5, "epsilon": 0.1}])
def test_adam_is_that_of_keras(options):
    def steps(context):
        random = np.random.default_rng(0)
        shapes = (3, 3, 4, 5), (6,), (1, 1, 5, 4)
        variables = [keras.Variable(random.normal(size=shape)) for shape in shapes]
        optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.1, **options)
        optimizer.build(variables)
        lay_out_kernels([*variables, *optimizer.variables])
        for _ in range(3):
            grads = [torch.zeros_like(v.value).copy_(v.value) ** 3 for v in variables]
            with context(), Calls() as calls, torch.no_grad():
                optimizer.apply(grads, variables)
        state = [*variables, *optimizer.variables]
        return [ops.convert_to_numpy(v) for v in state], calls.counts["_fused_adam_"]

    expected, kernels = steps(contextlib.nullcontext)
    assert kernels == 0
    actual, kernels = steps(native_operations)
    assert kernels == 1
    for one, two in zip(actual, expected, strict=True):
        # 0.001, as 1 - 0.999 in float32, is off by its 1e-5th; three steps are of 0.1 at most.
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=3e-6)


LAYERS = {
    "plain": (keras.layers.Conv2D, {}, True),
    "mixed": (keras.layers.Conv2D, {"dtype": "mixed_bfloat16"}, False),
    "penalised": (keras.layers.Conv2D, {"activity_regularizer": "l2"}, False),
    "derived": (type("Derived", (keras.layers.Conv2D,), {}), {}, False),
}


@pytest.mark.parametrize(("kind", "options", "is_plain"), LAYERS.values(), ids=LAYERS)
def test_plain_layers_are_called_with_nothing_around(kind, options, is_plain, monkeypatch):
    layer = kind(2, 1, **options)
    layer.build((None, 3, 4, 5))
    inputs = torch.rand(2, 3, 4, 5)
    expected, losses = layer(inputs), [float(loss.detach()) for loss in layer.losses]
    around = []
    monkeypatch.setattr(kind, "_maybe_build", lambda *args: around.append(args), raising=False)
    with native_operations():
        actual = layer(inputs)
        bare = not around
        keras.Sequential([layer])(inputs.to(torch.float64))
    assert bare == is_plain and around, "a layer that converts its inputs is no plain one"
    assert (
        actual.dtype == expected.dtype and [float(loss.detach()) for loss in layer.losses] == losses
    )
    torch.testing.assert_close(actual, expected)


def test_plain_layers_within_a_mixed_one_compute_in_their_own_precision():
    """Which is not that of the one around them, in which Keras reads variables there."""

    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16")
            self.inside = keras.layers.Conv2D(2, 1, dtype="float32")

        def build(self, shape):
            self.inside.build(shape)

        def call(self, inputs):
            return self.inside(ops.cast(inputs, "float32"))

    block, inputs = Block(), torch.rand(2, 3, 4, 5)
    expected = block(inputs)
    with native_operations():
        torch.testing.assert_close(block(inputs), expected)


def test_numbers_near_the_largest_are_finite():
    """The sum of their squares is not, nor is their sum."""
    largest = torch.full((70_000,), torch.finfo(torch.float32).max)
    assert bool(all_finite([largest, -largest]))
    assert torch.equal(largest, torch.full_like(largest, torch.finfo(torch.float32).max))
    largest[69_999] = -torch.inf
    assert not bool(all_finite([torch.ones(3), largest]))


def test_keras_has_its_own_operations_outside_the_context_and_in_other_threads():
    layer = keras.layers.BatchNormalization()
    inputs = torch.rand(2, 3, 4, 5)
    layer.build(inputs.shape)
    counts = []

    def count():
        with Calls() as calls:
            layer(inputs, training=True)
        counts.append(calls.counts["native_batch_norm"])

    with native_operations():
        other = threading.Thread(target=count)
        other.start()
        other.join()
        with native_operations():
            count()
        count()
    count()
    assert counts == [0, 1, 1, 0]
    for function in (keras.layers.BatchNormalization.call, torch.as_tensor):
        assert not hasattr(function, "__wrapped__"), "a replacement is still there"


def test_one_map_of_one_image_can_be_learnt_from():
    x, y = tiny_batch(2)
    image = keras.Input((32, 48, 3))
    one_map = keras.layers.Conv2D(1, 3, strides=8, padding="same")(image)
    logits = keras.layers.Conv2D(4, 3, padding="same")(one_map)
    model = DepthPrivilegedModel(image, {"segmentation": logits}, weighting="uniform")
    model.compile(keras.optimizers.SGD(0.01))
    before = [np.array(weight) for weight in model.trainable_variables]
    logs = model.train_on_batch(x[:1], {"label": y["label"][:1]}, return_dict=True)
    assert np.isfinite(logs["loss"])
    after = [np.array(weight) for weight in model.trainable_variables]
    assert all((old != new).any() for old, new in zip(before, after, strict=True))
