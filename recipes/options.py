"""The command-line options that the recipes share.

This imports no Keras, because the backend must be chosen before. An option left at None is not
passed on: then the library's own default holds.
"""

import click
from click.core import ParameterSource

from keras_lwm_cli.running import backend_option

WEIGHTING = {
    "strength": (float, "Exponent of the hardness (lwm), share of the method (focal, ohem)."),
    "floor": (float, "Least weight, before the scaling to mean 1."),
    "ceiling": (float, "Greatest weight, before the scaling to mean 1."),
    "alpha": (float, "Exponent of the depth prediction error."),
    "beta": (float, "Exponent of the depth-aware segmentation error."),
    "gathering": (click.Choice(["window", "binned"]), "Where the errors are gathered from."),
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
}
CURRICULUM = {
    "start": (float, "Coefficient of the first epoch; -1 = easy pixels first."),
    "end": (float, "Coefficient at the end of the curriculum."),
    "over": (float, "Share of the epochs that the curriculum takes."),
    "shape": (click.Choice(["linear", "cosine", "step"]), "Of the curriculum."),
}
NETWORK = {
    "backbone": (str, "A name out of keras_lwm.networks.BACKBONES."),
    "variant": (click.Choice(["full", "light"]), "Of RefineNet."),
    "weights": (str, "imagenet, or a file of weights; random where not given."),
    "frozen_batch_norm": (bool, "Whether the backbone's batch statistics stay."),
    "channels": (int, "Width of the decoder."),
    "initial_depth": (float, "Metres, a typical depth of the scenes."),
}
TRAINING = {
    "epochs": (click.IntRange(1), "Number of epochs."),
    "batch_size": (click.IntRange(1), "Images a step."),
    "crop": ((int, int), "Height and width that are trained on."),
    "scale": ((float, float), "Range of the random scale."),
    "optimizer": (click.Choice(["adamw", "sgd"]), "sgd has a momentum of 0.9."),
    "learning_rate": (float, "Of the decoder, at its highest."),
    "encoder_rate": (float, "Learning rate of the backbone, relative to the decoder's."),
    "schedule": (click.Choice(["cosine", "poly"]), "How the learning rate falls to 0."),
    "warm_up": (click.FloatRange(0, 0.5), "Share of the steps in which it rises first."),
    "weight_decay": (float, "Decoupled from the gradient, a step at the learning rate."),
    "l2": (float, "Share of each weight in its gradient, the decay of the published schedules."),
    "precision": (click.Choice(["float32", "mixed_float16", "mixed_bfloat16"]), "Keras dtypes."),
    "seed": (int, "Of weights, order and augmentation."),
    "weighting": (str, "lwm, uniform, focal, ohem, pixel_error, error_window or shuffled."),
}
SHARED = {**TRAINING, **NETWORK, **OBJECTIVE, **CURRICULUM, **WEIGHTING}
NOT_OF_THE_RUN = ("backend", "out", "resume", "data_dir", "manual_dir")
_NOT_TYPED = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)


def shared_options(defaults):
    """The click options named in `defaults`, out of those above, with these default values."""
    unknown = sorted(set(defaults) - set(SHARED))
    if unknown:
        raise TypeError(f"There are no options named {unknown}.")
    return [
        click.option(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=defaults[name],
            help=text,
            show_default=True,
        )
        for name, (kind, text) in SHARED.items()
        if name in defaults
    ]


def training_options(settings=None, **defaults):
    """Adds the shared options to a click command; `defaults` are the recipe's own values.

    `settings`, where there are any, is a dictionary from the name of a whole setting to its values;
    `--setting` chooses one, the first if not given, and other options overrule it.
    """
    options = [
        backend_option,
        click.option("--out", type=click.Path(), default=defaults.pop("out"), show_default=True),
        click.option("--resume", is_flag=True, help="Go on with the run in --out."),
        click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data."),
    ]
    options += shared_options({**dict.fromkeys(SHARED), **defaults})
    if settings:
        options.insert(0, _setting_option(settings))

    def decorate(command):
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _setting_option(settings):
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


def of_the_run(context, explicit=False):
    """The options that make a run what it is; `explicit`: only those the user typed."""
    return {
        name: value
        for name, value in context.params.items()
        if name not in NOT_OF_THE_RUN
        and not (explicit and context.get_parameter_source(name) in _NOT_TYPED)
    }


def given(options, group):
    """The options of a group, such as `WEIGHTING`, that have a value."""
    return {name: options[name] for name in group if options[name] is not None}
