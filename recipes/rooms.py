"""Rooms: a light RefineNet on rendered indoor rooms, from nothing to test scores.

    python recipes/rooms.py

It takes 5 to 10 minutes on 2 CPU cores under TensorFlow, the rendering of 660 frames included, and
needs the extras `rooms`, `report` and `pretrained`. Expect a test mIoU of about 60 % (60.1 % in a
run of seed 0; other runs differ a little: TensorFlow's threads round as they come).
"""

import click

from keras_lwm_cli.running import in_a_sentence, use_backend
from keras_lwm_cli.training_options import open_run, training_options


@click.command()
@training_options(
    out="runs/rooms",
    epochs=8,
    batch_size=8,
    crop=(160, 224),
    scale=(0.5, 1.1),
    optimizer="adamw",
    learning_rate=2e-3,
    encoder_rate=0.1,
    schedule="cosine",
    warm_up=0.05,
    weight_decay=1e-4,
    l2=0.0,
    precision="float32",
    seed=0,
    backbone="efficientnet_lite0",
    weights="imagenet",
    variant="light",
    channels=128,
    weighting="lwm",
)
@click.pass_context
@in_a_sentence
def main(context, backend, devices, data_dir, **_):
    """Trains on rendered rooms, and scores on rooms that were never trained on."""
    use_backend(backend)
    from keras_lwm.datasets import load_builder
    from keras_lwm.experiment import report, train

    run = open_run(context)

    # Rooms of thirteen classes, rendered here the first time; no room is in two splits.
    rooms = load_builder("rooms", data_dir=data_dir)

    train(run, rooms, "train", validation="validation", devices=devices)
    report(run, rooms, "test")


if __name__ == "__main__":
    main()
