"""Requests between the caller's thread and an engine's threads: who is in flight, what is finished."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from ytcurate.describers.base import Description
from ytcurate.errors import EngineUnavailable

Result = TypeVar("Result")


class Exchange:
    """Counts requests and carries descriptions back. ``give`` and ``fail`` may be called from any thread."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._keys: set[int] = set()
        self._finished: queue.SimpleQueue[Description | None] = queue.SimpleQueue()
        self._failure: EngineUnavailable | None = None

    @property
    def room(self) -> int:
        """How many more requests can be taken now."""
        return max(0, self._capacity - len(self._keys))

    @property
    def in_flight(self) -> int:
        """Requests taken and not yet collected."""
        return len(self._keys)

    def take(self, key: int) -> None:
        """Count a request in.

        Raises:
            EngineUnavailable: the engine failed before.
            ValueError: the key is in flight already.
        """
        self.check()
        if key in self._keys:
            raise ValueError(f"key {key} is in flight already; collect it before submitting it again")
        self._keys.add(key)

    def give(self, description: Description) -> None:
        """Finish a request."""
        self._finished.put(description)

    def fail(self, error: EngineUnavailable) -> None:
        """Record that no request will be finished any more; wakes the collector. The first error counts."""
        self._failure = self._failure or error
        self._finished.put(None)

    def check(self) -> None:
        """Raise what ``fail`` recorded, as a new error each time: a traceback belongs to one raising."""
        if self._failure is not None:
            raise EngineUnavailable(str(self._failure)) from self._failure.__cause__

    def collect(self, wait_s: float) -> list[Description]:
        """Return finished requests, waiting at most this long for the first if something is in flight.

        What was finished before a failure is returned first; the failure comes out of the next call.
        """
        done: list[Description] = []
        wait = bool(self._keys) and self._failure is None
        try:
            item = self._finished.get(block=wait, timeout=wait_s if wait else None)
            while True:
                if item is not None and item.key in self._keys:
                    self._keys.discard(item.key)
                    done.append(item)
                item = self._finished.get_nowait()
        except queue.Empty:
            pass
        if not done:
            self.check()
        return done


class ThroughExchange:
    """What describers have in common that work on other threads: their requests go through an exchange.

    Args:
        clips: held at once. Never fewer requests than a clip has questions, which are put together.
        questions: of one clip.
    """

    def __init__(self, clips: int, questions: int) -> None:
        self._exchange = Exchange(max(clips, questions))

    @property
    def room(self) -> int:
        """How many more requests can be submitted now."""
        return self._exchange.room

    @property
    def in_flight(self) -> int:
        """Requests submitted and not yet collected."""
        return self._exchange.in_flight

    def collect(self, wait_s: float = 0.05) -> list[Description]:
        """Return what is finished. See ``Describer.collect``."""
        return self._exchange.collect(wait_s)


class LoopThread:
    """An asyncio event loop on a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._tasks: set[Future[Any]] = set()

    def run(self, work: Coroutine[Any, Any, Result], timeout_s: float | None = None) -> Result:
        """Run to the end and return what comes out."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start work and leave it running."""
        task = asyncio.run_coroutine_threadsafe(work(), self._loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Cancel what was spawned and is still running."""
        for task in list(self._tasks):
            task.cancel()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Cancel everything, let it end, and end the thread."""
        if self._loop.is_closed():
            return
        ending = asyncio.run_coroutine_threadsafe(_end_tasks(timeout_s / 2), self._loop)
        try:
            ending.result(timeout_s)
        except TimeoutError:
            ending.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._loop.close()


async def _end_tasks(timeout_s: float) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=timeout_s)
