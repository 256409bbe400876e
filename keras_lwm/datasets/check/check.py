"""One way through a data set, whatever it comes from: look, infer, judge, sum up."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow_datasets as tfds

from keras_lwm.datasets.check import judge
from keras_lwm.datasets.check.facts import Tally
from keras_lwm.datasets.check.folder import FolderSource
from keras_lwm.datasets.check.judge import depth_findings
from keras_lwm.datasets.check.prepared import PreparedSource
from keras_lwm.datasets.check.reading import Reading, infer_depth_unit, infer_label_ids
from keras_lwm.datasets.check.report import (
    AMBIGUOUS,
    LISTS,
    NO_DEPTH,
    Finding,
    Given,
    Report,
    spread_examples,
)
from keras_lwm.datasets.rgbd_folder.builder import check_size
from keras_lwm.progress_bar import ProgressBar
from keras_lwm.rgbd_folder import folder_options
from keras_lwm.rgbd_folder.guess import guess_layout
from keras_lwm.rgbd_folder.labels import VOID_INDEX
from keras_lwm.rgbd_folder.splits import SCORED_SPLITS


def check_folder(
    folder,
    *,
    layout: str | None = None,
    size: tuple[int, int] | None = None,
    unusual_depth: bool = False,
    num_examples: int = 8,
    **options,
) -> Report:
    """Reads every frame of a folder of RGB-D frames, and reports all that is wrong with it.

    Args:
        folder: as of `RgbdFolder`.
        layout, size, unusual_depth, **options: as of `RgbdFolder`. Where none of layout, rgb, label
            and depth is given, the layout that fits the names of most files is taken; where
            depth_unit, first_id or void_ids are not, what fits most files.
        num_examples: how many frames to lend for a look at.

    Raises:
        ValueError: if there is no such folder, or an option is none that a folder can have.
    """
    check_size(size)
    layout, notes = _layout(folder, layout, options)
    options = folder_options(layout, **options)
    if options.unlabelled in SCORED_SPLITS:
        raise ValueError(
            "Expected --unlabelled as a split to train on, such as train; received "
            f"{options.unlabelled!r}."
        )
    source = FolderSource(folder, options, size)
    source.require_unit()
    tally = _look(source)
    reading, doubts = _infer(options, source, tally.frames)
    has_depth = any(facts.has_depth for facts in tally.frames)
    # Of all lists, a folder without depth for its training has been found at once.
    if not has_depth and options.splits is not None:
        message = f"No frame of {source.where} has depth"
        if options.depth_unit is not None:
            message = f"depth_unit={options.depth_unit:g} was given, but no frame has depth"
            source.errors.append(Finding(LISTS, source.where, f"{message} in {source.where}."))
        else:
            message += ": a network can be scored on these frames, not trained with depth on them."
            source.warnings.append(Finding(NO_DEPTH, source.where, message))
    source.warnings += [Finding(AMBIGUOUS, source.where, doubt) for doubt in doubts]
    source.notes[:0] = notes
    given = Given(layout, options, size, unusual_depth)
    return _report(source, tally, reading, unusual_depth, num_examples, given)


def _layout(folder, layout, options) -> tuple[str | None, list[str]]:
    """The layout that is given, or guessed, and what there is to be said of it."""
    folder = Path(folder).expanduser()
    said = layout is not None or any(options.get(kind) for kind in ("rgb", "label", "depth"))
    if said or not folder.is_dir():
        return layout, []
    guess = guess_layout(folder)
    if guess.layout is None:
        return None, []
    return guess.layout, [
        f"The names of the files fit the layout {guess.layout}: {guess.images} images, "
        f"{guess.labels} of them with a label, {guess.depths} with depth."
    ]


def _infer(options, source, frames) -> tuple[Reading, list[str]]:
    """How the files are read, and sentences on other ways that they may be meant."""
    doubts = []
    labels = [facts.label.ids for facts in frames if facts.label is not None]
    depths = [facts.depth for facts in frames if facts.depth is not None]
    depth_unit = options.depth_unit
    inferred = [
        name
        for name, there in (
            ("depth_unit", depths and not source.facts_in_metres),
            ("first_id", labels and not source.labels_say_classes),
            ("void_ids", labels and not source.labels_say_classes),
        )
        if getattr(options, name) is None and there
    ]
    num_classes = len(source.class_names)
    if source.labels_say_classes:
        first_id, void_ids, rival = 0, (VOID_INDEX,), ""
    else:
        first_id, void_ids, rival = infer_label_ids(
            labels, num_classes, options.first_id, options.void_ids
        )
    if rival:
        doubts.append(f"The labels of {source.where} fit {rival} as well.")
    if "depth_unit" in inferred:
        medians = [(depth.is_counted, depth.median) for depth in depths if depth.measured]
        depth_unit, doubt = infer_depth_unit(
            [median for counted, median in medians if counted],
            [median for counted, median in medians if not counted],
        )
        if doubt:
            doubts.append(f"The unit of depth in {source.where} is a guess: {doubt}.")
    reading = Reading(
        depth_unit,
        first_id,
        tuple(void_ids),
        tuple(inferred),
        source.facts_in_metres,
        source.labels_say_classes,
    )
    return reading, doubts


def check_builder(
    builder: tfds.core.DatasetBuilder, *, unusual_depth: bool = False, num_examples: int = 8
) -> Report:
    """The same for every frame of a prepared data set, and counts beside the official ones.

    Args:
        builder: of samples in the library's form, prepared. If its class has `OFFICIAL_NUMBERS`,
            split -> frames, another number is an error.
        unusual_depth: accept frames with a median depth below 0.1 m or above 80 m.
        num_examples: how many frames to lend for a look at.

    Raises:
        ValueError: if it is not prepared, or its samples are not in the library's form.
    """
    source = PreparedSource(builder)
    return _report(source, _look(source), source.reading, unusual_depth, num_examples, given=None)


def _look(source) -> Tally:
    tally = Tally()
    # Decoding does not hold Python's lock, so threads are enough.
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        facts_of_frames = pool.map(source.facts, range(len(source)))
        text = f"Checking {source.name}"
        with ProgressBar(facts_of_frames, text, "frames", len(source)) as shown:
            for facts in shown:
                tally.add(facts)
    finally:
        pool.shutdown(cancel_futures=True)
    return tally


def _report(source, tally, reading, unusual_depth, num_examples, given) -> Report:
    errors, warnings = list(source.errors), list(source.warnings)
    frames, num_classes = tally.frames, len(source.class_names)
    errors += [Finding(*error) for facts in frames for error in facts.errors]
    if num_classes:
        errors += judge.outside_ids(frames, reading, num_classes)
        split = "train" if given is None else given.options.unlabelled or "train"
        split = split if split in source.frame_numbers else None
        labelled = tally.labelled_classes(reading, num_classes, split)
        where = "training frame" if split else "frame"
        warnings += judge.unused_classes(source.class_names, labelled, where)
    warnings += judge.unlabelled(frames, reading)
    warnings += judge.grey_images(frames)
    for is_error, finding in (
        *judge.other_sizes(frames, given is not None and given.options.alignment() is not None),
        *depth_findings(frames, reading, unusual_depth),
        *judge.shared_frames(frames),
    ):
        (errors if is_error else warnings).append(finding)
    return Report(
        source.title,
        source.where,
        None if given is None else reading,
        given,
        source.notes,
        errors,
        warnings,
        tally.statistics(reading, source.class_names, source.frame_numbers),
        source.class_names,
        source.palette,
        spread_examples(
            source, frames, reading, {finding.file for finding in errors}, num_examples
        ),
    )
