"""A run: training on a prepared data set, then scores and pictures, all in the run's folder."""

import functools
import itertools
from collections.abc import Mapping

import keras
import numpy as np

from keras_lwm.depth_input import sees_depth
from keras_lwm.devices import WHOLE, several_devices
from keras_lwm.evaluation import evaluate, write_report
from keras_lwm.experiment.model import CURRICULUM, fit, given, new_augmentation, new_model
from keras_lwm.experiment.scored import SINGLE_SCALE, SUBSETS
from keras_lwm.experiment.summary import summary
from keras_lwm.experiment.teacher import open_teacher, teacher_digest
from keras_lwm.measured import is_measured
from keras_lwm.progress_bar import ProgressBar
from keras_lwm.report import (
    FrameScores,
    KeepWeightMaps,
    choose_frames,
    hard_pixel_maps,
    keep_bins,
    keep_frames,
    prediction_sheet,
    training_sheet,
)
from keras_lwm.report.page import write_page
from keras_lwm.run_folder import RunFolder, find_run_model
from keras_lwm.void import void_id


def train(
    run: RunFolder, builder, split: str, validation: str | None = None, devices: int = 1
) -> None:
    """Trains the run's model on one split of a data set, from its first missing step on.

    Of several processes that train it together (see `keras_lwm.devices`), the first alone writes,
    and loss weight maps are not kept.

    Args:
        run: its options are those of `new_model` and the groups beside it, and `teacher`: None, or
            what `open_teacher` takes.
        builder: a TFDS builder, as `keras_lwm.datasets.load_builder` gives it.
        split: of the training frames.
        validation: a split that chooses the run's best model; without one there is only the last.
        devices: how many devices of this process share each batch.

    Raises:
        ValueError: options, data or devices that do not fit together.
    """
    with several_devices(devices) as share:
        _train(run, builder, split, validation, share)


def _train(run, builder, split, validation, share):
    from keras_lwm.pipeline import (
        evaluation_dataset,
        fingerprint,
        steps_per_epoch,
        training_dataset,
    )

    options, classes = run.options, builder.info.metadata

    def batches(epoch, step, share):
        dataset = training_dataset(
            builder,
            split,
            batch_size=options["batch_size"],
            augmentation=new_augmentation(options),
            seed=options["seed"],
            initial_epoch=epoch,
            initial_step=step,
            share=share,
            **given(options, ("unusual_depth",)),
        )
        return share.served(dataset)

    share.check(options["batch_size"])
    first = batches(0, 0, WHOLE)
    steps = steps_per_epoch(builder, split, options["batch_size"])
    names, teacher = classes["class_names"], options.get("teacher")
    teacher = None if teacher is None else open_teacher(teacher, names)
    size = None
    if options.get("depth_input") or (teacher is not None and sees_depth(teacher)):
        size = _check_depth(builder, split)
    model = new_model(options, len(names), steps * options["epochs"], teacher, size)
    splits = [split] if validation is None else [split, validation]
    if validation is not None:
        dataset = evaluation_dataset(
            builder, validation, batch_size=options["batch_size"], share=share
        )
        validation = share.served(dataset)
    data = {name: fingerprint(builder, name) for name in splits}
    if teacher is not None:
        data["teacher"] = teacher_digest(options["teacher"])
    run.begin(**classes, data=data)
    if run.leads and not run.training_samples_path.exists():
        _draw_training_samples(run, first, classes)
    best = run.best
    fit(
        functools.partial(run.fit, model),
        functools.partial(batches, share=share),
        steps,
        options,
        given(options, CURRICULUM),
        shows_progress=run.leads,
        best=best and (best["value"], best["epochs"]),
        # Of several processes, all would have to predict for one to write.
        callbacks=[_weight_maps(run, builder, split)] if share.count == 1 else [],
        validation_data=validation,
    )


