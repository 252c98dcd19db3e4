"""The FFmpeg program as a child process: a source goes in, a stream of packets comes out of a pipe.

The child ends with the context that started it. Should this process be killed, the child's next write finds
no reader, and it ends by that.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.probe import VideoLike

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_END_S = 10
"""The child gets so long to end by itself when its output has ended."""
_LINE_BYTES = 1000
"""Of what FFmpeg says, as much of a line is kept."""


def ffmpeg_program() -> str:
    """Find the FFmpeg program.

    Raises:
        UsageError: it is not installed; says how to.
    """
    path = shutil.which("ffmpeg")
    if path is None:
        raise UsageError(
            "Encoding needs the FFmpeg program, and there is no ffmpeg on PATH. Install it: apt install "
            "ffmpeg, dnf install ffmpeg, brew install ffmpeg, or conda install ffmpeg. Cutting by copying "
            "(cut copy, without a codec) needs none."
        )
    return path


def sync_option() -> str:
    """What FFmpeg calls the option that keeps pictures at their times; it was renamed in 5.1."""
    return "vsync" if _version(ffmpeg_program()) < (5, 1) else "fps_mode"


@lru_cache
def _version(program: str) -> tuple[int, int]:
    said = subprocess.run([program, "-version"], capture_output=True, text=True, errors="replace").stdout
    release = re.match(r"ffmpeg version n?(\d+)\.(\d+)", said)
    # What is built between releases has no number, and is new.
    return (int(release[1]), int(release[2])) if release else (99, 0)


class FFmpegRun:
    """One run. A context manager, which ends the child in any case.

    Its first input is a file of metadata with chapters, its second the video.
    """

    def __init__(
        self, video: VideoLike, chapters: bytes, before: Mapping[str, str], options: Mapping[str, Any]
    ) -> None:
        """Prepare a run.

        Args:
            video: the source.
            chapters: a file of FFmpeg's metadata format.
            before: options of the video as an input.
            options: of the output. With ``map`` among them: ``1:`` and the number of the stream.
        """
        self._video = video
        self._chapters = chapters
        self._before = before
        self._options = options
        self._lines: deque[str] = deque(maxlen=1)
        self._first_line = ""

    def __enter__(self) -> FFmpegRun:
        with ExitStack() as opened:
            self._process = opened.enter_context(self._start(opened))
            self._listener = Thread(target=self._listen, args=(self._process.stderr,), daemon=True)
            self._listener.start()
            opened.callback(self._listener.join)
            opened.callback(self._process.kill)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _start(self, opened: ExitStack) -> subprocess.Popen[bytes]:
        import ffmpeg

        chapters = opened.enter_context(_as_file(self._chapters))
        # Opened here, so that names of any bytes are read: the library takes text in UTF-8 only.
        video = self._video
        source_file = _as_file(video) if isinstance(video, bytes) else Path(video).open("rb")  # noqa: SIM115
        files = [chapters, opened.enter_context(source_file)]
        path = _path_of(files[1])
        # The library knows no input of which no stream is used: that of the chapters is part of the program.
        program = [ffmpeg_program(), "-hide_banner", "-loglevel", "error"]
        program += ["-f", "ffmetadata", "-i", _path_of(chapters)]
        # As in ``open_video``: what is uploaded must not choose other files and addresses to be read.
        source = ffmpeg.input(f"file:{path}", protocol_whitelist="file", **self._before)
        output = ffmpeg.output(source, "pipe:1", format="nut", **self._options)
        return subprocess.Popen(
            ffmpeg.compile(output, cmd=program),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[file.fileno() for file in files],
        )

    def packets(self) -> Iterator[Packet[Any]]:
        """Read the output to its end; ``stream`` is there from the first packet on.

        Raises:
            UnreadableVideo: there is no output, or it is not complete; says what FFmpeg said.
        """
        import av

        try:
            # Open as long as this is, since clips are written after ``stream``.
            container = self._opened.enter_context(av.open(self._process.stdout, mode="r", format="nut"))
            self.stream: VideoStream = container.streams.video[0]
            for packet in container.demux(self.stream):
                if packet.size:
                    yield packet
        except (av.error.FFmpegError, IndexError) as error:
            raise UnreadableVideo(f"FFmpeg gives no pictures: {self.complaint()}") from error
        if self._process.wait() != 0:
            raise UnreadableVideo(f"FFmpeg gives up: {self.complaint()}")

    def complaint(self) -> str:
        """The first and the last line of what FFmpeg said. To be asked for at the end of the output."""
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listener.join()
        said = dict.fromkeys((self._first_line, *self._lines))
        return " ... ".join(line for line in said if line) or "it says nothing"

    def _listen(self, pipe: IO[bytes]) -> None:
        # Read to the end, or a child with much to say would stand still.
        while line := pipe.readline(_LINE_BYTES):
            text = line.decode(errors="replace").strip()
            if text:
                self._first_line = self._first_line or text
                self._lines.append(text)


def _as_file(content: bytes) -> IO[bytes]:
    """A file without a name that holds these bytes: in memory where the system can."""
    in_memory = hasattr(os, "memfd_create")
    file = os.fdopen(os.memfd_create("ytcurate"), "w+b") if in_memory else tempfile.TemporaryFile()  # noqa: SIM115
    file.write(content)
    file.flush()
    file.seek(0)
    return file


def _path_of(file: IO[bytes]) -> str:
    """What the child calls it."""
    return f"/dev/fd/{file.fileno()}"
