"""`keras-lwm evaluate`: scores of a model file on a data set."""

from pathlib import Path

import click

from keras_lwm_cli.dataset_options import dataset_options, open_dataset
from keras_lwm_cli.folder_options import given_folder_options, given_options
from keras_lwm_cli.running import (
    backend_option,
    in_a_sentence,
    memory_options,
    notes_on_large_images,
    use_backend,
)


@click.command()
@click.argument("model", type=click.Path())
@dataset_options
@click.option("--split", help="Which frames; else those that the run scored, or test.")
@click.option(
    "--view",
    type=click.Choice(["single-scale", "multi-scale", "sliding-window"]),
    default="single-scale",
    show_default=True,
    help="How the network sees a frame.",
)
@click.option("--window", type=(int, int), help="Height and width of the sliding window.")
@click.option(
    "--boundary",
    type=float,
    multiple=True,
    help="Also score the pixels this near a boundary; may be repeated.",
)
@click.option(
    "--depth-ranges", is_flag=True, help="Also score 0-2, 2-4, 4-6 and from 6 m of depth."
)
@click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False), help="Folder for the scores as files."
)
@memory_options
@backend_option
@in_a_sentence
def evaluate(
    model,
    split,
    view,
    window,
    boundary,
    depth_ranges,
    out,
    max_memory,
    longest_side,
    backend,
    **dataset,
) -> None:
    """Scores MODEL on the data set NAME, NAME/CONFIG, or the frames of FOLDER.

    MODEL is a run folder, a .keras file, a SavedModel folder, or an ONNX, LiteRT or OpenVINO file;
    exported files are scored in single scale alone, and so are networks that see depth. The FOLDER
    that a run folder was trained on is read as it was then, unless options say how.
    """
    if (window is None) == (view == "sliding-window"):
        raise click.UsageError("--view sliding-window needs --window, and no other view takes it.")
    use_backend(backend)
    from keras_lwm import evaluation
    from keras_lwm.pipeline import evaluation_dataset
    from keras_lwm.progress_bar import ProgressBar

    views = {
        "single-scale": evaluation.SingleScale,
        "multi-scale": evaluation.MultiScale,
        "sliding-window": lambda: evaluation.SlidingWindow(window),
    }
    subsets = [evaluation.TrimapBand(width) for width in boundary]
    network = _opened(model, max_memory)
    dataset, split = _read_as_trained(model, dataset, split)
    builder = open_dataset(**dataset)
    class_names = builder.info.metadata["class_names"]
    progress = ProgressBar(evaluation_dataset(builder, split), "Evaluating", "frames")
    with notes_on_large_images(), progress as frames:
        scores = evaluation.evaluate(
            network,
            frames,
            len(class_names),
            class_names,
            view=views[view](),
            subsets=[*subsets, *(evaluation.DEPTH_RANGES if depth_ranges else ())],
            unusual_depth=dataset["unusual_depth"],
            progress=False,
            max_memory=max_memory,
            longest_side=longest_side,
        )
    click.echo(evaluation.text_table(scores), nl=False)
    if out is not None:
        about = {"model": model, "dataset": builder.info.full_name, "split": split, "view": view}
        for path in evaluation.write_report(out, {"evaluated": about, **scores}):
            click.echo(f"wrote {path}")


def _opened(model, max_memory):
    """What predicts: a `Predictor`; of a network that sees depth, which has none, the network."""
    from keras_lwm import Predictor
    from keras_lwm.deployment.inference_network import load_in_float32
    from keras_lwm.networks.segmenter import SeesDepthError
    from keras_lwm.run_folder import find_run_model
    from keras_lwm.run_folder.models import read_description

    try:
        return Predictor(model, max_memory=max_memory)
    except ValueError as error:
        if not isinstance(error.__cause__, SeesDepthError):
            raise
    path = find_run_model(model) or model
    network = load_in_float32(path, str(path))
    network.description = read_description(path)  # With it, classes are compared by name.
    return network


def _read_as_trained(model, dataset, split):
    """The options of a data set, of a run's own folder those of the run where others are not given.

    Args:
        model: perhaps the folder of a run of a folder of frames.
        dataset: see `open_dataset`.
        split: to be scored; None: the run's own, or test.

    Returns:
        The options, and the split.
    """
    from keras_lwm.run_folder.same_run import read_options

    file = Path(model) / "options.json"
    recorded = read_options(file, {}) if file.is_file() else {}
    folder = recorded.get("folder")
    same = folder is not None and Path(folder).resolve() == Path(dataset["dataset"]).resolve()
    names = ("train_split", "validation_split", "test_split")
    if not same or not all(name in recorded for name in names):
        return dataset, split or "test"
    split = split or recorded["test_split"]
    options = given_options({name: recorded.get(name) for name in ("size", "unusual_depth")})
    options |= given_folder_options(recorded)
    if "draw_splits" not in options:
        splits = (*(recorded[name] for name in names), split)
        options["splits"] = tuple(dict.fromkeys(splits))
    said = " ".join(f"{name}={value!r}" for name, value in options.items())
    click.echo(f"{folder} is read as {model} was trained on it: {said}", err=True)
    return {**dataset, **options, **given_options(dataset)}, split
