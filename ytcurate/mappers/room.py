"""Room for clips in memory, shared by threads: some bring clips and wait for room, others make it."""

from __future__ import annotations

import threading


class Room:
    """Counts clips and bytes in hand; whoever brings more waits here while there are too many.

    The limit on bytes is soft by the clip that is let in and by what ``change`` adds, which never waits.

    Args:
        most_clips: in hand at once.
        most_bytes: of them together, from which on nothing more is let in.
    """

    def __init__(self, most_clips: int, most_bytes: int) -> None:
        self._most_clips = most_clips
        self._most_bytes = most_bytes
        self._clips = self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def admit(self, size: int) -> bool:
        """Wait for room, then count one clip in; False if the room is closed, or was meanwhile.

        Args:
            size: bytes of the clip.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._closed
                    # One is always let in, however large: else a clip above the limit would stop the job.
                    or self._clips == 0
                    or (self._clips < self._most_clips and self._bytes < self._most_bytes)
                )
            )
            self._clips += 1
            self._bytes += size
            return not self._closed

    def change(self, *, clips: int = 0, size: int = 0) -> None:
        """Count what became more, or less where negative.

        Args:
            clips: in hand.
            size: bytes in hand.
        """
        with self._changed:
            self._clips += clips
            self._bytes += size
            self._changed.notify_all()

    def close(self) -> None:
        """Let nothing in any more; who waits is told so."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
