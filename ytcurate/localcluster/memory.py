"""How the server's process handles its memory: tuned for cells of megabytes and rows by the thousand."""

from __future__ import annotations

import contextlib
import ctypes
import gc

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Names and numbers of glibc's mallopt(3)."""
KEPT_BYTES = 128 * 1024 * 1024
LARGEST_KEPT_BYTES = 32 * 1024 * 1024
"""The most that mallopt takes."""
ARENAS = 1


def give_back() -> None:
    """Let the system have what is kept and not used. Call now and then: a busy server gets it again."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def settle() -> None:
    """Call once, when everything is loaded and before the first request."""
    # Rows are plain objects that point to nothing: looking for cycles among them as often as Python does
    # costs more than checking and storing them.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    # A cell's memory would go back to the system after each row, and come again page by page with the next.
    # Other C libraries have no mallopt and do as they like.
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        mallopt(M_ARENA_MAX, ARENAS)
