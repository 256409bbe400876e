"""Lines that are drawn anew in their place while something goes on; in a log, a line a minute."""

import io
import sys
import time
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.live import Live

_WIDEST = 100


class LiveBlock:
    """A block of lines that shows how far something is.

    Where somebody looks, in a terminal or under a cell of a notebook, it is drawn anew in its
    place, and what is printed meanwhile goes above it. In a log, one line is printed for it,
    without a control character. It is drawn when it is told to, by no thread of its own. A block
    that starts within another one has its place, until that is drawn again.

    Args:
        block: gives what to draw.
        line: gives the same as one line of plain text, for a log.
        console: of rich; None: standard output, or, with `stderr`, standard error.
    """

    _shown = None

    def __init__(
        self,
        block: Callable[[], RenderableType],
        line: Callable[[], str],
        console: Console | None = None,
        stderr: bool = False,
    ):
        self._block = block
        self._line = line
        self._console = console or Console(stderr=stderr)
        self._notebook = console is None and _in_notebook()
        self._place = None
        self._drawn = 0.0

    @property
    def width(self) -> int:
        """Columns that a line may have."""
        return self._console.width if self._console.is_terminal else _WIDEST

    def start(self) -> None:
        """Draws it for the first time; in a log, a minute later."""
        if LiveBlock._shown is not None:
            LiveBlock._shown.stop(keep=False)
        LiveBlock._shown = self
        if self._notebook:
            self._place = _Cell(self._block)
        elif self._console.is_terminal:
            self._place = _Terminal(self._block, self._console)
        else:
            self._place = _Log(self._line, self._console)
        self._drawn = time.monotonic()

    def due(self) -> bool:
        """Whether it is time to draw it: half a second after the last time; in a log a minute."""
        return self._place is None or time.monotonic() - self._drawn >= self._place.seconds

    def draw(self) -> None:
        """Draws it as it is now; in a log, if it is due."""
        if self._place is None:
            self.start()
        elif self._place.draws_anew or self.due():
            self._place.draw()
            self._drawn = time.monotonic()

    def print(self, text: str) -> None:
        """Prints lines that stay, above the block."""
        if self._place is None:
            self.start()
        self._place.print(text)

    def stop(self, keep: bool = True) -> None:
        """Ends it, if it was started: it stays as it is now, in a log as a last line, or goes."""
        if self._place is not None:
            LiveBlock._shown = None
            place, self._place = self._place, None
            place.stop(keep)


def _in_notebook():
    """Whether this is the kernel of a notebook; a script may import `ipykernel` as well."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


class _Terminal:
    draws_anew = True
    seconds = 0.5

    def __init__(self, block, console):
        self._console = console
        self._live = Live(
            # A terminal's ^C still has room in the last line, where the cursor is.
            get_renderable=lambda: Constrain(block(), min(console.width - 4, _WIDEST)),
            console=console,
            auto_refresh=False,
            # What is no terminal, such as a pipe for results, gets what was meant for it.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start(refresh=True)
        # Nobody would show it again in the terminal of a process that was killed.
        console.show_cursor(True)

    def draw(self):
        self._live.refresh()

    def print(self, text):
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def stop(self, keep):
        self._live.transient = not keep
        self._live.stop()


class _Cell:
    """Below a cell of a notebook. Rich's own way there needs ipywidgets."""

    draws_anew = True
    seconds = 1.0

    def __init__(self, block):
        from IPython.display import display

        self._block = block
        self._handle = display(self._html(), display_id=True)

    def _html(self):
        from IPython.display import HTML

        drawn = Console(file=io.StringIO(), record=True, width=_WIDEST, force_jupyter=False)
        drawn.print(self._block())
        style = "white-space: pre; line-height: normal; font-family: monospace"
        code = f'<pre style="{style}"><code>{{code}}</code></pre>'
        return HTML(drawn.export_html(inline_styles=True, code_format=code))

    def draw(self):
        self._handle.update(self._html())

    def print(self, text):
        print(text, flush=True)

    def stop(self, keep):
        from IPython.display import HTML

        self._handle.update(self._html() if keep else HTML(""))


class _Log:
    draws_anew = False
    seconds = 60.0

    def __init__(self, line, console):
        self._line = line
        self._console = console

    def draw(self):
        self.print(self._line())

    def print(self, text):
        print(text, file=self._console.file, flush=True)

    def stop(self, keep):
        if keep:
            self.draw()


def clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds: 0:01:05."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
