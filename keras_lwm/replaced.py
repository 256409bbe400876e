"""Functions of other packages that are replaced where a thread asks for it, and nowhere else."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Replacements:
    """Functions and methods in place of others, within a context of the thread that enters it.

    Called, it gives the context, which may be entered within itself. In other threads everything
    does what it did; with no thread in the context, nothing is replaced.

    Args:
        own: the replacements, by (class or module, name).
    """

    def __init__(self, own: dict[tuple[Any, str], Callable]):
        self._originals = {(owner, name): getattr(owner, name) for owner, name in own}
        self._chosen = {place: self._in_context(place, function) for place, function in own.items()}
        self._thread = _Thread()
        self._lock = threading.Lock()
        self._contexts = 0  # of all threads

    def original(self, owner: Any, name: str) -> Callable:
        """What stands there outside of the context."""
        return self._originals[owner, name]

    def _in_context(self, place, own):
        before = self._originals[place]

        @functools.wraps(before)
        def chosen(*args, **kwargs):
            return (own if self._thread.contexts else before)(*args, **kwargs)

        return chosen

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._contexts += 1
            _set(self._chosen)
        self._thread.contexts += 1
        try:
            yield
        finally:
            self._thread.contexts -= 1
            with self._lock:
                self._contexts -= 1
                if not self._contexts:
                    _set(self._originals)


class _Thread(threading.local):
    contexts = 0


def _set(functions):
    for (owner, name), function in functions.items():
        setattr(owner, name, function)
