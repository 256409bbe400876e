"""Rooms: a light RefineNet on rendered indoor rooms, from nothing to test scores.

    python recipes/rooms.py

It takes 10 minutes on 2 CPU cores under TensorFlow, the rendering of 660 frames included, and needs
the extra `pretrained`. Expect a test mIoU of about 59 % (59.1 % with seed 0).
"""

import click
from options import CURRICULUM, given, training_options

from keras_lwm_cli.running import in_a_sentence, use_backend


@click.command()
@training_options(
    out="runs/rooms",
    epochs=8,
    batch_size=8,
    crop=(160, 224),
    scale=(0.5, 1.1),
    learning_rate=2e-3,
    encoder_rate=0.1,
    weight_decay=1e-4,
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
def main(context, backend, data_dir, **_):
    """Trains on rendered rooms, and scores on rooms that were never trained on."""
    use_backend(backend)
    import keras
    from experiment import new_model, open_run, report, show_training_samples, training_batches

    from keras_lwm import CurriculumCallback
    from keras_lwm.datasets import load_builder
    from keras_lwm.pipeline import evaluation_dataset
    from keras_lwm.training import ProgressLine

    run = open_run(context)
    options = run.options

    # Rooms of thirteen classes, rendered here the first time; no room is in two splits.
    rooms = load_builder("rooms", data_dir=data_dir)
    classes = rooms.info.metadata
    training, steps = training_batches(run, rooms, "train")

    # The network, its loss weighted by how hard depth says that pixels are.
    if run.initial_epoch:
        model = keras.saving.load_model(run.last_model_path)
    else:
        model = new_model(options, len(classes["class_names"]), steps * options["epochs"])
    run.begin(**classes)
    show_training_samples(run, training, classes)
    model.fit(
        training,
        steps_per_epoch=steps,
        epochs=options["epochs"],
        initial_epoch=run.initial_epoch,
        validation_data=evaluation_dataset(rooms, "validation", batch_size=options["batch_size"]),
        callbacks=[
            CurriculumCallback(**given(options, CURRICULUM)),
            ProgressLine(),
            *run.callbacks(),
        ],
        verbose=0,
    )

    report(run, evaluation_dataset(rooms, "test"), classes)


if __name__ == "__main__":
    main()
