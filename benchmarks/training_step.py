"""What the Loss Weight Module costs: training steps with it and without, in turn, in one process.

    python benchmarks/training_step.py --backend jax

Prints for each weighting the first step (building the graph included) and the median of later
ones, and the median of the ratios to the `uniform` step run just before.
"""

import os
import time

import click


def first_and_later_steps(models, batch, steps):
    """Seconds: {name: first step}, and {name: [later steps]}, taken in turn."""
    x, y = batch

    def seconds(model):
        start = time.perf_counter()
        model.train_on_batch(x, y)
        return time.perf_counter() - start

    first = {name: seconds(model) for name, model in models.items()}
    later = {name: [] for name in models}
    for _ in range(steps):
        for name, model in models.items():
            later[name].append(seconds(model))
    return first, later


@click.command()
@click.option("--backend", type=click.Choice(["tensorflow", "jax", "torch"]))
@click.option("--backbone", default="efficientnet_lite0", show_default=True)
@click.option("--variant", default="light", show_default=True)
@click.option("--channels", default=128, show_default=True)
@click.option("--classes", default=40, show_default=True)
@click.option("--size", type=(int, int), default=(160, 224), show_default=True)
@click.option("--batch-size", default=8, show_default=True)
@click.option("--steps", default=10, show_default=True)
@click.option("--weightings", default="uniform,ohem,lwm,window", show_default=True)
def main(backend, backbone, variant, channels, classes, size, batch_size, steps, weightings):
    """Times training steps under several weightings."""
    if backend is not None:
        os.environ["KERAS_BACKEND"] = backend
    import keras
    import numpy as np
    from random_batch import random_batch

    import keras_lwm

    image, label, depth = random_batch(batch_size, size, classes)
    models = {}
    for name in weightings.split(","):
        weighting = keras_lwm.LossWeightModule(gathering="window") if name == "window" else name
        network = keras_lwm.RefineNet(backbone, classes, variant, channels=channels)
        models[name] = keras_lwm.DepthPrivilegedModel(network, weighting=weighting)
        models[name].compile(keras.optimizers.AdamW(1e-4))
    batch = image, {"label": label, "depth": depth}
    first, later = first_and_later_steps(models, batch, steps)
    click.echo(f"{keras.backend.backend()}, {backbone}, batch of {batch_size} at {size}")
    for name in models:
        ratios = np.divide(later[name], later[next(iter(models))])
        click.echo(
            f"{name:14s} first step {first[name]:6.1f} s   later {np.median(later[name]):6.3f} s   "
            f"ratio {np.median(ratios):.3f} ({ratios.min():.3f} to {ratios.max():.3f})"
        )


if __name__ == "__main__":
    main()
