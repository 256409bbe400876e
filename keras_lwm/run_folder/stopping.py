"""SIGINT and SIGTERM as requests to stop after the step that is running."""

import os
import signal
import sys
import threading

from rich.file_proxy import FileProxy

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingStopped(KeyboardInterrupt):
    """A training ended by a signal, after a step, with everything saved.

    Args:
        message: a sentence.
        received: the signal.

    Attributes:
        signal: the `signal.Signals` that it was.
    """

    def __init__(self, message: str, received: signal.Signals):
        super().__init__(message)
        self.signal = received


class StopSignals:
    """A block in which the first SIGINT or SIGTERM does nothing but set `received`.

    The second one does what it would have done without the block: SIGINT raises
    `KeyboardInterrupt`, SIGTERM ends the process. A signal that the process ignores stays ignored.
    Python hands signals to the main thread alone: in another one the block changes nothing.

    Args:
        active: without it the block changes nothing.
        unit: what is ended before it stops, for the line that says so.

    Attributes:
        received: the `signal.Signals` that came, or None.
    """

    def __init__(self, active: bool = True, unit: str = "step"):
        self._active, self._unit = active, unit
        self.received = None
        self._before = {}

    def __enter__(self):
        if self._active and threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                # None is a handler that was not installed by Python.
                if before not in (None, signal.SIG_IGN):
                    self._before[number] = before
                    signal.signal(number, self._request)
        return self

    def __exit__(self, *_):
        self._restore()

    def _request(self, number, _):
        self.received = signal.Signals(number)
        self._restore()
        # `print` may be what the signal has interrupted.
        sentence = f"Stopping after this {self._unit}; a second signal ends it at once.".encode()
        if isinstance(sys.stderr, FileProxy):
            # Over the last line of a block that is drawn anew in its place, and ends that line.
            os.write(2, b"\r\x1b[K" + sentence)
        else:
            os.write(2, b"\n" + sentence + b"\n")

    def _restore(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
