"""Seconds and memory of an evaluation, ours beside a plain PyTorch loop with torchmetrics.

    pip install torchmetrics
    python benchmarks/evaluation.py --out docs/figures/evaluation.md
    python benchmarks/evaluation.py --frames 16 --only single

Frames of 480x640 with 40 classes, one at a time, by a light RefineNet on ResNet-50: in single
scale, and at RefineNet's five scales, mirrored and not. Every side is a process of its own; in each
round everyone evaluates the frames, in turn. It needs the extras `tensorflow`, `jax` and `torch`,
and about 12 GB of memory; 654 frames, as many as NYUv2's test split has, take hours at several
scales on two cores.
"""

import itertools
import resource
import statistics
from pathlib import Path

import click
import numpy as np
from random_batch import random_batch
from sides import Side, in_turn, machine, seconds_of, serve, tables

BACKENDS = ("tensorflow", "torch", "jax")
CLASSES = 40
CHANNELS = 256
SIZE = (480, 640)
SCALES = (0.4, 0.6, 0.8, 1.0, 1.2)
DIFFERENT = 8
ROUNDS = 3


class Frames:
    """So many frames in batches of one: a few different ones, again and again."""

    def __init__(self, number):
        self.number = number
        self._images, labels, self._depths = random_batch(DIFFERENT, SIZE, CLASSES)
        self._labels = np.repeat(np.repeat(labels[:, ::40, ::40], 40, 1), 40, 2)
        self._labels[:, :20] = 255

    def __len__(self) -> int:
        return self.number

    def __iter__(self):
        for frame in range(self.number):
            here = slice(frame % DIFFERENT, frame % DIFFERENT + 1)
            targets = {"label": self._labels[here], "depth": self._depths[here]}
            yield self._images[here], targets


def ours(several_scales, subsets):
    """A function of frames that returns the confusion matrix."""
    import keras_lwm
    from keras_lwm.evaluation import DEPTH_RANGES, MultiScale, SingleScale, TrimapBand, evaluate

    network = keras_lwm.RefineNet(
        "resnet50",
        CLASSES,
        "light",
        channels=CHANNELS,
        side_outputs=(),
        depth_branch=False,
    )
    view = MultiScale(SCALES) if several_scales else SingleScale()
    subsets = (TrimapBand(3), *DEPTH_RANGES) if subsets else ()

    def run(frames):
        options = {"view": view, "subsets": subsets, "progress": False}
        return evaluate(network, frames, CLASSES, **options)["confusion_matrix"]

    return run


def peer(several_scales):
    """The same in plain PyTorch, as its users write it."""
    import torch
    from peer import DEVIATIONS, MEANS, VOID, LightRefineNet
    from torch.nn.functional import interpolate
    from torchmetrics.classification import MulticlassConfusionMatrix

    network = LightRefineNet(CLASSES, CHANNELS).to(memory_format=torch.channels_last).eval()
    means = 255.0 * torch.tensor(MEANS).reshape(1, 3, 1, 1)
    deviations = 255.0 * torch.tensor(DEVIATIONS).reshape(1, 3, 1, 1)

    def probabilities(image, scale):
        size = [round(scale * side) for side in SIZE]
        looks = interpolate(image, size, mode="bilinear")
        looks = torch.cat([looks, looks.flip(3)])
        plain, mirrored = interpolate(network(looks), SIZE, mode="bilinear").softmax(1)
        return plain + mirrored.flip(2)

    def scores(image):
        if several_scales:
            return sum(probabilities(image, scale) for scale in SCALES)[None]
        return interpolate(network(image), SIZE, mode="bilinear")

    def run(frames):
        matrix = MulticlassConfusionMatrix(CLASSES, ignore_index=VOID)
        with torch.inference_mode():
            for images, targets in frames:
                image = torch.from_numpy(images).permute(0, 3, 1, 2).float()
                class_ids = scores((image - means) / deviations).argmax(1)
                matrix.update(class_ids, torch.from_numpy(targets["label"]).long())
        return matrix.compute().tolist()

    return run


