"""The peer that training is measured beside: plain PyTorch, the same network as ours."""

import numpy as np
import pytest
import torch
from benchmark_modules import module

from keras_lwm import RefineNet


@pytest.fixture(scope="module")
def peer():
    return module("peer")


def test_peer_is_as_large_as_ours(peer):
    ours = RefineNet(
        "resnet50",
        40,
        "light",
        side_outputs=(),
        depth_branch=False,
        input_shape=(480, 640, 3),
    )
    theirs = peer.LightRefineNet(classes=40, channels=256)
    parameters = sum(parameter.numel() for parameter in theirs.parameters())
    trained = sum(int(np.prod(variable.shape)) for variable in ours.trainable_variables)
    assert parameters == trained
    counted = module("gpu_rows").multiply_adds(ours)
    assert peer.multiply_adds(40, 256, (480, 640)) == counted


@pytest.mark.parametrize(
    ("layout", "precision"), [("channels_last", "float32"), ("contiguous", "bfloat16")]
)
def test_peer_learns(peer, layout, precision):
    torch.manual_seed(0)
    network = peer.LightRefineNet(classes=3, channels=8)
    if layout == "channels_last":
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    step = peer.training_step(network, optimizer, layout, precision)
    images = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    labels = torch.full((2, 64, 96), 255, dtype=torch.uint8)
    labels[:, 2::4, 2::4] = 1  # All that the loss sees, at the centres of its cells.
    labels[0, :8] = 255
    losses = [float(step(images, labels)) for _ in range(5)]
    assert np.isfinite(losses).all() and losses[-1] < 0.5 * losses[0]
