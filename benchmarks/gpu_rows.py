"""What one process of `gpu.py` does: a row of its table, and how that is measured."""

import resource
import statistics
import sys
import time
from itertools import pairwise
from typing import NamedTuple

CLASSES = 40
PEAK_TFLOPS = {"H100 80GB HBM3": 989.0, "H200": 989.0, "A100": 312.0}
"""Dense bfloat16 peak of cards, by a part of the device's name."""


class Row(NamedTuple):
    """What one process measures; `batch` is that of the full size."""

    framework: str
    network: str
    precision: str
    batch: int

    @property
    def name(self) -> str:
        return f"{self.network} {self.framework} {self.precision} {self.batch}"


class Setting(NamedTuple):
    """Sizes of a run: pixels, channels of the decoder, and steps before and in the rounds."""

    size: tuple[int, int] = (480, 640)
    channels: int = 256
    warm_steps: int = 5
    rounds: int = 6
    steps_a_round: int = 5
    batch_divisor: int = 1

    @property
    def steps(self) -> int:
        """All steps, the first included."""
        return 1 + self.warm_steps + self.rounds * self.steps_a_round


TINY = Setting((64, 96), 8, warm_steps=0, rounds=2, steps_a_round=1, batch_divisor=8)


def rows() -> list[Row]:
    """All rows, the most important first."""
    networks = (
        ("torch", "peer"),
        ("jax", "plain"),
        ("torch", "plain"),
        ("jax", "LWM"),
        ("torch", "LWM"),
        ("torch.compile", "peer"),
        ("jax", "uniform"),
        ("torch", "uniform"),
    )
    return [
        Row(framework, network, precision, batch)
        for batch in (16, 8)
        for precision in ("bfloat16", "float32")
        for framework, network in networks
    ]


class Stopwatch:
    """Times the first step, and rounds of later ones, of a loop that asks it before every step.

    Args:
        setting: how many steps there are.
        wait: function that waits for the device.
    """

    def __init__(self, setting, wait):
        self.setting = setting
        self.wait = wait
        self._marks = [time.perf_counter()]

    def before_step(self, step) -> None:
        """`step` counts from 0; also to be called with the number of all steps, at the end."""
        timed = step - 1 - self.setting.warm_steps
        if step == 1 or (timed >= 0 and timed % self.setting.steps_a_round == 0):
            self.wait()
            self._marks.append(time.perf_counter())

    def seconds(self) -> dict[str, float]:
        """`first` and `step`: seconds of the first step, and the median of later ones."""
        first, *later = (end - start for start, end in pairwise(self._marks))
        rounds = later[-self.setting.rounds :]
        return {"first": first, "step": statistics.median(rounds) / self.setting.steps_a_round}


