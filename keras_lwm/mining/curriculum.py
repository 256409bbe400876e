"""The curriculum: the plain loss, or easy pixels, first; hard pixels later."""

import math

import keras

from keras_lwm.option_values import real

SHAPES = ("linear", "cosine", "step")


def curriculum_coefficient(epoch, epochs, start=0.0, end=1.0, over=0.5, shape="linear") -> float:
    """The coefficient c of an epoch: from `start` to `end` over the first share `over` of them.

    Args:
        epoch: index of the epoch, from 0.
        epochs: number of epochs of the whole run.
        start: c of epoch 0; 0 is the plain loss, -1 puts easy pixels first.
        end: c once the first `over * epochs` epochs are done.
        over: share of the epochs, in [0, 1]; 0 = `end` from the beginning.
        shape: `"linear"`, `"cosine"` (slow, fast, slow) or `"step"` (`start`, then `end` from the
            middle of that stretch).
    """
    progress = min(1.0, epoch / (over * epochs)) if over > 0 else 1.0
    if shape == "cosine":
        progress = (1.0 - math.cos(math.pi * progress)) / 2.0
    elif shape == "step":
        progress = float(progress >= 0.5)
    return start + (end - start) * progress


class CurriculumCallback(keras.callbacks.Callback):
    """Sets the weighting's `coefficient` at the start of each epoch, and logs it.

    The schedule depends on the epoch's number and the run's number of epochs alone (see
    `curriculum_coefficient`), so a run that goes on with `initial_epoch` goes on rightly. The model
    must have a `weighting` with a `coefficient`, as `DepthPrivilegedModel` has.

    Args:
        start, end, over, shape: see `curriculum_coefficient`.
    """

    def __init__(self, start=0.0, end=1.0, over=0.5, shape="linear"):
        super().__init__()
        if shape not in SHAPES:
            raise ValueError(f"Expected shape to be one of {SHAPES}; received shape={shape!r}.")
        self.start = real("start", start, least=-math.inf)
        self.end = real("end", end, least=-math.inf)
        self.over = real("over", over, most=1.0)
        self.shape = shape

    def _coefficient(self):
        weighting = getattr(self.model, "weighting", None)
        coefficient = getattr(weighting, "coefficient", None)
        if coefficient is None:
            raise ValueError(
                "CurriculumCallback needs a model whose `weighting` has a `coefficient`, such as "
                f"keras_lwm.DepthPrivilegedModel; received {type(self.model).__name__}."
            )
        return coefficient

    def on_epoch_begin(self, epoch, logs=None) -> None:
        self._coefficient().assign(
            curriculum_coefficient(
                epoch, self.params["epochs"], self.start, self.end, self.over, self.shape
            )
        )

    def on_epoch_end(self, epoch, logs=None) -> None:
        if logs is not None:
            logs["coefficient"] = float(keras.ops.convert_to_numpy(self._coefficient()))
