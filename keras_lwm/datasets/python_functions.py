"""Python functions inside tf.data, in a process that can still exit.

tf.data runs ahead of whoever reads it. If the interpreter begins to shut down while one of its
threads is on the way into a Python function, that thread never comes back, and the process hangs
where it waits for the thread. So the exit first waits until tf.data's buffers are full and no
Python function has been called for a moment.
"""

import atexit
import threading
import time
from typing import Any

import tensorflow as tf

_QUIET_SECONDS = 0.3
_LONGEST_WAIT_SECONDS = 10.0


class _Calls:
    """How many calls are running, and when one last began or ended."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = 0
        self._last = -_QUIET_SECONDS

    def counted(self, function):
        def call(*arguments):
            self._note(+1)
            try:
                return function(*arguments)
            finally:
                self._note(-1)

        return call

    def wait_until_quiet(self):
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while not self._quiet() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _note(self, change):
        with self._lock:
            self._running += change
            self._last = time.monotonic()

    def _quiet(self):
        return not self._running and time.monotonic() - self._last >= _QUIET_SECONDS


_calls = _Calls()
atexit.register(_calls.wait_until_quiet)


def numpy_function(function, inputs, output_types) -> Any:
    """`tf.numpy_function`, except that the process can exit while a data set is read ahead."""
    return tf.numpy_function(_calls.counted(function), inputs, output_types)
