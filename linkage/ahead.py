"""Make the next item while the last one is being used."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item], at_end: Callable[[], None]) -> Iterator[Item]:
    """Yield the items in order, the next one being made by a thread meanwhile.

    The first is made here: most deliveries are one batch, and a thread would need
    connections of its own for nothing. `at_end` runs in the thread that made items.
    """
    over = object()
    first = next(items, over)
    if first is over:
        return
    with ThreadPoolExecutor(1) as pool:
        try:
            item: object = first
            while item is not over:
                coming = pool.submit(next, items, over)
                yield item  # type: ignore[misc]
                item = coming.result()
        finally:
            pool.submit(at_end).result()