def make(side):
    """A function that evaluates one frame, then so many: seconds, peak memory, labels' pixels."""
    run = globals()[side.what](**side.options["network"])
    numbers = itertools.chain((1,), itertools.repeat(side.options["frames"]))

    def step():
        frames, found = Frames(next(numbers)), []
        seconds = seconds_of(lambda: found.extend(run(frames)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        return {"seconds": seconds, "peak": peak, "labels": np.sum(found, axis=1).tolist()}

    return step


def sides(frames) -> dict[str, list[Side]]:
    """The comparisons, by their title."""

    def side(name, backend, what, **network):
        return Side(name, backend, what, {"network": network, "frames": frames})

    titles = {"single scale": False, "five scales, mirrored and not": True}
    return {
        title: [
            side("PyTorch and torchmetrics", "peer", "peer", several_scales=several),
            *(
                side(f"ours, {name}", name, "ours", several_scales=several, subsets=False)
                for name in BACKENDS
            ),
            *(
                side(
                    f"ours, {name}, with subsets", name, "ours", several_scales=False, subsets=True
                )
                for name in BACKENDS
                if not several
            ),
        ]
        for title, several in titles.items()
    }


def compare(chosen, frames) -> list[list[str]]:
    """Rows of cells: name, seconds of one frame and of a round, peak memory, ratio to the first."""
    running, first, rounds = in_turn(__file__, chosen, ROUNDS)
    rows = []
    for number, each in enumerate(running):
        own = [round[number] for round in rounds]
        if any(one["labels"] != rounds[0][0]["labels"] for one in own):
            raise click.ClickException(f"{each.side.name} has counted other pixels than the first.")
        seconds = statistics.median(one["seconds"] for one in own)
        ratio = statistics.median(
            round[number]["seconds"] / round[0]["seconds"] for round in rounds
        )
        rows.append(
            [
                each.side.name,
                f"{first[number]['seconds']:.1f}",
                f"{seconds:.1f}",
                f"{seconds / frames:.3f}",
                f"{own[-1]['peak']:.0f}",
                f"{ratio:.3f}",
            ]
        )
    return rows


NOTES = """# Speed and memory of an evaluation, beside plain PyTorch with torchmetrics

Made by `python benchmarks/evaluation.py{options}` on {machine}

{frames} frames of 480x640, 40 classes, one at a time, by a light RefineNet on ResNet-50. *First* is
the first evaluation of a process, of one frame (what compiles, compiles then), *all* one of all
frames after it, the median of {rounds} rounds in which the sides take turns, *each* a frame's part
of that, *ratio* the median, over the rounds, of the ratio to the first line. Every side has a
process of its own, and all count the same labelled pixels. *Subsets* are the trimap band and the
depth ranges that recipes ask for.

At five scales under PyTorch, ours starts the kernels that its peer does: by `torch.profiler`, on
one thread, three fifths of both are convolutions and a sixth the maxima of pools, which ours takes
in columns, then in rows. Ours took 15.1 s of one thread for a frame, the peer 16.4: of channels
last, softmax has nothing to copy (one frame each, on a busy machine). A ratio of 1.53 that stood
here was of sides measured one after the other, and did not come again where they took turns.
"""


@click.command()
@click.option("--frames", default=654, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write the tables to this file.")
@click.option("--only", multiple=True, help="Comparisons whose title holds this text.")
@click.option("--serve", "served", hidden=True)
def main(frames, out, only, served) -> None:
    """Makes the tables."""
    if served is not None:
        serve(served, make)
        return
    options = "" if frames == 654 else f" --frames {frames}"
    if out is not None:
        options += f" --out {out}"
    packages = machine("keras", "tensorflow", "jax", "torch", "torchmetrics")
    parts = [NOTES.format(options=options, machine=packages, frames=frames, rounds=ROUNDS)]
    head = ["", "first, s", "all, s", "each, s", "peak memory, MB", "ratio"]
    parts += tables(sides(frames), only, head, lambda chosen: compare(chosen, frames))
    if out is not None:
        out.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
