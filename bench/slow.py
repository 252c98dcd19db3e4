"""A stage that takes its time. In a module of its own: jobs import the mapper by its name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from yt.wrapper import aggregator

from ytcurate.curating.stage import LabelStage


@aggregator
class SlowMapper:
    """Gives what a mapper gives, each row after a while."""

    def __init__(self, mapper: Callable[[Iterable[Any]], Iterator[Any]], seconds: float) -> None:
        self.mapper = mapper
        self.seconds = seconds

    def __call__(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Sleep before each row."""
        for row in self.mapper(rows):
            time.sleep(self.seconds)
            yield row


@dataclass(frozen=True)
class SlowStage(LabelStage):
    """Labels, and takes its time."""

    seconds: float = 0.0

    @property
    def mapper(self) -> Callable[..., Any]:
        """The mapper that labels, made slow."""
        return SlowMapper(super().mapper, self.seconds)
