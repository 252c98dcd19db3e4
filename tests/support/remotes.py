"""Sources whose videos do not behave."""

import os
import signal
import time
from pathlib import Path

from ytcurate.sources.base import SourceVideo


class ListSource:
    """Videos by name; a value is bytes, a path, or a Remote."""

    def __init__(self, **videos):
        self.videos = videos
        self.name = "list"

    @property
    def count(self):
        return len(self.videos)

    def __iter__(self):
        for name, video in self.videos.items():
            yield SourceVideo(name, video)


class KillsItsProcess:
    def fetch(self, folder):
        os.kill(os.getpid(), signal.SIGKILL)


class NeverEnds:
    def fetch(self, folder):
        time.sleep(3600)


class TakesAllMemory:
    def fetch(self, folder):
        return bytes(64 << 30)


class StandsStill:
    """A file that nobody ever writes to."""

    def fetch(self, folder):
        path = Path(folder) / "pipe.mp4"
        os.mkfifo(path)
        return path


class IsAway:
    def fetch(self, folder):
        raise OSError("host.example: not found (HTTP 404)")
