"""The rows of the ablation: what each one trains, and on what curriculum.

Every row starts from one network with all heads, built from its seed, and keeps the outputs that it
trains: so what two rows share begins at the same values.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from keras_lwm.experiment import CURRICULUM, given, weighting_options

PLAIN = {"start": 1.0, "end": 1.0}


@dataclasses.dataclass(frozen=True)
class Row:
    """What one row trains.

    Args:
        weighting: a name out of `keras_lwm.mining`.
        options: of the weighting, over those of the whole ablation.
        sides, depth: whether the side outputs and the depth branch are trained.
        curriculum: whether the coefficient follows the ablation's curriculum; else it is 1.
        depth_input: whether the network sees depth, in scoring too.
        teacher: the row whose network of the same seed teaches this one; None: nobody does.
        controls: the rows that this one is set beside, as all are beside the baseline: the same
            without depth in its teacher, without any depth, or without its weighting; with another
            teacher; and mining without depth.
    """

    weighting: str
    options: dict = dataclasses.field(default_factory=dict)
    sides: bool = True
    depth: bool = True
    curriculum: bool = False
    depth_input: bool = False
    teacher: str | None = None
    controls: tuple[str, ...] = ()

    def weighting_options(self, options: Mapping, seed: int) -> dict:
        """The options with which the row's weighting is built; `options` are the ablation's."""
        seeded = {"seed": seed} if self.weighting == "shuffled" else {}
        return {**weighting_options(self.weighting, options), **self.options, **seeded}

    def curriculum_options(self, options: Mapping) -> dict:
        """The options of the row's `CurriculumCallback`; `options` are the ablation's."""
        return given(options, CURRICULUM) if self.curriculum else PLAIN

    def kept_outputs(self, outputs: Mapping) -> dict:
        """Those of a network's outputs that the row trains."""
        return {
            name: values
            for name, values in outputs.items()
            if name == "segmentation" or (self.sides if name.startswith("side") else self.depth)
        }


BASELINE = "multi_task"
"""The row that the others are compared with."""

METHOD = "full"
"""The row of the whole method."""

# The rivals are trained as published, whatever the strength of the method.
AS_PUBLISHED = {"strength": 1.0}
DSE = {"alpha": 0.0, "beta": 1.0}
BY_CLASS = {**DSE, "gathering": "binned", "bins": 1}

ROWS = {
    "cross_entropy": Row("uniform", sides=False, depth=False),
    "side_outputs": Row("uniform", depth=False),
    "multi_task": Row("uniform"),
    "dpe": Row("lwm", {"alpha": 1.0, "beta": 0.0}),
    "dse_window": Row("lwm", {**DSE, "gathering": "window"}, controls=("error_window",)),
    "dse_binned": Row("lwm", {**DSE, "gathering": "binned"}, controls=("class_error",)),
    "both": Row("lwm"),
    "full": Row("lwm", curriculum=True),
    "focal": Row("focal", AS_PUBLISHED),
    "ohem": Row("ohem", AS_PUBLISHED),
    "pixel_error": Row("pixel_error"),
    "error_window": Row("error_window"),
    "class_error": Row("lwm", BY_CLASS),
    "distance_error": Row("lwm", {**DSE, "gathering": "distance"}),
    "shuffled": Row("shuffled", curriculum=True),
    "teacher": Row("uniform", depth=False, depth_input=True),
    "distilled": Row(
        "uniform",
        teacher="teacher",
        controls=("distilled_blind", "self_trained", "class_error"),
    ),
    "distilled_blind": Row("uniform", teacher="side_outputs"),
    "distilled_full": Row(
        "lwm", curriculum=True, teacher="teacher", controls=("distilled", "class_error")
    ),
    "self_trained": Row("uniform", depth=False, teacher="side_outputs"),
    "teacher_2": Row("uniform", depth=False, depth_input=True, teacher="teacher"),
    "distilled_2": Row(
        "uniform", teacher="teacher_2", controls=("distilled_blind_2", "distilled", "class_error")
    ),
    "distilled_blind_2": Row("uniform", teacher="self_trained"),
    "distilled_blind_2_class_error": Row("lwm", BY_CLASS, teacher="self_trained"),
    "distilled_2_full": Row(
        "lwm",
        curriculum=True,
        teacher="teacher_2",
        controls=("distilled_2", "distilled_blind_2_class_error", "class_error"),
    ),
}
"""What each row trains, by its name; docs/ablation.md and docs/few_labels.md say what it is for."""


def uses_depth_features(row: str) -> bool:
    """Whether a row's network, or its teacher, sees depth."""
    teacher = ROWS[row].teacher
    return ROWS[row].depth_input or (teacher is not None and ROWS[teacher].depth_input)


def check_rows(rows: Iterable[str]) -> None:
    """Checks the names of rows, and that those which are taught have their teachers among them.

    Raises:
        ValueError: naming the rows that are none, or whose teacher is missing.
    """
    rows = list(rows)
    unknown = [row for row in rows if row not in ROWS]
    if unknown:
        raise ValueError(f"Expected rows among {', '.join(ROWS)}; received {', '.join(unknown)}.")
    for row in rows:
        teacher = ROWS[row].teacher
        if teacher is not None and teacher not in rows:
            raise ValueError(
                f"Expected the row that teaches {row} among the rows; {teacher} is missing."
            )
