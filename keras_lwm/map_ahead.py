"""Work done by threads ahead of whoever takes it, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor


def map_ahead(
    threads: ThreadPoolExecutor, function: Callable, items: Iterable, ahead: int
) -> Generator:
    """`function(item)` of each item, in their order, with up to `ahead` begun before they are
    taken; items are asked for one by one, by the caller's thread."""
    begun = deque()
    for item in items:
        begun.append(threads.submit(function, item))
        if len(begun) > ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
