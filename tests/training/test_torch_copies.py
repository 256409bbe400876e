"""Under PyTorch, neither maps nor numbers are copied on the way through Keras."""

import keras
import numpy as np
import torch
from keras import ops
from torch.utils._python_dispatch import TorchDispatchMode
from training_samples import tiny_batch, tiny_network

from keras_lwm.torch_operations import native_operations
from keras_lwm.training import DepthPrivilegedModel


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
    layers = keras.layers
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(image)
    x = layers.DepthwiseConv2D(3, padding="same")(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D((5, 1), strides=1, padding="same")(layers.ReLU(6.0)(x))
    x = layers.AveragePooling2D(2, padding="same")(layers.Conv2D(8, 1)(x))
    return keras.Model(image, layers.Conv2D(4, 3, strides=2, padding="same")(x))


def run(model, images):
    with CopiesOfMaps(len(images)) as copies:
        result = model(images, training=True)
        result.square().sum().backward()
    gradients = [variable.value.grad.clone() for variable in model.trainable_variables]
    model.zero_grad()
    return result.detach(), gradients, copies.count


def test_no_map_is_copied_and_everything_is_the_same():
    model = network()
    images = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 18, 24, 3)), "float32")
    expected, expected_gradients, copies = run(model, images)
    assert copies >= 6
    with native_operations():
        actual, gradients, copies = run(model, images)
    assert copies == 0
    torch.testing.assert_close(actual, expected)
    for one, two in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_whatever_else_asks_for_a_contiguous_tensor_gets_one():
    with native_operations():
        maps = torch.rand(2, 4, 5, 3).permute(0, 3, 1, 2)
        assert maps.is_contiguous(memory_format=torch.channels_last)
        assert maps.contiguous().view(2, -1).shape == (2, 60)


def test_a_training_step_copies_no_maps():
    x, y = tiny_batch(5)
    network = tiny_network()
    model = DepthPrivilegedModel(network.inputs, network.output)
    model.compile("adamw")
    model.train_on_batch(x, y)
    with CopiesOfMaps(5) as copies:
        model.train_on_batch(x, y)
    assert copies.count == 0


def test_numbers_are_made_on_the_device_that_needs_them():
    """On "meta", which stands for a GPU; `torch.as_tensor` would copy them there from the CPU."""
    made = []

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made.append(function)
            return function(*args, **(kwargs or {}))

    with native_operations(), Watching():
        for number, dtype in ((0.5, torch.float32), (3, torch.int32), (True, torch.bool)):
            tensor = torch.as_tensor(number, dtype=dtype, device="meta")
            assert tensor.shape == () and tensor.dtype == dtype and tensor.device.type == "meta"
        assert torch.as_tensor(2, device="meta").dtype == torch.int64
    assert made == 4 * [torch.ops.aten.full.default]
    with native_operations():
        assert torch.as_tensor([1.0, 2.0]).tolist() == [1.0, 2.0]
        assert torch.as_tensor(2.0, device="cpu").item() == 2.0
