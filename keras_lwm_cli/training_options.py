"""The command-line options that the recipes share.

They are here and not in `keras_lwm` because importing anything of that imports Keras, and a command
has to choose the backend first. An option left at None is not passed on: then the library's own
default holds.
"""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from keras_lwm_cli.running import backend_option, start_processes

WEIGHTING = {
    "strength": (float, "Exponent of the hardness (lwm), share of the method (focal, ohem)."),
    "floor": (float, "Least weight, before the scaling to mean 1."),
    "ceiling": (float, "Greatest weight, before the scaling to mean 1."),
    "alpha": (float, "Exponent of the depth prediction error."),
    "beta": (float, "Exponent of the depth-aware segmentation error."),
    "gathering": (
        click.Choice(["binned", "distance", "window"]),
        "Where errors are gathered from.",
    ),
    "window": (int, "Pixels along a side of the window."),
    "dilation": (int, "Distance of the window's pixels."),
    "tau": (float, "Width of the window in log depth."),
    "bins": (int, "Number of depth bins."),
    "depth_range": ((float, float), "Metres that the bins cover."),
    "momentum": (float, "Of the running means of the bins."),
    "gamma": (float, "Exponent of focal."),
    "threshold": (float, "Error above which ohem keeps a pixel."),
    "min_share": (float, "Least share of the pixels that ohem keeps."),
}
OBJECTIVE = {
    "side_weight": (float, "Factor of each side output's loss."),
    "depth_weight": (float, "Factor of the depth loss."),
    "depth_loss": (click.Choice(["berhu", "log_l1", "scale_invariant"]), "Loss of depth."),
    "distillation_weight": (float, "Factor of the divergence from the teacher's classes."),
    "l2": (float, "Share of each weight in its gradient, the decay of the published schedules."),
    "max_skipped_steps": (int, "Invalid steps in a row that end the run."),
    "unusual_depth": (bool, "Whether depth that does not look like metres is right."),
}
CURRICULUM = {
    "start": (float, "Coefficient of the first epoch; -1 = easy pixels first."),
    "end": (float, "Coefficient at the end of the curriculum."),
    "over": (float, "Share of the epochs that the curriculum takes."),
    "shape": (click.Choice(["linear", "cosine", "step"]), "Of the curriculum."),
}
NETWORK = {
    "backbone": (str, "A name out of keras_lwm.networks.BACKBONES, or hub:PRESET."),
    "variant": (click.Choice(["full", "light"]), "Of RefineNet."),
    "weights": (str, "imagenet, preset (hub:), or a file; random where not given."),
    "frozen_batch_norm": (bool, "Whether the backbone's batch statistics stay."),
    "channels": (int, "Width of the decoder."),
    "initial_depth": (float, "Metres, a typical depth of the scenes."),
    "depth_input": (bool, "Whether the network sees depth, in predicting too, as a teacher may."),
}
OPTIMIZER = {
    "optimizer": (click.Choice(["adamw", "sgd"]), "sgd has a momentum of 0.9."),
    "learning_rate": (float, "Of the decoder, at its highest."),
    "schedule": (click.Choice(["cosine", "poly"]), "How the learning rate falls to 0."),
    "warm_up": (click.FloatRange(0, 0.5), "Share of the steps in which it rises first."),
    "weight_decay": (float, "Decoupled from the gradient, a step at the learning rate."),
}
AUGMENTATION = {
    "crop": ((int, int), "Height and width that are trained on."),
    "scale": ((float, float), "Range of the random scale."),
}
FIT = {
    "epochs": (click.IntRange(1), "Number of epochs."),
}
RUN = {
    "batch_size": (click.IntRange(1), "Images a step."),
    "encoder_rate": (float, "Learning rate of the backbone, relative to the decoder's."),
    "precision": (click.Choice(["float32", "mixed_float16", "mixed_bfloat16"]), "Keras dtypes."),
    "seed": (int, "Of weights, order and augmentation."),
    "teacher": (str, "Run folder or .keras file of a network whose classes are learnt too."),
    "weighting": (str, "lwm, uniform, focal, ohem, pixel_error, error_window or shuffled."),
}
SHARED = {
    **FIT,
    **RUN,
    **AUGMENTATION,
    **OPTIMIZER,
    **NETWORK,
    **OBJECTIVE,
    **CURRICULUM,
    **WEIGHTING,
}
NOT_OF_THE_RUN = (
    *("backend", "devices", "out", "resume", "save_every", "keep_last"),
    *("data_dir", "manual_dir"),
)
_NOT_TYPED = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)


