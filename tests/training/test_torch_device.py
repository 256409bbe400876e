"""Steps under PyTorch on another device than the CPU, in whose place torch's "meta" stands here."""

import os
import subprocess
import sys
from pathlib import Path

import torch

STEPS_ELSEWHERE = """
import torch
from training_samples import tiny_batch, tiny_network

from keras_lwm.training import DepthPrivilegedModel

network = tiny_network()
for weighting in ("lwm", "ohem", "focal", "pixel_error", "error_window", "shuffled"):
    model = DepthPrivilegedModel(
        network, weighting=weighting, class_weights=[1.0, 2.0, 1.0, 1.0]
    )
    model.compile("adamw")
    x, y = tiny_batch(2)
    batch = torch.from_numpy(x), {name: torch.from_numpy(values) for name, values in y.items()}
    logs = dict(model.test_step(batch))

    def differentiate(x, y, variables):
        loss, parts, outputs = model.training_loss(x, y)
        # Keras' variables are stand-ins there, without gradients.
        return loss, parts, outputs, [torch.zeros_like(v.value) for v in variables]

    model._differentiate = differentiate
    logs |= model.train_step(batch)
    assert {str(value.device) for value in logs.values()} == {"meta"}, logs
print("no devices mixed")
"""


def test_batches_on_the_cpu_are_brought_to_the_device_of_the_network():
    """Whatever mixes the two, or wants to see a value, fails."""
    tests = Path(__file__).parents[1]
    environment = {
        **os.environ,
        "KERAS_TORCH_DEVICE": "meta",
        "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]),
    }
    finished = subprocess.run(
        [sys.executable, "-c", STEPS_ELSEWHERE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no devices mixed" in finished.stdout, finished.stderr


def test_a_step_waits_for_the_device_once():
    """To see whether it is valid; `repeat_interleave` and such wait for the size of a result."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from training_samples import tiny_batch, tiny_network

    from keras_lwm.training import DepthPrivilegedModel

    waits = []

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = function.__name__.split(".")[0]
            if name in ("_local_scalar_dense", "repeat_interleave", "nonzero", "bincount"):
                waits.append(name)
            return function(*args, **(kwargs or {}))

    network = tiny_network()
    model = DepthPrivilegedModel(network)
    model.compile("adamw")
    x, y = tiny_batch(2)
    batch = torch.from_numpy(x), {name: torch.from_numpy(values) for name, values in y.items()}
    model.train_step(batch)
    with Watching():
        model.train_step(batch)
    assert waits == ["_local_scalar_dense"]


def test_frames_to_be_scored_may_be_tensors_that_numpy_cannot_read():
    """As those on a GPU; one that is part of a graph of gradients is another."""
    from keras_lwm.evaluation.evaluate import frames_of

    images = torch.full((1, 4, 6, 3), 200.0, requires_grad=True)
    labels = torch.ones((1, 4, 6), dtype=torch.uint8)
    ((image, label, depth),) = frames_of([(images, {"label": labels})], num_classes=2)
    assert image.shape == (4, 6, 3) and image.max() == 200.0
    assert label.tolist() == [[1] * 6] * 4 and depth is None
