"""Your own frames: a light RefineNet on a folder of images, labels and depth.

    python recipes/rgbd_folder.py FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0

It needs the extra `pretrained`. On 2 CPU cores under TensorFlow an epoch of 500 frames takes one to
two minutes. Nobody has run its 20 epochs to the end yet: with `--epochs 4 --size 240 320
--validation-split tune --test-split val` on 795 frames of NYUv2's training split, cut by scene into
497 / 101 / 197, the 40 classes came to a mIoU of 15.9 % (PixAcc 51.3 %), still rising.
"""

import click
from options import CURRICULUM, given, training_options

from keras_lwm_cli.running import in_a_sentence, use_backend


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--depth-unit", type=float, help="Metres per unit of the depth files.")
@click.option("--first-id", type=int, default=0, show_default=True, help="Id of the first class.")
@click.option("--void-ids", type=int, multiple=True, default=(255,), show_default=True)
@click.option("--size", type=(int, int), help="Height and width to store frames in, for speed.")
@click.option("--unusual-depth", is_flag=True, help="Accept a median below 0.1 m or above 80 m.")
@click.option("--train-split", default="train", show_default=True)
@click.option("--validation-split", default="val", show_default=True)
@click.option("--test-split", default="test", show_default=True)
@training_options(
    out="runs/rgbd_folder",
    epochs=20,
    batch_size=8,
    crop=(160, 224),
    scale=(0.6, 1.2),
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
    """Trains on the frames of FOLDER, and scores on its test split."""
    use_backend(backend)
    import keras
    from experiment import new_model, open_run, report, show_training_samples, training_batches

    from keras_lwm import CurriculumCallback
    from keras_lwm.datasets import load_builder
    from keras_lwm.pipeline import evaluation_dataset
    from keras_lwm.training import ProgressLine

    run = open_run(context)
    options = run.options

    # The folder's frames, checked and prepared the first time and whenever the folder changes.
    names = ("train_split", "validation_split", "test_split")
    train, validation, test = (options[name] for name in names)
    frames = load_builder(
        "rgbd_folder",
        folder=options["folder"],
        depth_unit=options["depth_unit"],
        first_id=options["first_id"],
        void_ids=options["void_ids"],
        size=options["size"],
        unusual_depth=options["unusual_depth"],
        splits=dict.fromkeys([train, validation, test]),
        data_dir=data_dir,
    )
    classes = frames.info.metadata
    training, steps = training_batches(run, frames, train)

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
        validation_data=evaluation_dataset(frames, validation, batch_size=options["batch_size"]),
        callbacks=[
            CurriculumCallback(**given(options, CURRICULUM)),
            ProgressLine(),
            *run.callbacks(),
        ],
        verbose=0,
    )

    report(run, evaluation_dataset(frames, test), classes)


if __name__ == "__main__":
    main()