def report(run: RunFolder, builder, split: str, views: Mapping = SINGLE_SCALE) -> None:
    """Scores the run's model on a split; writes scores, pictures and page, and prints a summary.

    Of several processes the first alone does, on one device. The model is the best by its
    validation, the last where there was none. One that sees depth is scored in single scale alone,
    as its frames are not resized.

    Args:
        run, builder: those of `train`.
        split: of the frames to score.
        views: {name: view}, each out of `keras_lwm.evaluation`; every one is scored.
    """
    from keras_lwm.pipeline import evaluation_dataset

    if not run.leads:
        return
    path = find_run_model(run.path)
    model = keras.saving.load_model(path)
    views = SINGLE_SCALE if sees_depth(model) else views
    classes = builder.info.metadata
    names = classes["class_names"]
    of_frames, of_views = FrameScores(len(names)), {}
    for name, view in views.items():
        text = f"Scoring {split}, {name.replace('_', ' ')}"
        with ProgressBar(evaluation_dataset(builder, split), text, "frames") as frames:
            scores = evaluate(
                model,
                frames,
                len(names),
                names,
                view=view,
                subsets=SUBSETS,
                progress=False,
                on_frame=None if of_views else of_frames,
            )
        write_report(run.scores_path / name, scores)
        of_views[name] = scores
    _draw_predictions(run, model, evaluation_dataset(builder, split, frames=4), classes)
    _keep_for_the_page(run, model, builder, split, of_frames.scores)
    write_page(run.page_path, [run.path])
    print(summary(run, path, split, of_views), flush=True)


def _weight_maps(run, builder, split):
    """A callback that keeps the loss weight maps of four frames of a split."""
    from keras_lwm.pipeline import evaluation_dataset

    frames = list(_frames(evaluation_dataset(builder, split, frames=4)))
    num_classes = len(builder.info.metadata["class_names"])
    if not all(_has_label(frame, num_classes) for frame in frames):
        every = _frames(evaluation_dataset(builder, split))
        labelled = (frame for frame in every if _has_label(frame, num_classes))
        frames = list(itertools.islice(labelled, 4))
    palette = builder.info.metadata["palette"]
    return KeepWeightMaps(run.report_path / "weight_maps", frames, palette, board=run.board)


def _has_label(frame, num_classes):
    return bool((frame[1] != void_id(num_classes)).any())


def _check_depth(builder, split):
    """(height, width) of frames before they are cropped, of which some must have depth to see."""
    from keras_lwm.pipeline import evaluation_dataset

    for number in (16, None):  # All, should those of a few have none.
        for image, _, depth in _frames(evaluation_dataset(builder, split, frames=number)):
            if is_measured(depth, np).any():
                return image.shape[:2]
    raise ValueError(
        f"Expected measured depth in {split} of {builder.info.full_name}, for the network that "
        "sees it, or its teacher; found none in any frame."
    )


def _keep_for_the_page(run, model, builder, split, scores):
    """Writes what the page shows of a model and of a split's frames, by the frames' scores."""
    from keras_lwm.pipeline import evaluation_dataset, sample_names

    chosen = choose_frames(scores)
    indices = [frame["index"] for frame in chosen]
    for frame, name in zip(chosen, sample_names(builder, split, indices), strict=True):
        frame["name"] = name
    keep_frames(
        run.report_path / "frames",
        model,
        _frames(evaluation_dataset(builder, split, frames=indices)),
        chosen,
        **builder.info.metadata,
        split=f"{split} of {builder.info.full_name}",
        count=len(scores),
    )
    keep_bins(run.report_path / "bins.json", model)


def _frames(dataset):
    """(image, label, depth) of each frame of an evaluation's data set."""
    for image, targets in dataset.unbatch().as_numpy_iterator():
        yield image, targets["label"], targets["depth"]


def _draw_training_samples(run, batches, metadata):
    """Writes a picture of the first augmented training samples."""
    image, targets = next(iter(batches))
    image, label, depth = (values.numpy() for values in (image, targets["label"], targets["depth"]))
    training_sheet(run.training_samples_path, image[:6], label[:6], depth[:6], **metadata)


def _draw_predictions(run, model, dataset, metadata):
    """Writes a picture of all frames of a data set, and of what the model makes of them."""
    sheet = {}
    for image, label, depth in _frames(dataset):
        maps = hard_pixel_maps(model, image, label, depth)
        row = {
            "images": image,
            "labels": label,
            "predictions": maps["prediction"],
            "depths": depth,
            "predicted_depths": maps.get("predicted_depth"),
            "dpe": maps.get("dpe"),
            "dse": maps["dse"],
            "weights": maps["weight"],
        }
        for column, values in row.items():
            if values is not None:
                sheet.setdefault(column, []).append(values)
    prediction_sheet(run.predictions_path, **sheet, **metadata)
