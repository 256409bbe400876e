"""One way through a data set, whatever it comes from: look, infer, judge, sum up."""

import os
from concurrent.futures import ThreadPoolExecutor

import tensorflow_datasets as tfds

from keras_lwm.datasets.check import judge
from keras_lwm.datasets.check.facts import Tally
from keras_lwm.datasets.check.folder import FolderSource
from keras_lwm.datasets.check.judge import depth_findings
from keras_lwm.datasets.check.prepared import PreparedSource
from keras_lwm.datasets.check.reading import Reading, infer_depth_unit, infer_label_ids
from keras_lwm.datasets.check.report import AMBIGUOUS, LISTS, Finding, Report, spread_examples
from keras_lwm.datasets.progress import progress_bar
from keras_lwm.datasets.rgbd_folder.builder import check_arguments


def check_folder(
    folder,
    *,
    depth_unit: float | None = None,
    first_id: int | None = None,
    void_ids: tuple[int, ...] | None = None,
    splits: tuple[str, ...] | None = None,
    classes: str = "classes.txt",
    colours: str | None = None,
    size: tuple[int, int] | None = None,
    unusual_depth: bool = False,
    num_examples: int = 8,
) -> Report:
    """Reads every frame of a folder of RGB-D frames, and reports all that is wrong with it.

    Args:
        folder: in the layout of `RgbdFolder`.
        depth_unit, first_id, void_ids: as of `RgbdFolder`; where `None`, what fits most files.
        splits, classes, colours, size, unusual_depth: as of `RgbdFolder`.
        num_examples: how many frames to lend for a look at.

    Raises:
        ValueError: if there is no such folder, or an option is none that a folder can have.
    """
    check_arguments(depth_unit, size, splits)
    source = FolderSource(folder, splits, classes, colours, size)
    tally = _look(source)

    labels = [facts.label.ids for facts in tally.frames if facts.label is not None]
    depths = [facts.depth for facts in tally.frames if facts.depth is not None]
    inferred = [
        name
        for name, given, there in (
            ("depth_unit", depth_unit, depths),
            ("first_id", first_id, labels),
            ("void_ids", void_ids, labels),
        )
        if given is None and there
    ]
    first_id, void_ids, rival = infer_label_ids(labels, len(source.class_names), first_id, void_ids)
    # Of all lists, a folder without depth for its training has been found at once.
    if depth_unit is not None and not depths and splits is not None:
        message = f"depth_unit={depth_unit:g} was given, but no frame of {source.where} has depth."
        source.errors.append(Finding(LISTS, source.where, message))
    if depth_unit is None:
        medians = [(depth.is_png, depth.median) for depth in depths if depth.measured]
        depth_unit = infer_depth_unit(
            [median for is_png, median in medians if is_png],
            [median for is_png, median in medians if not is_png],
        )
    if rival:
        message = f"The labels of {source.where} fit {rival} as well."
        source.warnings.append(Finding(AMBIGUOUS, source.where, message))
    reading = Reading(depth_unit, first_id, tuple(void_ids), tuple(inferred))
    return _report(source, tally, reading, unusual_depth, num_examples, shown_reading=reading)


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
    return _report(
        source, _look(source), source.reading, unusual_depth, num_examples, shown_reading=None
    )


def _look(source) -> Tally:
    tally = Tally()
    # Decoding does not hold Python's lock, so threads are enough.
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        with progress_bar(f"Checking {source.name}", len(source)) as progress:
            for facts in pool.map(source.facts, range(len(source))):
                tally.add(facts)
                progress.update()
    finally:
        pool.shutdown(cancel_futures=True)
    return tally


def _report(source, tally, reading, unusual_depth, num_examples, shown_reading) -> Report:
    errors, warnings = list(source.errors), list(source.warnings)
    frames, num_classes = tally.frames, len(source.class_names)
    errors += [Finding(*error) for facts in frames for error in facts.errors]
    if num_classes:
        errors += judge.outside_ids(frames, reading, num_classes)
        split = "train" if "train" in source.frame_numbers else None
        labelled = tally.labelled_classes(reading, num_classes, split)
        where = "training frame" if split else "frame"
        warnings += judge.unused_classes(source.class_names, labelled, where)
    warnings += judge.unlabelled(frames, reading)
    warnings += judge.grey_images(frames)
    for is_error, finding in (
        *judge.other_sizes(frames),
        *depth_findings(frames, reading, unusual_depth),
        *judge.shared_frames(frames),
    ):
        (errors if is_error else warnings).append(finding)
    return Report(
        source.title,
        source.where,
        shown_reading,
        errors,
        warnings,
        tally.statistics(reading, source.class_names, source.frame_numbers),
        source.class_names,
        source.palette,
        spread_examples(
            source, frames, reading, {finding.file for finding in errors}, num_examples
        ),
    )
