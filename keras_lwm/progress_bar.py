"""A bar with the time left, over anything that has a number of items."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from keras_lwm.live_block import LiveBlock, clock


class _Speed(ProgressColumn):
    def render(self, task):
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "")


class ProgressBar:
    """A bar on standard error, used in a `with` statement; printed lines go above it.

    In a log it is a line a minute, and one at the end.

    Args:
        items: what to iterate over; None where `update` is called instead.
        text: what is done.
        unit: what is counted, in the plural.
        total: number of items, where their length does not say it.
        done: how many of them were done before.
    """

    def __init__(
        self, items: Iterable | None, text: str, unit: str, total: int | None = None, done: int = 0
    ):
        self._items = items
        self._text = text
        self._unit = unit
        self._progress = Progress(
            # Long words take two lines.
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=False, min_width=min(len(text), 35)),
            ),
            BarColumn(bar_width=None),
            TextColumn("{task.completed}/{task.fields[of]} {task.fields[unit]}", markup=False),
            _Speed(),
            TimeRemainingColumn(elapsed_when_finished=True),
            auto_refresh=False,
            expand=True,
        )
        if total is None:
            total = _length(items)
        of = "?" if total is None else total
        self._task = self._progress.add_task(text, total=total, completed=done, unit=unit, of=of)
        self._block = LiveBlock(self._progress.get_renderable, self._line, stderr=True)

    def _line(self):
        [task] = self._progress.tasks
        of = "" if task.total is None else f" of {task.total}"
        times = clock(task.elapsed)
        if task.time_remaining:
            times += f", {clock(task.time_remaining)} left"
        return f"{self._text}: {task.completed}{of} {self._unit}, {times}"

    def __enter__(self) -> "ProgressBar":
        self._block.start()
        return self

    def __exit__(self, error, *_) -> None:
        self._block.stop(keep=error is None)

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            yield item
            self.update()

    def update(self, number: int = 1) -> None:
        """So many more items are done."""
        self._progress.advance(self._task, number)
        if self._block.due():
            self._block.draw()


def _length(items):
    try:
        return len(items)
    except TypeError:  # Nobody knows, as of a generator, or of some data sets of TensorFlow's.
        return None
