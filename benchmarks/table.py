"""The table of speed: steps, first steps and inference, ours beside a peer's, on this machine.

    python benchmarks/table.py --out docs/figures/speed.md

Every side of a comparison runs in a process of its own, all of them at once but only one at a time:
in each round everyone takes a step, in turn. A figure is the median over the rounds, a ratio the
median of the ratios within a round, to the side named first. It needs the extras `all`, `jax` and
`torch`, about 12 GB of memory and 15 minutes on two cores. `--only` repeats a part of it.
"""

import statistics
import tempfile
from pathlib import Path

import click
from sides import Running, Side, in_turn, machine, seconds_of, serve, tables

BACKENDS = ("tensorflow", "torch", "jax")
CLASSES = 40
RESNET = {"backbone": "resnet50", "channels": 256, "size": (224, 320), "batch": 2}
LITE0 = {"backbone": "efficientnet_lite0", "channels": 128, "size": (160, 224), "batch": 8}


def sides() -> dict[str, list[Side]]:
    """The comparisons, by their title."""
    plain = {**RESNET, "weighting": "uniform", "with_depth": False}
    peers = [
        Side(f"PyTorch, {layout}", "peer", "step", {**RESNET, "layout": layout})
        for layout in ("channels_last", "contiguous")
    ]
    small, large = ({"size": size} for size in ((480, 640), (1024, 2048)))
    inference = {**RESNET, "batch": 1}
    return {
        "resnet50, batch of 2 at 224x320, without depth": [
            *peers,
            *(Side(f"ours, {backend}", backend, "step", plain) for backend in BACKENDS),
        ],
        **{
            f"efficientnet_lite0, batch of 8 at 160x224, {backend}": [
                Side(f"{weighting}", backend, "step", {**LITE0, "weighting": weighting})
                for weighting in ("uniform", "lwm")
            ]
            for backend in BACKENDS
        },
        **{
            f"class ids of one image, resnet50, {size['size'][0]}x{size['size'][1]}": [
                Side("PyTorch, channels_last", "peer", "inference", {**inference, **size}),
                *(
                    Side(f"ours, {backend}", backend, "inference", {**inference, **size})
                    for backend in BACKENDS
                ),
            ]
            for size in (small, large)
        },
    }


FIRST_STEPS = "first step, efficientnet_lite0, lwm, jax"


def ours_step(backbone, channels, size, batch, weighting, with_depth=True):
    """A function that takes a training step and waits for it."""
    import keras
    from random_batch import random_batch

    import keras_lwm

    without = {} if with_depth else {"side_outputs": (), "depth_branch": False}
    network = keras_lwm.RefineNet(backbone, CLASSES, "light", channels=channels, **without)
    model = keras_lwm.DepthPrivilegedModel(network, weighting=weighting)
    model.compile(keras.optimizers.AdamW(1e-4))
    images, labels, depth = random_batch(batch, size, CLASSES)
    y = {"label": labels, "depth": depth} if with_depth else {"label": labels}
    return lambda: model.train_on_batch(images, y)