def shared_options(defaults: Mapping) -> Callable:
    """Adds the options named in `defaults`, out of those above, with these default values."""
    unknown = sorted(set(defaults) - set(SHARED))
    if unknown:
        raise TypeError(f"Expected names of shared options; received {', '.join(unknown)}.")
    return _adds(
        click.option(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=defaults[name],
            help=text,
            show_default=True,
        )
        for name, (kind, text) in SHARED.items()
        if name in defaults
    )


def training_options(settings: Mapping | None = None, *, out: str, **defaults) -> Callable:
    """Adds all shared options to a recipe's command, and those of every run.

    Args:
        settings: where there are any, a dictionary from the name of a whole setting to its values;
            `--setting` chooses one, the first if not given, and other options overrule it.
        out: the run's folder, if not given.
        **defaults: the recipe's own values.
    """
    of_every_run = [
        backend_option,
        click.option(
            "--devices",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="GPUs, or parts of the CPU, that share each batch.",
        ),
        click.option("--out", type=click.Path(), default=out, show_default=True),
        click.option("--resume", is_flag=True, help="Go on with the run in --out."),
        click.option(
            "--save-every",
            default="10m",
            show_default=True,
            metavar="N|Nm",
            help="Steps, or minutes, after which to save within an epoch; its end is saved anyway.",
        ),
        click.option(
            "--keep-last",
            type=click.IntRange(1),
            default=3,
            show_default=True,
            help="How many of these checkpoints to keep.",
        ),
        click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data."),
    ]
    if settings:
        of_every_run.insert(0, setting_option(settings))
    shared = shared_options({**dict.fromkeys(SHARED), **defaults})
    return _adds([*of_every_run, shared])


def _adds(decorators):
    decorators = list(decorators)

    def decorate(command):
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def setting_option(settings: Mapping) -> Callable:
    """Adds `--setting`, one of these names, the first if not given.

    Args:
        settings: {name: {option: value}}; the values are those of options that are not given.
    """

    def choose(context, _, name):
        context.default_map = settings[name]
        return name

    return click.option(
        "--setting",
        type=click.Choice(list(settings)),
        default=next(iter(settings)),
        show_default=True,
        is_eager=True,
        callback=choose,
        help="Values for the options that are not given.",
    )


def open_run(context: click.Context) -> Any:
    """The run's `RunFolder`: a new one, or with --resume the one that is there.

    Where each device needs a process of its own, and this is none of them, they are started, and
    take the place of this one.

    Its options are those that make a run what it is; with --resume, those that the user typed,
    which must be the recorded ones.
    """
    from keras_lwm.devices import make_devices, process_of_environment
    from keras_lwm.experiment import teacher_file
    from keras_lwm.run_folder import RunFolder

    if context.params.get("teacher") is not None:
        teacher_file(context.params["teacher"])  # Before data is prepared for hours.
    start_processes(context.params["devices"])
    make_devices(context.params["devices"])  # Data sets compute something before training does.

    resume = context.params["resume"]
    options = {
        name: value
        for name, value in context.params.items()
        if name not in NOT_OF_THE_RUN
        and not (resume and context.get_parameter_source(name) in _NOT_TYPED)
    }
    moved = options.pop("teacher", None) if resume else None
    saving = {name: context.params[name] for name in ("save_every", "keep_last")}
    process = process_of_environment()
    command = shlex.join(["python", *sys.argv])
    run = RunFolder(
        context.params["out"], options, resume, process=process, command=command, **saving
    )
    if resume and run.options.get("teacher") != moved:
        _find_teacher(run, moved)
    return run


def _find_teacher(run, moved):
    """Where the teacher of a resumed run lies now, which must be the same: see `train`."""
    from keras_lwm.experiment import teacher_file

    recorded = run.options.get("teacher")
    if recorded is None:
        raise ValueError(f"The run in {run.path} was started without a teacher; received {moved}.")
    if moved is not None:
        run.options["teacher"] = moved
        return
    try:
        teacher_file(recorded)
    except ValueError as error:
        raise ValueError(f"{error} If it was moved, say where to by --teacher.") from error


def typed_command(context: click.Context, script: str, folder: str, without: tuple = ()) -> str:
    """The command with the options that were typed, in their order, for whoever repeats it.

    Args:
        context: of a command that has options alone.
        script: what is run by `python`.
        folder: name of the option whose value becomes FOLDER where it is one, wherever it lies.
        without: names of options to leave out.
    """
    declared = {option.name: option for option in context.command.params}
    words = ["python", script]
    for name, value in context.params.items():
        if name in without or context.get_parameter_source(name) != ParameterSource.COMMANDLINE:
            continue
        option = declared[name]
        if name == folder and Path(value).is_dir():
            value = "FOLDER"
        for one in value if option.multiple else [value]:
            words.append(option.opts[0])
            if not option.is_flag:
                words.extend(str(part) for part in (one if isinstance(one, tuple) else [one]))
    return " ".join(words)
