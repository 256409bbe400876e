"""Images a second of training on one device and on two, and the bytes that devices exchange.

    python benchmarks/devices.py --out docs/figures/devices.md

Two devices are two parts of the CPU here: under PyTorch two processes, each with half of the
threads, under JAX and TensorFlow two devices of one process. What is measured is what sharing
costs where nothing is to be gained. Each figure is the median over the rounds; in each round all
take turns. It needs the extras `all`, `jax` and `torch`, and about 6 minutes on two cores.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import click
from sides import machine, markdown_table

ROOT = Path(__file__).parents[1]
BATCH, SIZE, CLASSES, STEPS = 8, (160, 224), 13, 4
# Gigabytes a second that a device sends, and the seconds that an exchange of a few bytes takes.
LINKS = {"NVLink, in one machine": (300, 20e-6), "Ethernet of 100 Gb/s": (12.5, 60e-6)}


def serve(devices) -> None:
    """Trains `STEPS` steps for every line that comes; answers in seconds a step."""
    answers, sys.stdout = sys.stdout, sys.stderr
    import keras
    import numpy as np
    from random_batch import random_batch

    import keras_lwm
    from keras_lwm.devices import several_devices

    with several_devices(devices) as share:
        network = keras_lwm.RefineNet("efficientnet_lite0", CLASSES, "light", channels=128)
        model = keras_lwm.DepthPrivilegedModel(network)
        model.compile(keras.optimizers.AdamW(1e-4))
        images, labels, depth = random_batch(BATCH, SIZE, CLASSES)
        own = share.of(np.arange(BATCH))
        x, y = images[own], {"label": labels[own], "depth": depth[own]}

        def steps():
            start = time.perf_counter()
            # `fit`, as nothing else shares a batch among TensorFlow's replicas.
            model.fit(x, y, batch_size=len(x), epochs=STEPS, verbose=0)
            return (time.perf_counter() - start) / STEPS

        first = steps()
        if share.leads:
            print(json.dumps(first), file=answers, flush=True)
        for _ in range(int(os.environ["ROUNDS"])):
            if share.leads:
                sys.stdin.readline()
            # The other process waits for the first exchange.
            seconds = steps()
            if share.leads:
                print(json.dumps(seconds), file=answers, flush=True)


def started(backend, devices, rounds) -> subprocess.Popen:
    """A process, or under PyTorch one for each device, that serves."""
    cores = len(os.sched_getaffinity(0))
    command = [__file__, "--serve", str(devices)]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "ROUNDS": str(rounds),
    }
    if backend == "torch":
        environment["OMP_NUM_THREADS"] = str(max(1, cores // devices))
        if devices > 1:
            own = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"]
            command = [*own, *command]
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )


def measured(backend, rounds) -> list[list[str]]:
    """Rows for one device and for two: seconds a step, images a second, ratio of these."""
    processes = [started(backend, devices, rounds) for devices in (1, 2)]
    for each in processes:
        each.stdout.readline()
    seconds = []
    for _ in range(rounds):
        row = []
        for each in processes:
            each.stdin.write("\n")
            each.stdin.flush()
            row.append(json.loads(each.stdout.readline()))
        seconds.append(row)
    for each in processes:
        each.wait()
    rows = []
    for number, name in enumerate(("one device", "two devices")):
        own = statistics.median(row[number] for row in seconds)
        ratio = statistics.median(row[0] / row[number] for row in seconds)
        rows.append([f"{backend}, {name}", f"{own:.3f}", f"{BATCH / own:.1f}", f"{ratio:.2f}"])
    return rows


def exchanged() -> list[list[str]]:
    """Rows for two networks: what a step exchanges, and how long that takes on 8 and 64 GPUs."""
    import keras
    import numpy as np

    import keras_lwm

    rows = []
    for backbone in ("resnet50", "resnet152"):
        network = keras_lwm.RefineNet(backbone, 40, "light", channels=256)
        gradients = 4 * sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        norms = [
            layer
            for layer in network._flatten_layers()
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        # Mean and variance, and the gradients of both.
        exchanges = 4 * len(norms)
        row = [backbone, f"{gradients / 1e6:.0f} MB", str(exchanges)]
        for devices, (speed, delay) in zip((8, 64), LINKS.values(), strict=True):
            ring = 2 * (devices - 1) / devices * gradients / (1e9 * speed)
            row += [f"{1e3 * ring:.1f} ms", f"{1e3 * exchanges * delay:.0f} ms"]
        rows.append(row)
    return rows


TEXT = """# Several devices: what sharing a batch costs

Made by `python benchmarks/devices.py --out docs/figures/devices.md` on {machine}

## Two devices on one CPU

Steps of `efficientnet_lite0`, light RefineNet of 128 channels, a batch of 8 at 160x224 in all. Two
parts of the same two cores have nothing to gain: what is lost is what sharing costs. It goes into
the exchange of gradients and batch statistics, and into convolutions on half a batch.

{measured}

## What is exchanged, on paper

Gradients in float32, by a ring in which every device sends and receives 2 (n - 1) / n times their
bytes, under PyTorch (`DistributedDataParallel`) while the rest of the gradient is still computed.
Batch normalisation exchanges mean and variance of every layer, and their gradients: few bytes, many
times, so what counts is the delay of each. Bins, metrics and the decision to skip a step are some
kilobytes more. Assumed: NVLink at 300 GB/s and 20 us an exchange for 8 GPUs in a machine; Ethernet
of 100 Gb/s at 60 us for 64 GPUs in many. None of it was measured: no GPU has been at hand.

{exchanged}

So among the GPUs of one machine neither weighs much beside a step of some 100 ms. Among machines
both do. Statistics of layers that are frozen (`frozen_batch_norm=True`) are not exchanged.
"""


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write the page to this file.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--serve", "served", type=int, hidden=True)
def main(out, rounds, served) -> None:
    """Measures, counts, and writes the page."""
    if served is not None:
        serve(served)
        return
    rows = []
    for backend in ("tensorflow", "jax", "torch"):
        rows += measured(backend, rounds)
        click.echo(markdown_table(["", "s", "images/s", "ratio"], rows[-2:]))
    heads = [f"{kind}, {n} devices" for n in (8, 64) for kind in ("gradients", "statistics")]
    page = TEXT.format(
        machine=machine("keras", "tensorflow", "jax", "torch"),
        measured=markdown_table(["", "seconds a step", "images a second", "ratio"], rows),
        exchanged=markdown_table(["", "gradients", "exchanges of statistics", *heads], exchanged()),
    )
    click.echo(page)
    if out is not None:
        out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
