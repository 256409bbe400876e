"""What is shown of a training: its state, as a block of lines, and as one line."""

import dataclasses
import math
import re

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from keras_lwm.live_block import clock

_SIDE = re.compile(r"side_\d+_loss")


@dataclasses.dataclass
class State:
    """What is known of a training. None: not known, or not yet.

    Attributes:
        epochs: number of epochs of the whole training.
        epoch: the one that is trained, from 1.
        steps: how many an epoch has.
        step: how many of them are done.
        first_step: how many of them were done before this process went on with the epoch.
        doing: "training", "validating" or "saving".
        validation_batches, validation_batch: how many there are, and are done.
        logs: of the epoch so far; with what it ended in, once it has.
        frames_per_second: without an epoch's first step, which may compile.
        epoch_left, run_left: seconds that the epoch, and all epochs, take from now on.
        at_least: whether they leave out what follows an epoch's steps, as validation.
        epoch_seconds: how long the whole epoch took.
        validated: the validation's mIoU of the epoch before; of this one, once it has ended.
        best: the highest of these, and the epoch that it belongs to.
        memory: gigabytes, by where.
    """

    epochs: int
    epoch: int = 1
    steps: int | None = None
    step: int = 0
    first_step: int = 0
    doing: str = "training"
    validation_batches: int | None = None
    validation_batch: int = 0
    logs: dict = dataclasses.field(default_factory=dict)
    frames_per_second: float | None = None
    epoch_left: float | None = None
    run_left: float | None = None
    at_least: bool = True
    epoch_seconds: float = 0.0
    validated: float | None = None
    best: tuple[float, int] | None = None
    memory: dict = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Which epoch it is, as wide for each."""
        return f"epoch {self.epoch:{len(str(self.epochs))}}/{self.epochs}"


def progress_block(state: State) -> RenderableType:
    """The lines of a terminal, of 60 columns or more."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=1)
    table.add_row(state.name, _bar(state))
    table.add_row("time left", _time_left(state))
    table.add_row("loss", _losses(state.logs))
    table.add_row("mIoU", _scores(state))
    coefficient = _number(state.logs.get("coefficient"), ".2f")
    rate = _number(state.logs.get("learning_rate"), ".2g")
    table.add_row("curriculum", f"{coefficient}, learning rate {rate}")
    table.add_row("speed", ", ".join([_speed(state), *_memory(state)]))
    if state.logs.get("skipped_steps"):
        table.add_row("skipped", f"{_skipped(state)}: loss or gradients were not finite")
    return table


def epoch_line(state: State, width: int) -> str:
    """What an epoch came to; of fewer columns, with less."""
    logs = state.logs
    scores = f"mIoU {_percent(logs.get('mean_iou'))}"
    if "val_mean_iou" in logs:
        scores += f", val {_percent(logs['val_mean_iou'])}"
    needed = [state.name, f"loss {_number(logs.get('loss'))}", scores]
    since = f" from step {state.first_step + 1}" if state.first_step else ""
    speed = [_speed(state)] if state.frames_per_second else []
    more = [*speed, f"{clock(state.epoch_seconds)}{since}"]
    end = ["best"] if state.best and state.best[1] == state.epoch else []
    if logs.get("skipped_steps"):
        end.insert(0, f"skipped {_skipped(state)}")
    while more and len("  ".join([*needed, *more, *end])) > width:
        more.pop()
    return "  ".join([*needed, *more, *end])


def minute_line(state: State) -> str:
    """How far it is, for a log."""
    if state.doing != "training":
        return f"{state.name}: {_bar_text(state)}"
    parts = [f"loss {_number(state.logs.get('loss'))}"]
    parts += [f"mIoU {_percent(state.logs.get('mean_iou'))}", _speed(state)]
    if state.epoch_left is not None:
        parts.append(f"left {_time_left(state)}")
    return f"{state.name}, {_bar_text(state)}: {', '.join(parts)}"


def _bar(state):
    row = Table.grid(padding=(0, 2), expand=True)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True)
    total, completed = state.steps, state.step
    if state.doing == "validating":
        total, completed = state.validation_batches, state.validation_batch
    # Without a total, rich's bar would move by the clock.
    bar = ProgressBar(total, completed) if total else ""
    row.add_row(bar, _bar_text(state))
    return row


def _bar_text(state):
    if state.doing == "saving":
        return "saving"
    if state.doing == "validating":
        of = f"/{state.validation_batches}" if state.validation_batches else ""
        return f"validating, batch {state.validation_batch}{of}"
    return f"step {state.step}/{state.steps or '?'}"


def _time_left(state):
    if state.epoch_left is None or state.run_left is None:
        return "-"
    more = "at least " if state.at_least else ""
    epoch, run = clock(state.epoch_left), clock(state.run_left)
    return f"{more}{epoch} of this epoch, {more}{run} of the run"


def _losses(logs):
    sides = [_number(value) for name, value in logs.items() if _SIDE.fullmatch(name)]
    parts = [f"segmentation {_number(logs.get('segmentation_loss'))}"]
    parts += [f"sides {' '.join(sides)}"] if sides else []
    parts += [f"depth {_number(logs['depth_loss'])}"] if "depth_loss" in logs else []
    return f"{_number(logs.get('loss'))}: {', '.join(parts)}"


def _scores(state):
    text = _percent(state.logs.get("mean_iou"))
    if state.validated is not None:
        text += f", validation {_percent(state.validated)}"
    if state.best is not None:
        value, epoch = state.best
        text += f", best {_percent(value)} after epoch {epoch}"
    return text


def _speed(state):
    return f"{_number(state.frames_per_second, '.1f')} frames/s"


def _memory(state):
    return [f"{where} {gigabytes:.1f} GB" for where, gigabytes in state.memory.items()]


def _skipped(state):
    number = round(state.logs["skipped_steps"])
    return f"{number} step{'s' if number > 1 else ''}"


def _number(value, form=".3f"):
    return "-" if value is None or not math.isfinite(value) else format(value, form)


def _percent(value):
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"
