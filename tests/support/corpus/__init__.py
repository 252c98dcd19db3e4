"""Troublesome videos, each made by our own code, with what is right to make of it.

``python -m tests.support.corpus FOLDER`` writes all of them, and an ``index.json`` that says what each is.
The same bytes come out each time. Expectations hold for clips of ``CLIP_SECONDS``.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.corpus.bombs import bombs
from tests.support.corpus.containers import wrong_containers
from tests.support.corpus.damage import damaged
from tests.support.corpus.entry import CLIP_SECONDS, Entry
from tests.support.corpus.mp4 import wrong_boxes
from tests.support.corpus.streams import odd_streams
from tests.support.corpus.traps import SECRET, traps

__all__ = ["CLIP_SECONDS", "SECRET", "Entry", "corpus", "write_corpus"]

NOBODY_LISTENS = 9
"""The port for those who do not listen whether anybody calls."""


def corpus(port: int = NOBODY_LISTENS) -> list[Entry]:
    """Every entry. Traps that name an address name this port of this machine."""
    return [*damaged(), *wrong_boxes(), *wrong_containers(), *odd_streams(), *bombs(), *traps(port)]


def write_corpus(folder: Path, port: int = NOBODY_LISTENS) -> list[Entry]:
    """Write every file of the corpus and its index.

    Returns:
        The entries, in the order of the index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = corpus(port)
    for entry in entries:
        path = folder / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        entry.write(path)
    index = [
        {
            "name": entry.name,
            "trouble": entry.trouble,
            "expectation": entry.expectation,
            "frames": entry.frames,
            "min_clips": entry.min_clips,
            "reason": entry.reason,
        }
        for entry in entries
    ]
    (folder / "index.json").write_text(json.dumps(index, indent=1))
    return entries
