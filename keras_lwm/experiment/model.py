"""From a run's options to a model that is ready to train, and its training.

Options are a flat dictionary of plain values, named as on the command line. The groups below say
what each one is an argument of. One that is absent or None is not passed on: then the library's own
default holds.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import keras

from keras_lwm import mining
from keras_lwm.augmentation import Augmentation
from keras_lwm.depth_input import sees_depth
from keras_lwm.networks import RefineNet
from keras_lwm.networks.rgbd import usual_focal_length
from keras_lwm.training import DepthPrivilegedModel, PolynomialDecay, ProgressLine

NETWORK = (
    *("backbone", "variant", "weights", "frozen_batch_norm", "channels", "initial_depth"),
    "depth_input",
)
"""Options of `RefineNet`."""

WEIGHTING = (
    *("strength", "floor", "ceiling"),
    *("alpha", "beta", "gathering", "window", "dilation", "tau", "bins", "depth_range", "momentum"),
    *("gamma", "threshold", "min_share"),
)
"""Options of the weightings, each of some of them."""

OBJECTIVE = (
    *("side_weight", "depth_weight", "depth_loss", "l2", "distillation_weight"),
    *("max_skipped_steps", "unusual_depth"),
)
"""Options of `DepthPrivilegedModel`."""

OF_DEPTH_BRANCH = ("depth_weight", "depth_loss")
"""Those of them that are of predicted depth."""

OPTIMIZER = ("optimizer", "learning_rate", "schedule", "warm_up", "weight_decay")
"""Options of `new_optimizer`."""

CURRICULUM = ("start", "end", "over", "shape")
"""Options of `CurriculumCallback`."""

AUGMENTATION = ("crop", "scale")
FIT = ("epochs",)


def given(options: Mapping, group: Iterable[str]) -> dict:
    """The options of a group, such as `NETWORK`, that have a value."""
    return {name: options[name] for name in group if options.get(name) is not None}


def new_model(
    options: Mapping,
    num_classes: int,
    steps: int,
    teacher: keras.Model | None = None,
    frame_size: tuple[int, int] | None = None,
) -> DepthPrivilegedModel:
    """RefineNet with its objective and optimiser, ready for `fit`.

    Args:
        options: those of the groups above, `precision`, `seed`, `weighting` and `encoder_rate`.
        num_classes: number of classes.
        steps: of the whole training, for the learning rate's schedule.
        teacher: of `DepthPrivilegedModel`.
        frame_size: (height, width) of whole frames, for a network that sees depth.

    Raises:
        ValueError: options that do not go together.
    """
    weighting = new_weighting(options["weighting"], options)
    depth_options = {}
    if options.get("depth_input"):
        if weighting.uses_depth_prediction:
            raise ValueError(
                "Expected a weighting that needs no predicted depth, such as uniform, for a "
                f"network that sees depth; received {options['weighting']!r}."
            )
        unused = given(options, OF_DEPTH_BRANCH)
        if unused:
            raise ValueError(
                "Expected no options of a depth branch, which a network that sees depth has not; "
                f"received {', '.join(unused)}."
            )
        focal_length = None if frame_size is None else float(usual_focal_length(frame_size))
        depth_options = {"depth_branch": False, "focal_length": focal_length}
    if teacher is None and options.get("distillation_weight") is not None:
        raise ValueError(
            "distillation_weight is of what a teacher says; received "
            f"{options['distillation_weight']} and no teacher."
        )
    keras.utils.set_random_seed(options["seed"])
    with dtype_policy(options["precision"]):
        network = RefineNet(num_classes=num_classes, **depth_options, **given(options, NETWORK))
    multipliers = encoder_rates(network, options)
    return compiled_model(network, weighting, multipliers, options, steps, teacher)


def encoder_rates(network: keras.Model, options: Mapping) -> dict[str, float]:
    """The learning rate of a network's encoders, that of depth too, beside the decoder's."""
    names = ("backbone", "depth_backbone") if sees_depth(network) else ("backbone",)
    return dict.fromkeys(names, options["encoder_rate"])


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers that are built in the block have this dtype policy; after it, the one before holds."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def new_weighting(name: str, options: Mapping) -> mining.Weighting:
    """The weighting of this name with its options.

    Raises:
        ValueError: for an unknown name, or an option with a value that it does not take.
    """
    known = weighting_options(name, options)
    unknown = [option for option in given(options, WEIGHTING) if option not in known]
    if unknown:
        raise ValueError(
            f"Expected options that the weighting {name!r} takes; received {', '.join(unknown)}."
        )
    return mining.get(name, **known)


def weighting_options(name: str, options: Mapping) -> dict:
    """The options with a value that the weighting of this name takes; the others are left out."""
    config = mining.get(name).get_config()
    return given(options, [option for option in WEIGHTING if option in config])


def compiled_model(
    network: keras.Model,
    weighting: mining.Weighting,
    learning_rate_multipliers: Mapping[str, float],
    options: Mapping,
    steps: int,
    teacher: keras.Model | None = None,
) -> DepthPrivilegedModel:
    """A network's objective and optimiser, ready for `fit`; arguments as there and above."""
    model = DepthPrivilegedModel(
        network,
        weighting=weighting,
        learning_rate_multipliers=learning_rate_multipliers,
        teacher=teacher,
        **given(options, OBJECTIVE),
    )
    model.compile(new_optimizer(steps, **given(options, OPTIMIZER)))
    return model


