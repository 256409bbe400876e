"""Several devices that train one model together, each on its own part of every batch.

The engines are `keras.distribution` and `jax.distributed`, TensorFlow's `MirroredStrategy` and
`MultiWorkerMirroredStrategy`, and `torch.distributed`. A step on several devices is that of one
device on the whole batch: loss, gradients, batch statistics, bins, metrics and skipped steps.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_lwm import replicas


class Share(NamedTuple):
    """The part of every batch that falls to this process.

    Attributes:
        index: this process, from 0.
        count: how many processes there are.
        devices: how many devices each of them has.
    """

    index: int = 0
    count: int = 1
    devices: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes files and speaks."""
        return self.index == 0

    def of(self, batch: np.ndarray) -> np.ndarray:
        """Those of a whole batch, in their order, that fall to this process."""
        return np.split(batch, self.count)[self.index]

    def served(self, dataset) -> Any:
        """A `tf.data.Dataset` of this process's parts of the batches, as `fit` takes it.

        Several workers of TensorFlow would share out each other's parts once more.
        """
        if self.count == 1 or keras.backend.backend() != "tensorflow":
            return dataset
        import tensorflow as tf

        if self.devices > 1:
            [size] = {spec.shape[0] for spec in tf.nest.flatten(dataset.element_spec)}
            dataset = dataset.rebatch(size // self.devices, drop_remainder=True)
        return tf.distribute.get_strategy().distribute_datasets_from_function(lambda _: dataset)

    def check(self, batch_size: int) -> None:
        """Raises a `ValueError` unless a batch of this size has equal parts for all devices."""
        devices = self.count * self.devices
        if batch_size % devices:
            raise ValueError(
                f"Expected a batch_size that {devices} devices can share equally; "
                f"received {batch_size}."
            )


WHOLE = Share()
"""All of every batch: one process alone."""


def process_of_environment() -> tuple[int, int]:
    """Which of how many processes this one is, by what the engine's environment says: (0, 1) for
    one alone."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        cluster = json.loads(os.environ.get("TF_CONFIG", "{}"))
        workers = cluster.get("cluster", {}).get("worker", [])
        return (int(cluster["task"]["index"]), len(workers)) if len(workers) > 1 else (0, 1)
    names = {"jax": ("JAX_PROCESS_ID", "JAX_NUM_PROCESSES"), "torch": ("RANK", "WORLD_SIZE")}
    index, count = names[backend]
    return int(os.environ.get(index, "0")), int(os.environ.get(count, "1"))


def make_devices(number: int) -> None:
    """Makes so many devices of the CPU, for JAX and TensorFlow; those of GPUs are there anyway.

    It does nothing once the engine has computed something: then its devices are what they are.
    """
    with contextlib.suppress(RuntimeError):
        if keras.backend.backend() == "jax":
            import jax

            if number * process_of_environment()[1] > 1:
                # Each thread of a CPU waits in one exchange for the other devices. With no more
                # threads than cores, two devices have come to wait in two different ones for ever.
                os.environ.setdefault("PJRT_NPROC", str(32 * number))
            jax.config.update("jax_num_cpu_devices", number)
        elif keras.backend.backend() == "tensorflow" and number > 1:
            import tensorflow as tf

            [cpu] = tf.config.list_physical_devices("CPU")
            parts = [tf.config.LogicalDeviceConfiguration() for _ in range(number)]
            tf.config.set_logical_device_configuration(cpu, parts)


def devices_sharing(model: keras.Model) -> int:
    """How many devices share the batches that this process gives to `fit` or `evaluate`."""
    if keras.backend.backend() == "tensorflow":
        return replicas.number_of(model)
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1
    return distribution.num_model_replicas // distribution.num_processes


def peak_memory_of_gpu() -> int | None:
    """The most bytes that this process has had on its first GPU; None where there is no GPU."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    if backend == "torch":
        import torch

        return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


@contextlib.contextmanager
def several_devices(devices: int = 1) -> Iterator[Share]:
    """Models that are built, compiled and trained in the block use several devices.

    Of several processes, on one machine or on many, each takes part that the engine's own
    environment tells of it: `JAX_COORDINATOR_ADDRESS`, `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID` for
    JAX, `TF_CONFIG` for TensorFlow, and what `torchrun` sets for PyTorch, where every process has
    one device. Has to come before anything is computed.

    Args:
        devices: how many of this process; GPUs where there are any, else parts of the CPU.

    Raises:
        ValueError: there are fewer devices, or, under PyTorch, several in one process.
    """
    backend = keras.backend.backend()
    with {"jax": _of_jax, "tensorflow": _of_tensorflow, "torch": _of_torch}[backend](devices) as it:
        yield it


def _refuse(devices, found):
    raise ValueError(
        f"Expected devices from 1 to {found}, as many as there are; received {devices}."
    )


@contextlib.contextmanager
def _of_jax(devices):
    import jax

    index, processes = process_of_environment()
    if processes > 1 and not jax.distributed.is_initialized():
        make_devices(devices)
        jax.distributed.initialize(os.environ["JAX_COORDINATOR_ADDRESS"], processes, index)
    elif devices > 1:
        make_devices(devices)
    if len(jax.local_devices()) < devices:
        _refuse(devices, len(jax.local_devices()))
    count = jax.process_count()
    if count * devices == 1:
        yield Share()
        return
    chosen = [
        f"{device.platform}:{device.id}"
        for process in range(count)
        for device in jax.local_devices(process)[:devices]
    ]
    parallel = keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False)
    with parallel.scope():
        yield Share(jax.process_index(), count, devices)


@contextlib.contextmanager
def _of_tensorflow(devices):
    import tensorflow as tf

    index, workers = process_of_environment()
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU":
        make_devices(devices)
    if workers > 1:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        with strategy.scope():
            yield Share(index, workers, strategy.num_replicas_in_sync // workers)
        return
    found = len(tf.config.list_logical_devices(kind))
    if found < devices:
        _refuse(devices, found)
    if devices == 1:
        yield Share()
        return
    with tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(devices)]).scope():
        yield Share(devices=devices)


@contextlib.contextmanager
def _of_torch(devices):
    import torch
    from torch import distributed

    if devices > 1 and devices != int(os.environ.get("LOCAL_WORLD_SIZE", "1")):
        raise ValueError(
            "Expected one device a process under the torch backend, and as many processes as there "
            f"are devices, started by torchrun; received devices={devices}."
        )
    if process_of_environment() == (0, 1):
        yield Share()
        return
    own = distributed.is_available() and not distributed.is_initialized()
    if own:
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Share(distributed.get_rank(), distributed.get_world_size())
    finally:
        if own:
            distributed.destroy_process_group()
