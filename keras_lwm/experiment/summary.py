"""The end of a recipe: what the run came to, where everything is, and what can be done with it."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from keras_lwm.evaluation import classes_table, views_table
from keras_lwm.live_block import clock
from keras_lwm.run_folder import RunFolder
from keras_lwm.typed_commands import keras_lwm_command


def summary(run: RunFolder, model: Path, split: str, views: Mapping[str, Mapping]) -> str:
    """Lays out a run's end for a terminal.

    Args:
        run: trained, scored, and with its page.
        model: the path of the model that was scored.
        split: the frames that it was scored on.
        views: {name: what `evaluate` returned}; the classes are those of the first.
    """
    first = next(iter(views.values()))
    titles = {name.replace("_", " "): scores for name, scores in views.items()}
    blocks = [
        classes_table(first),
        f"{split}, frames: {first['frames']}, model: {model.name}\n\n{views_table(titles)}",
        _lines(_training(run)),
        _lines(_where(run, model)),
        _lines(_next(run)),
    ]
    return "\n" + "\n".join(filter(None, blocks))


def _lines(lines):
    return "".join(f"{line}\n" for line in lines)


def _training(run) -> Iterator[str]:
    begun, epochs = run.initial_epoch, run.options["epochs"]
    if run.seconds is not None and begun < epochs:
        # Nothing is known of the time before a run was resumed.
        resumed = begun or run.initial_step
        number = f"{epochs - begun} of {epochs}" if resumed else epochs
        yield f"Trained: {number} epoch{'s' if epochs > 1 else ''} in {clock(run.seconds)}"
    best = run.best
    if best is not None:
        yield f"Best: epoch {best['epochs']}, validation mIoU {100 * best['value']:.2f} %"


def _where(run, model):
    places = {
        run.page_path: "everything, to look at",
        model: "the model",
        run.scores_path: "all scores: by class, by distance, near boundaries",
        run.tensorboard_path: f"tensorboard --logdir {shlex.quote(str(run.tensorboard_path))}",
    }
    places = {str(path): text for path, text in places.items() if path.exists()}
    widest = max(map(len, places))
    return [f"{path:{widest}}  {text}" for path, text in places.items()]


def _next(run):
    folder = shlex.quote(str(run.path))
    if run.options.get("depth_input"):
        return [
            "Next: this network sees depth, and can teach one of images alone; add to the command,",
            f"without --depth-input and --weighting, another --out and --teacher {folder};",
            "with --unlabelled SPLIT it is learnt from on images without a label too.",
        ]
    exported = shlex.quote(f"{run.path.name}.onnx")
    command = keras_lwm_command()
    return [
        "Next:",
        f"  {command} predict {folder} photos/ --out predicted/",
        f"  {command} export {folder} --format onnx --out {exported}",
        f"  {command} report {folder} runs/another --out both.html",
    ]
