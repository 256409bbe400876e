"""Training steps of light RefineNet on ResNet-50 on one GPU, beside a peer in plain torch.

    python benchmarks/gpu.py --out gpu.json         # a GPU, 8 minutes
    python benchmarks/gpu.py --tiny                 # does every row run? on a CPU, too

Needs PyTorch and JAX with CUDA, this tree and Keras; neither TensorFlow nor a network. Where pip
reaches no registry, carry wheels: fetch them where it does, for the Python of the GPU's machine,

    pip download -d wheels --no-deps --only-binary=:all: --python-version 3.12 \\
        --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \\
        keras absl-py rich markdown-it-py mdurl pygments packaging click \\
        optree pillow h5py ml_dtypes

and run `benchmarks/gpu.sh wheels` there, which installs them to a temporary folder. The first line
is pure Python. The second is compiled and so belongs to one version of Python: optree is what Keras
needs under JAX, and needs typing_extensions, which comes with PyTorch; Pillow and h5py are imported
by `keras_lwm`; ml_dtypes comes with JAX. What the machine has already need not be carried. namex
is imported by nothing that runs here.

Every row is a process of its own, the most important first. A row that fails or takes too long
says why and ends no other; one that no longer fits in `--budget` is named. What was measured is
in `--out` after every row, and is not measured again.

Each row feeds the same batch of random numbers from the host's memory at every step. Ours goes
through `fit`, with its scores, checks and copies to the device; the peer through a plain loop with
pinned memory. Both are waited for after several steps, not after each, so that what they do on the
host may hide behind what the device does: a step's time is the median over such rounds. Both have
AdamW. `LWM` and `uniform` are the network that is trained with depth, which has side outputs and a
depth branch; `plain` has neither, and is the peer's network: as many parameters and multiply-adds.

With `--tiny` ours has a small encoder, so that nothing there compares.

Products of float32 are TF32 where the card has it, on both sides: JAX does so by itself, PyTorch
is told to; it is also told to try the algorithms of cuDNN out, as JAX does anyway. The share is of
the card's dense bfloat16 peak, also for float32, and counts two operations for each multiply-add of
the convolutions, and three times a forward pass for a step.
"""

import contextlib
import fnmatch
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).resolve().parents[1]
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


def run_row(row, tiny, timeout) -> dict:
    """Measures a row in a process of its own: what `measure` returns, or {"failed": a sentence}."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax" if row.framework == "jax" else "torch",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.getenv("PYTHONPATH")])]),
    }
    if tiny:
        # Compiling takes most of the time where there is little to compute.
        environment.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    command = [sys.executable, __file__, "--row", row.name, *(["--tiny"] if tiny else [])]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {timeout:.0f} s"}
    finally:
        # A compiler's own processes may outlive the one that began them.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode == 0:
        return json.loads(output.splitlines()[-1])
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    reason = said[-1] if said else f"exit status {process.returncode}"
    return {"failed": reason[:200]}


def machine() -> str:
    """The GPU and its driver, as nvidia-smi names them; "CPU" where there is none."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "CPU"
    return answer.stdout.splitlines()[0].strip()


class Results:
    """What was measured so far, in a file that is whole after every row.

    Args:
        path: a JSON file, read where there is one; None to keep nothing.
        conditions: what results must share to stand in one table.

    Raises:
        click.ClickException: the file holds results of other conditions.
    """

    def __init__(self, path, conditions):
        self.path = path
        self.values = {**conditions, "rows": {}}
        if path is not None and path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            if {key: stored.get(key) for key in conditions} != conditions:
                raise click.ClickException(
                    f"{path} holds results of another machine or size: name another file by --out."
                )
            self.values = stored

    def measured(self, row) -> dict | None:
        found = self.values["rows"].get(row.name)
        return found if found and "failed" not in found else None

    def add(self, row, found) -> None:
        self.values["rows"][row.name] = found
        if self.path is not None:
            partial = self.path.with_name(f".{self.path.name}.partial")
            partial.write_text(json.dumps(self.values, indent=1), encoding="utf-8")
            os.replace(partial, self.path)