def ours_inference(backbone, channels, size, batch):
    """A function that finds the class of every pixel."""
    from random_batch import random_batch

    import keras_lwm

    network = keras_lwm.RefineNet(backbone, CLASSES, "light", channels=channels)
    images, _, _ = random_batch(batch, size, CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        network.save(f"{folder}/network.keras")
        predictor = keras_lwm.Predictor(f"{folder}/network.keras", max_memory=16.0)
        predictor(images[0, :64, :64])
    return lambda: predictor(images[0])


def peer_step(backbone, channels, size, batch, layout):
    """The same of the network in plain PyTorch."""
    import torch
    from peer import LightRefineNet, training_step
    from random_batch import random_batch

    network = LightRefineNet(CLASSES, channels)
    if layout == "channels_last":
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    step = training_step(network, optimizer, layout)
    images, labels, _ = map(torch.from_numpy, random_batch(batch, size, CLASSES))
    return lambda: float(step(images, labels))


def peer_inference(backbone, channels, size, batch):
    """The same of the network in plain PyTorch, its logits resized to the image's size."""
    import torch
    from peer import LightRefineNet
    from random_batch import random_batch

    network = LightRefineNet(CLASSES, channels).to(memory_format=torch.channels_last).eval()
    images, _, _ = random_batch(batch, size, CLASSES)
    images = torch.from_numpy(images)

    def predict():
        with torch.inference_mode():
            logits = network(images.permute(0, 3, 1, 2).float() / 255)
            resized = torch.nn.functional.interpolate(logits, size, mode="bilinear")
            return resized.argmax(1).numpy()

    return predict


def make(side):
    """A function that runs the side once, and returns its seconds."""
    whose = "peer" if side.backend == "peer" else "ours"
    run = globals()[f"{whose}_{side.what}"](**side.options)
    return lambda: seconds_of(run)


def compare(chosen, rounds) -> list[list[str]]:
    """Rows of cells: name, building, first step, later ones, and the ratio to the first side."""
    running, first, later = in_turn(__file__, chosen, rounds, settling=1)
    rows = []
    for number, each in enumerate(running):
        seconds = statistics.median(round[number] for round in later)
        ratio = statistics.median(round[number] / round[0] for round in later)
        rows.append(
            [
                each.side.name,
                f"{each.building:.1f}",
                f"{first[number]:.2f}",
                f"{seconds:.3f}",
                f"{ratio:.3f}",
            ]
        )
    return rows


def first_steps() -> list[list[str]]:
    """Rows as those of `compare`: JAX without its cache of compiled code, filling it, using it."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        kept = {
            "JAX_COMPILATION_CACHE_DIR": folder,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        off = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
        whole = []
        for name, environment in (("no cache", off), ("first run", kept), ("later run", kept)):
            options = {**LITE0, "weighting": "lwm"}
            running = Running(__file__, Side(name, "jax", "step", options, environment))
            first, later = running.step(), running.step()
            running.end()
            whole.append(running.building + first)
            ratio = f"{whole[-1] / whole[0]:.3f}"
            rows.append([name, f"{running.building:.1f}", f"{first:.2f}", f"{later:.3f}", ratio])
    return rows


NOTES = """# Speed, beside plain PyTorch

Made by `python benchmarks/table.py --out docs/figures/speed.md` on {machine}

Sides of a comparison run in processes of their own and take one step after another, in turn.
*Building* is making network and model, *first* the first step (what compiles, compiles then),
*later* the median of later ones, and *ratio* the median, over rounds, of the ratio to the first
line of the same round; in the last table it is that of building and first step together. PyTorch is
the published light RefineNet written in plain PyTorch (`benchmarks/peer.py`), of as many parameters
and multiply-adds as ours. Training steps include the metrics that `fit` logs; inference gives the
class of every pixel, at the image's size.

Ours under PyTorch starts the kernels that its peer does (`keras_lwm/torch_operations.py`). What it
has beyond them is Keras' own time around layers, ReLUs that write new maps, where those of the peer
write over their input, a check of every gradient, and the scores; its Adam is one kernel, the
peer's eight. What keeps ours under JAX above them is XLA's CPU compiler, which computes chained
pools anew in their gradients and takes fresh memory in every step.

What takes the time under TensorFlow says `python benchmarks/tensorflow_profile.py resnet50`. On one
thread, four fifths of resnet50's step are oneDNN's convolutions (gradients of kernels 35 %, of maps
21 %, forward 24 %); batch normalisation is 8 %, pools 6 %, Adam 2 %. Pools of 5x5 in one take 1.1
to 2 times as long as columns, then rows. Of a first step, a third to a half is Python's tracing,
the rest TensorFlow's own work on the graph and the first run. EfficientNet-Lite0's is of 6,800
operations and 1,000 of AdamW; it was of 10,300 and 8,000, and took twice the CPU time (30 s, now
15 s, on AMD EPYC), before batch normalisation and Adam were one operation each
(`keras_lwm/tensorflow_operations.py`). On processors that TensorFlow runs without oneDNN, such as
AMD's without AVX-512, `TF_ENABLE_ONEDNN_OPTS=1` in the environment takes a third to a half off a
step."""

HEAD = ["", "building, s", "first, s", "later, s", "ratio"]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to this file.")
@click.option("--rounds", default=8, show_default=True)
@click.option("--only", multiple=True, help="Comparisons whose title holds this text.")
@click.option("--serve", "served", hidden=True)
def main(out, rounds, only, served) -> None:
    """Makes the table."""
    if served is not None:
        serve(served, make)
        return

    def rows_of(chosen):
        return first_steps() if chosen is None else compare(chosen, rounds)

    parts = [NOTES.format(machine=machine("keras", "tensorflow", "jax", "torch")), ""]
    parts += tables({**sides(), FIRST_STEPS: None}, only, HEAD, rows_of)
    if out is not None:
        out.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