def small_encoder(size) -> tuple:
    """A pyramid of four convolutions, as `RefineNet` takes it, which JAX compiles in no time."""
    import keras

    image = keras.Input((*size, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    names = {stride: f"stride_{stride}" for stride in (4, 8, 16, 32)}
    for stride, name in names.items():
        x = keras.layers.Conv2D(8, 3, 4 if stride == 4 else 2, "same", name=name)(x)
    return keras.Model(image, x), names


def measure_ours(row, setting) -> dict:
    """Trains a `DepthPrivilegedModel` by `fit`; see `measure`."""
    import keras
    from random_batch import random_batch

    import keras_lwm

    keras.utils.set_random_seed(0)
    if row.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    plain = row.network == "plain"
    network = keras_lwm.RefineNet(
        small_encoder(setting.size) if setting == TINY else "resnet50",
        CLASSES,
        "light",
        channels=setting.channels,
        input_shape=(*setting.size, 3),
        **({"side_outputs": (), "depth_branch": False} if plain else {}),
    )
    weighting = "lwm" if row.network == "LWM" else "uniform"
    model = keras_lwm.DepthPrivilegedModel(network, weighting=weighting)
    model.compile(keras.optimizers.AdamW(1e-4))
    batch = row.batch // setting.batch_divisor
    images, labels, depth = random_batch(batch, setting.size, CLASSES)
    targets = {"label": labels} if plain else {"label": labels, "depth": depth}

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return setting.steps

        def __getitem__(self, index):
            return images, targets

    class Rounds(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            stopwatch.before_step(batch)

        def on_epoch_end(self, epoch, logs=None):
            stopwatch.before_step(setting.steps)

    def wait():
        if keras.backend.backend() == "torch":
            wait_for_torch()
        else:
            import jax

            # The callback's model brings the values of the steps so far into its variables.
            jax.block_until_ready([v.value for v in rounds.model.trainable_variables])

    rounds = Rounds()
    stopwatch = Stopwatch(setting, wait)
    model.fit(Batches(), epochs=1, verbose=0, shuffle=False, callbacks=[rounds])
    if keras.backend.backend() == "torch":
        device, peak = torch_device()
    else:
        device, peak = jax_device()
    return {
        **stopwatch.seconds(),
        "parameters": network.count_params(),
        "multiply_adds": multiply_adds(network),
        "device": device,
        "peak_bytes": peak,
    }


def multiply_adds(network) -> int:
    """Multiply-adds of a Keras network's convolutions, for one image of its fixed input shape."""
    import keras

    total = 0
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Conv2D):
            _, height, width, outputs = layer.output.shape
            total += height * width * outputs * int(layer.kernel.shape[0]) * _fan_in(layer)
    return total


def _fan_in(layer):
    return int(layer.kernel.shape[1]) * int(layer.kernel.shape[2])


def measure_peer(row, setting) -> dict:
    """Trains the peer in a plain loop; see `measure`."""
    import peer
    import torch
    from random_batch import random_batch

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = peer.LightRefineNet(CLASSES, setting.channels).to(device)
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    compiled = torch.compile(network) if row.framework == "torch.compile" else network
    step = peer.training_step(compiled, optimizer, "channels_last", row.precision)
    batch = row.batch // setting.batch_divisor
    images, labels = map(torch.from_numpy, random_batch(batch, setting.size, CLASSES)[:2])
    if device == "cuda":
        images, labels = images.pin_memory(), labels.pin_memory()
    stopwatch = Stopwatch(setting, wait_for_torch)
    for number in range(setting.steps):
        stopwatch.before_step(number)
        step(images.to(device, non_blocking=True), labels.to(device, non_blocking=True))
    stopwatch.before_step(setting.steps)
    name, peak = torch_device()
    return {
        **stopwatch.seconds(),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "multiply_adds": peer.multiply_adds(CLASSES, setting.channels, setting.size),
        "device": name,
        "peak_bytes": peak,
    }


def wait_for_torch() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def torch_device() -> tuple[str, int]:
    """The device's name and the most of its memory that tensors had, in bytes."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(), torch.cuda.max_memory_allocated()
    return "CPU", resident_bytes()


def jax_device() -> tuple[str, int]:
    """The device's name and the most of its memory that arrays had, in bytes."""
    import jax

    device = jax.local_devices()[0]
    statistics_ = device.memory_stats() or {}
    name = "CPU" if device.platform == "cpu" else device.device_kind
    return name, statistics_.get("peak_bytes_in_use", resident_bytes())


def resident_bytes() -> int:
    """The largest resident memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(row, setting) -> dict:
    """Measures a row in this process.

    Returns:
        `first` and `step` (seconds), `images_a_second`, `parameters`, `multiply_adds` (one image,
        forward), `peak_bytes`, `device`, `peak_share` (of the device's bfloat16 peak; None where
        that is not known), `versions`.
    """
    if row.framework != "jax":
        import torch

        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    measured = (measure_peer if row.network == "peer" else measure_ours)(row, setting)
    images = row.batch // setting.batch_divisor / measured["step"]
    peak = next((p for part, p in PEAK_TFLOPS.items() if part in measured["device"]), None)
    tflops = 3 * 2 * measured["multiply_adds"] * images / 1e12
    return {
        **measured,
        "images_a_second": images,
        "peak_share": None if peak is None else tflops / peak,
        "versions": {
            name: sys.modules[name].__version__
            for name in ("torch", "jax", "keras")
            if name in sys.modules
        },
    }
