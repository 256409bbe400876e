"""Frames read by a thread of its own, ahead of whoever takes them."""

import collections
import threading
from collections.abc import Iterator
from typing import Any


class Ahead:
    """An iterator over `items`, which a thread reads while earlier ones are worked on.

    Used in a `with` statement, which ends the thread. No more than `most` items wait; the thread
    holds one more at a time.

    Args:
        items: an iterator; the thread alone asks it for items.
        most: how many may wait.
        newest: whether, where more come, the oldest of them is dropped, as of a camera that does
            not wait. Else the thread waits.

    Attributes:
        dropped: how many were dropped.
    """

    def __init__(self, items: Iterator, most: int = 2, newest: bool = False):
        self.dropped = 0
        self._items, self._most, self._newest = items, most, newest
        self._waiting = collections.deque()
        self._ended, self._error = False, None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Ahead":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            if self._waiting:
                item = self._waiting.popleft()
                self._changed.notify_all()
                return item
        if self._error is not None:
            raise self._error
        raise StopIteration

    def _read(self):
        try:
            for item in self._items:
                if not self._put(item):
                    return
                del item
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, item):
        """Whether somebody still takes items."""
        with self._changed:
            if not self._newest:
                self._changed.wait_for(lambda: len(self._waiting) < self._most or self._ended)
            elif len(self._waiting) == self._most:
                self._waiting.popleft()
                self.dropped += 1
            if not self._ended:
                self._waiting.append(item)
                self._changed.notify_all()
            return not self._ended