HEADINGS = (
    ("network", 34),
    ("batch", 5),
    ("step, ms", 9),
    ("images/s", 8),
    ("first step, s", 13),
    ("peak memory, GB", 15),
    ("of bf16 peak", 12),
)


def line(cells) -> str:
    """A line of a Markdown table, padded."""
    first, *others = (
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, (_, width)) in enumerate(zip(cells, HEADINGS, strict=True))
    )
    return "| " + " | ".join([first, *others]) + " |"


def table_row(row, setting, found) -> str:
    """A row's line: its numbers, or why there are none."""
    name = f"{row.network}, {row.framework}, {row.precision}"
    batch = str(row.batch // setting.batch_divisor)
    if "failed" in found:
        widths = (width for _, width in HEADINGS)
        return f"| {name.ljust(next(widths))} | {batch.rjust(next(widths))} | {found['failed']} |"
    share = found["peak_share"]
    return line(
        [
            name,
            batch,
            f"{found['step'] * 1000:.1f}",
            f"{found['images_a_second']:.1f}",
            f"{found['first']:.2f}",
            f"{found['peak_bytes'] / 1e9:.2f}",
            "?" if share is None else f"{share:.1%}",
        ]
    )


def print_header(where, setting) -> None:
    """Says what the numbers below are, and begins the table."""
    height, width = setting.size
    encoder = "a small encoder for ours" if setting == TINY else "resnet50"
    click.echo(
        f"{where}; light RefineNet, {encoder}, {height}x{width}, {CLASSES} classes, "
        f"{setting.channels} channels; AdamW; products of float32 in TF32 where the card has it; "
        f"the peer in channels_last; median of {setting.rounds} rounds of {setting.steps_a_round} "
        f"steps; peak memory {'resident' if where == 'CPU' else 'on the device'}\n"
    )
    click.echo(line([heading for heading, _ in HEADINGS]))
    first, *others = (width for _, width in HEADINGS)
    click.echo(line(["-" * first, *("-" * (width - 1) + ":" for width in others)]))


def run_all(chosen, tiny, results, budget, limit) -> None:
    """Prints the lines of the rows, measuring those that are not in `results` yet.

    Args:
        chosen: rows, the most important first.
        tiny: whether they are made small.
        results: `Results`.
        budget: seconds for all rows.
        limit: seconds for one.
    """
    end = time.monotonic() + budget
    longest = {}  # seconds of a row, by framework: what the next one is expected to take
    setting = TINY if tiny else Setting()
    for row in chosen:
        found = results.measured(row)
        if found is None:
            left = max(0.0, end - time.monotonic())
            expected = longest.get(row.framework, 0.0)
            if left <= expected:
                said = f"not run: takes about {expected:.0f} s, {left:.0f} s of the budget are left"
                found = {"failed": said}
            else:
                start = time.monotonic()
                found = run_row(row, tiny, min(limit, left))
                took = time.monotonic() - start
                longest[row.framework] = max(took, longest.get(row.framework, 0.0))
            results.add(row, found)
        click.echo(table_row(row, setting, found))


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="JSON of the results.")
@click.option("--budget", default=470.0, show_default=True, help="Seconds for all rows.")
@click.option("--limit", default=150.0, show_default=True, help="Seconds for one row.")
@click.option("--rows", "patterns", multiple=True, help='Rows of such names, as "LWM jax *".')
@click.option("--tiny", is_flag=True, help="Small networks and frames, two steps.")
@click.option("--row", hidden=True, help="Measures this row here, and prints it as JSON.")
def main(out, budget, limit, patterns, tiny, row):
    """Times training steps, each row in a process of its own."""
    setting = TINY if tiny else Setting()
    if row is not None:
        (found,) = (each for each in rows() if each.name == row)
        click.echo(json.dumps(measure(found, setting)))
        return
    patterns = patterns or ("*",)
    chosen = [r for r in rows() if any(fnmatch.fnmatchcase(r.name, p) for p in patterns)]
    where = machine()
    results = Results(out, {"machine": where, "setting": json.loads(json.dumps(setting))})
    print_header(where, setting)
    run_all(chosen, tiny, results, budget, limit)


if __name__ == "__main__":
    main()
