"""What the recipes' paragraphs are made of. Imported only after the backend is chosen."""

import click
import keras
from options import NETWORK, OBJECTIVE, WEIGHTING, given, of_the_run

import keras_lwm
from keras_lwm import mining
from keras_lwm.evaluation import evaluate, text_table
from keras_lwm.pipeline import steps_per_epoch, training_dataset
from keras_lwm.report import hard_pixel_maps, prediction_sheet, training_sheet
from keras_lwm.run_folder import RunFolder


def open_run(context):
    """The run's folder: a new one, or with --resume the one that is there."""
    resume = context.params["resume"]
    return RunFolder(context.params["out"], of_the_run(context, explicit=resume), resume)


def training_batches(run, builder, split):
    """Endless augmented batches from the run's first missing epoch on, and the steps an epoch."""
    options = run.options
    batches = training_dataset(
        builder,
        split,
        batch_size=options["batch_size"],
        augmentation=keras_lwm.Augmentation(crop=options["crop"], scale=options["scale"]),
        seed=options["seed"],
        initial_epoch=run.initial_epoch,
    )
    return batches, steps_per_epoch(builder, split, options["batch_size"])


def new_model(options, num_classes, steps):
    """The network, its objective and its optimiser, ready for `fit`.

    AdamW, its learning rate rising over the first twentieth of `steps` and falling to 0 along a
    cosine over the rest; the backbone's is `encoder_rate` times that.
    """
    keras.utils.set_random_seed(options["seed"])
    keras.config.set_dtype_policy(options["precision"])
    network = keras_lwm.RefineNet(num_classes=num_classes, **given(options, NETWORK))
    keras.config.set_dtype_policy("float32")
    chosen = given(options, WEIGHTING)
    if chosen.get("segmentation_error") == "binned":
        chosen["num_classes"] = num_classes
    model = keras_lwm.DepthPrivilegedModel(
        network.inputs,
        network.output,
        weighting=mining.get(options["weighting"], **chosen),
        learning_rate_multipliers={"backbone": options["encoder_rate"]},
        **given(options, OBJECTIVE),
    )
    rising = steps // 20
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rising, warmup_target=options["learning_rate"], warmup_steps=rising
    )
    model.compile(keras.optimizers.AdamW(rate, weight_decay=options["weight_decay"]))
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


def report(run, dataset, metadata):
    """Scores the run's best model on a data set; writes scores and pictures, prints the table."""
    click.echo(f"Scoring {run.best_model_path}")
    model = keras.saving.load_model(run.best_model_path)
    names = metadata["class_names"]
    scores = evaluate(model, dataset, len(names), names)
    run.write_test_scores(scores)
    show_predictions(run, model, dataset, metadata)
    click.echo(text_table(scores))
    click.echo(f"Everything of this run is in {run.path}")
