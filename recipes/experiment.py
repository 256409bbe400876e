"""What the recipes' paragraphs are made of. Imported only after the backend is chosen."""

import click
import keras
from optimizers import new_optimizer
from options import CURRICULUM, NETWORK, OBJECTIVE, WEIGHTING, given, of_the_run

import keras_lwm
from keras_lwm import mining
from keras_lwm.evaluation import (
    DEPTH_RANGES,
    MultiScale,
    SingleScale,
    TrimapBand,
    evaluate,
    text_table,
    write_report,
)
from keras_lwm.pipeline import evaluation_dataset, steps_per_epoch, training_dataset
from keras_lwm.report import hard_pixel_maps, prediction_sheet, training_sheet
from keras_lwm.run_folder import RunFolder
from keras_lwm.training import ProgressLine

SINGLE_SCALE = {"single_scale": SingleScale()}
LITERATURE = {**SINGLE_SCALE, "multi_scale": MultiScale()}
SUBSETS = (TrimapBand(3), *DEPTH_RANGES)


def open_run(context):
    """The run's folder: a new one, or with --resume the one that is there."""
    resume = context.params["resume"]
    return RunFolder(context.params["out"], of_the_run(context, explicit=resume), resume)


def train(run, builder, split, validation=None):
    """Trains the run's model on one split of a data set, from its first missing epoch on.

    A `validation` split chooses the run's best model; without one there is only the last.
    """
    options, classes = run.options, builder.info.metadata
    batches = training_dataset(
        builder,
        split,
        batch_size=options["batch_size"],
        augmentation=keras_lwm.Augmentation(crop=options["crop"], scale=options["scale"]),
        seed=options["seed"],
        initial_epoch=run.initial_epoch,
    )
    steps = steps_per_epoch(builder, split, options["batch_size"])
    if run.initial_epoch:
        model = keras.saving.load_model(run.last_model_path)
    else:
        model = new_model(options, len(classes["class_names"]), steps * options["epochs"])
    if validation is not None:
        validation = evaluation_dataset(builder, validation, batch_size=options["batch_size"])
    run.begin(**classes)
    show_training_samples(run, batches, classes)
    model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=options["epochs"],
        initial_epoch=run.initial_epoch,
        validation_data=validation,
        callbacks=[
            keras_lwm.CurriculumCallback(**given(options, CURRICULUM)),
            ProgressLine(),
            *run.callbacks(),
        ],
        verbose=0,
    )


def new_model(options, num_classes, steps):
    """The network, its objective and its optimiser, ready for `fit` over `steps` steps."""
    keras.utils.set_random_seed(options["seed"])
    keras.config.set_dtype_policy(options["precision"])
    network = keras_lwm.RefineNet(num_classes=num_classes, **given(options, NETWORK))
    keras.config.set_dtype_policy("float32")
    model = keras_lwm.DepthPrivilegedModel(
        network.inputs,
        network.output,
        weighting=mining.get(options["weighting"], **given(options, WEIGHTING)),
        learning_rate_multipliers={"backbone": options["encoder_rate"]},
        l2=options["l2"],
        **given(options, OBJECTIVE),
    )
    model.compile(new_optimizer(options, steps))
    return model


def show_training_samples(run, batches, metadata):
    """Writes a picture of the first augmented training samples into the run's folder."""
    image, targets = next(iter(batches))
    image, label, depth = (values.numpy() for values in (image, targets["label"], targets["depth"]))
    training_sheet(run.training_samples_path, image[:6], label[:6], depth[:6], **metadata)


def show_predictions(run, model, dataset, metadata, images=4):
    """Writes a picture of frames from all over a data set into the run's folder."""
    samples = dataset.unbatch()
    stride = max(1, sum(1 for _ in samples) // images)
    sheet = {}
    for image, targets in samples.shard(stride, 0).take(images).as_numpy_iterator():
        label, depth = targets["label"], targets["depth"]
        maps = hard_pixel_maps(model, image, label, depth)
        row = {
            "images": image,
            "labels": label,
            "predictions": maps["prediction"],
            "depths": depth,
            "predicted_depths": maps["predicted_depth"],
            "dpe": maps["dpe"],
            "dse": maps["dse"],
            "weights": maps["weight"],
        }
        for column, values in row.items():
            sheet.setdefault(column, []).append(values)
    prediction_sheet(run.predictions_path, **sheet, **metadata)


def report(run, builder, split, views=SINGLE_SCALE):
    """Scores the run's model on a split, in every view; writes scores and pictures, prints tables.

    The model is the best by its validation, the last where there was none.
    """
    path = run.best_model_path if run.best_model_path.exists() else run.last_model_path
    model = keras.saving.load_model(path)
    classes = builder.info.metadata
    names = classes["class_names"]
    for name, view in views.items():
        click.echo(f"Scoring {path} on {split}, {name.replace('_', ' ')}")
        dataset = evaluation_dataset(builder, split)
        scores = evaluate(model, dataset, len(names), names, view=view, subsets=SUBSETS)
        write_report(run.scores_path / name, scores)
        click.echo(text_table(scores))
    show_predictions(run, model, evaluation_dataset(builder, split), classes)
    click.echo(f"Everything of this run is in {run.path}")