def new_optimizer(
    steps: int,
    learning_rate: float,
    optimizer: str = "adamw",
    schedule: str = "cosine",
    warm_up: float = 0.05,
    weight_decay: float = 1e-4,
) -> keras.optimizers.Optimizer:
    """AdamW or SGD; the learning rate rises over a share of the steps, then falls to 0.

    Args:
        steps: of the whole training.
        learning_rate: at its highest.
        optimizer: "adamw", or "sgd" with a momentum of 0.9.
        schedule: "cosine" or "poly": how the learning rate falls.
        warm_up: share of the steps in which it rises first.
        weight_decay: decoupled from the gradient, a step at the learning rate.
    """
    rising = int(warm_up * steps)
    if schedule == "poly":
        rate = PolynomialDecay(learning_rate, steps, rising=rising)
    else:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - rising, warmup_target=learning_rate, warmup_steps=rising
        )
    if optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=weight_decay or None)
    return keras.optimizers.AdamW(rate, weight_decay=weight_decay)


def new_augmentation(options: Mapping) -> Augmentation:
    """The augmentation of the training frames, of the options `crop` and `scale`."""
    return Augmentation(**given(options, AUGMENTATION))


def fit(
    fit_model: Callable[..., keras.callbacks.History],
    batches,
    steps_per_epoch: int,
    options: Mapping,
    curriculum: Mapping[str, float | str],
    shows_progress: bool = True,
    best: tuple[float, int] | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    **settings,
) -> keras.callbacks.History:
    """Trains a model; every training of a recipe goes through here.

    Args:
        fit_model: what trains it: its `fit`, or a run folder's that keeps the training.
        batches: endless training batches, as `fit_model` takes them.
        steps_per_epoch: how many of them make an epoch.
        options: those of `FIT`.
        curriculum: arguments of `CurriculumCallback`.
        shows_progress: whether to show how far it is.
        best: for that, see `ProgressLine`.
        callbacks: further ones.
        **settings: further arguments of `fit_model`.
    """
    return fit_model(
        batches,
        steps_per_epoch=steps_per_epoch,
        callbacks=[
            mining.CurriculumCallback(**curriculum),
            *([ProgressLine(best)] if shows_progress else []),
            *callbacks,
        ],
        verbose=0,
        **given(options, FIT),
        **settings,
    )
