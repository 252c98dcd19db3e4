"""Where the time of an upload goes: its parts one after the other in this process, each on one core.

What they take together is more than an upload takes where it does them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.harness import Result, interleave, one_core
from ytcurate.config import Segmenting
from ytcurate.mappers.clips import SourceRecord, clip_rows
from ytcurate.media.cut import cut_clips
from ytcurate.sources.base import digest_of


def read_rows(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Cut videos into rows of the table of clips, all in memory."""
    return [
        row
        for index, path in enumerate(paths)
        for row in clip_rows(str(path), SourceRecord(ds_index=index, source=path.name), Segmenting())
    ]


def measure_parts(paths: Sequence[Path], repeats: int) -> dict[str, Result]:
    """Measure on these files; milliseconds for each clip."""
    from yt.wrapper import YsonFormat

    rows = read_rows(paths)
    encoder = YsonFormat()

    def cut(preview: str) -> None:
        for path in paths:
            for _ in cut_clips(path, preview=preview):
                pass

    def encode() -> None:
        for row in rows:
            encoder.dump_rows([row], _Nowhere())

    ways: dict[str, Callable[[], object]] = {
        "hash": lambda: [digest_of(path) for path in paths],
        "cut": lambda: cut("none"),
        "cut, with posters": lambda: cut("every"),
        "encode rows": encode,
    }
    with one_core():
        timings = interleave(ways, repeats)
    each = {
        name: {"ms": timing.median_ms / len(rows), "cpu_ms": timing.median_cpu_ms / len(rows)}
        for name, timing in timings.items()
    }
    each["posters"] = {unit: each["cut, with posters"][unit] - each["cut"][unit] for unit in ("ms", "cpu_ms")}
    return {name: {unit: round(value, 2) for unit, value in part.items()} for name, part in each.items()}


class _Nowhere:
    """A stream for bytes that nobody needs."""

    def write(self, data: bytes) -> None:
        """Take no notice."""
