"""A function over a stream of items: several at once, results in order, few in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int,
    ahead: int,
    *,
    size: Callable[[Item], int] | None = None,
    most_bytes: int | None = None,
) -> Generator[Result, None, None]:
    """Call a function with each item in a pool of threads, and give the results in the order of the items.

    Items are taken from the calling thread, and only while there is room. When the iterator is closed early,
    what is running is waited for and the rest is dropped.

    Args:
        function: called from several threads; what it raises is raised here in its place.
        items: may end at any time.
        threads: calls at once.
        ahead: items taken whose results were not given yet, at most; at least 1.
        size: bytes of an item, where they are bounded.
        most_bytes: of those items together. One is always let in, however large.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    held_bytes = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ordered-map")
    try:
        for item in items:
            item_bytes = 0 if size is None else size(item)
            while waiting and (
                len(waiting) >= ahead or (most_bytes is not None and held_bytes + item_bytes > most_bytes)
            ):
                future, done_bytes = waiting.popleft()
                held_bytes -= done_bytes
                yield future.result()
            waiting.append((pool.submit(function, item), item_bytes))
            held_bytes += item_bytes
            del item  # held by the pool alone, or a large one would outlive its call
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
