"""The rows of the ablation: what each one trains, and on what curriculum.

Every row starts from one network with all heads, built from its seed, and keeps the outputs that it
trains: so what two rows share begins at the same values.
"""

import dataclasses

PLAIN = {"start": 1.0, "end": 1.0}


@dataclasses.dataclass(frozen=True)
class Row:
    """What one row trains.

    Args:
        weighting: a name out of `keras_lwm.mining`.
        options: of the weighting, beside those of the whole ablation.
        sides, depth: whether the side outputs and the depth branch are trained.
        curriculum: whether the coefficient follows the ablation's curriculum; else it is 1.
    """

    weighting: str
    options: dict = dataclasses.field(default_factory=dict)
    sides: bool = True
    depth: bool = True
    curriculum: bool = False


BASELINE = "multi_task"
METHOD = "full"

ROWS = {
    "cross_entropy": Row("uniform", sides=False, depth=False),
    "side_outputs": Row("uniform", depth=False),
    "multi_task": Row("uniform"),
    "dpe": Row("lwm", {"alpha": 1.0, "beta": 0.0}),
    "dse_window": Row("lwm", {"alpha": 0.0, "beta": 1.0, "gathering": "window"}),
    "dse_binned": Row("lwm", {"alpha": 0.0, "beta": 1.0, "gathering": "binned"}),
    "both": Row("lwm"),
    "full": Row("lwm", curriculum=True),
    "focal": Row("focal"),
    "ohem": Row("ohem"),
    "pixel_error": Row("pixel_error"),
    "error_window": Row("error_window"),
    "class_error": Row("lwm", {"alpha": 0.0, "beta": 1.0, "gathering": "binned", "bins": 1}),
    "shuffled": Row("shuffled", curriculum=True),
}

# Options that a weighting of this name takes from those of the whole ablation.
_HARDNESS = ("strength", "floor", "ceiling")
_LWM = (
    *_HARDNESS,
    "alpha",
    "beta",
    "gathering",
    "window",
    "dilation",
    "tau",
    "bins",
    "depth_range",
    "momentum",
)
TAKES = {
    "uniform": (),
    "lwm": _LWM,
    "shuffled": _LWM,
    "focal": ("gamma",),
    "ohem": ("threshold", "min_share"),
    "pixel_error": _HARDNESS,
    "error_window": (*_HARDNESS, "window", "dilation"),
}


def weighting_options(row, options, seed):
    """The options with which a row's weighting is built: the ablation's, overruled by the row's."""
    chosen = {name: options[name] for name in TAKES[row.weighting] if options[name] is not None}
    chosen |= row.options
    if row.weighting == "shuffled":
        chosen["seed"] = seed
    return chosen


def curriculum_options(row, options):
    """The options of the row's `CurriculumCallback`."""
    if not row.curriculum:
        return PLAIN
    names = ("start", "end", "over", "shape")
    return {name: options[name] for name in names if options[name] is not None}
