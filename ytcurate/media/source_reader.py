"""Reads parts of an indexed source: packets by number, pictures by place in display order.

Both seek where that helps and go on where they are otherwise, so that segments in the order of time cost one
pass. Nothing of what was read is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ytcurate.errors import UnreadableVideo
from ytcurate.media.packet_index import SourceIndex
from ytcurate.media.probe import VideoLike, open_video, read_packets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_NEAR_PACKETS = 300
"""That many packets are passed over rather than sought past."""
_SYNC_PACKETS = 1000
"""Behind a seek, one of so many packets must be known by its time."""
_SEEK_BACK_S = (0, 2, 10, 60)
"""Seeks that land too late are tried again from earlier; then the file is read from its start."""


class PacketReader:
    """The packets of a source by number. A context manager."""

    def __init__(self, video: VideoLike, index: SourceIndex) -> None:
        self._video = video
        self._index = index
        self._opened = ExitStack()

    def __enter__(self) -> PacketReader:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _open(self) -> None:
        self._opened.close()
        container, stream = self._opened.enter_context(open_video(self._video))
        self._container: InputContainer = container
        self.stream: VideoStream = stream
        self._ahead: Packet[Any] | None = None
        self._packets = read_packets(self._container, self.stream)
        self.position = 0
        """Number of the packet that comes next."""

    def go_to(self, number: int) -> None:
        """Have the packet of that number come next, or one before it.

        Raises:
            UnreadableVideo: reading breaks off.
        """
        import av

        if self.position <= number <= self.position + _NEAR_PACKETS:
            return
        for back_s in _SEEK_BACK_S:
            at = int(self._index.pts[number]) - int(back_s / self._index.time_base)
            try:
                self._container.seek(at, stream=self.stream, backward=True)
            except (av.error.FFmpegError, OverflowError):
                continue  # many containers cannot seek before their first picture, or at all
            self._packets = read_packets(self._container, self.stream)
            if self._synchronize() and self.position <= number:
                return
        self._open()

    def take(self) -> tuple[int, Packet[Any]]:
        """Read the next packet and its number.

        Raises:
            UnreadableVideo: reading breaks off, or another packet comes than when the source was indexed.
        """
        packet = self._ahead or self._next()
        self._ahead = None
        number = self.position
        pts = packet and (packet.dts if packet.pts is None else packet.pts)
        if packet is None or number >= len(self._index.pts) or pts != self._index.pts[number]:
            raise UnreadableVideo(f"packet {number} cannot be read a second time as it was the first time")
        self.position = number + 1
        return number, packet

    def read(self, numbers: range) -> Iterator[tuple[int, Packet[Any]]]:
        """Read packets and their numbers, in decoding order."""
        if numbers:
            self.go_to(numbers.start)
        while self.position < numbers.stop:
            number, packet = self.take()
            if number >= numbers.start:
                yield number, packet

    def _synchronize(self) -> bool:
        """Find out where a seek landed."""
        self._ahead = None
        for _ in range(_SYNC_PACKETS):
            packet = self._next()
            if packet is None:
                return False
            number = None if packet.pts is None else self._index.number_at(packet.pts)
            if number is not None:
                self._ahead, self.position = packet, number
                return True
        return False

    def _next(self) -> Packet[Any] | None:
        """The next packet that holds something; None at the end of the file."""
        import av

        try:
            packet = next((packet for packet in self._packets if packet.size), None)
        except av.error.FFmpegError as error:
            raise UnreadableVideo(f"reading breaks off at packet {self.position} ({error})") from error
        return packet


class PictureReader:
    """The pictures of a source by place in display order, decoded. A context manager."""

    def __init__(self, video: VideoLike, index: SourceIndex) -> None:
        self._index = index
        self._packets = PacketReader(video, index)
        self._ready: deque[VideoFrame] = deque()
        self._passed: int | None = None
        """Time of the last picture that was given or passed over; None before the first."""
        self._is_drained = True
        self._feed_from = 0

    def __enter__(self) -> PictureReader:
        self._packets.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._packets.__exit__()

    def read(self, places: range) -> Iterator[VideoFrame]:
        """Decode pictures, in display order. One that is lost to damage is left out, as players do.

        Raises:
            UnreadableVideo: reading breaks off.
        """
        if not places:
            return
        times = self._index.times
        first, last = int(times[places.start]), int(times[places.stop - 1])
        self._start_at(first)
        while True:
            while self._ready:
                pts = self._ready[0].pts or 0
                if pts > last:
                    return
                frame = self._ready.popleft()
                self._passed = pts
                if pts >= first:
                    yield frame
            if self._passed == last or self._is_drained:
                return
            self._decode_more()

    def _start_at(self, pts: int) -> None:
        """Go on decoding if that leads to ``pts``, else start at the nearest packet that does."""
        entry = self._index.entry_before(pts)
        goes_on = not self._is_drained and entry < self._packets.position
        if goes_on and (self._passed is None or self._passed < pts):
            return
        self._packets.go_to(entry)
        self._packets.stream.codec_context.flush_buffers()
        self._ready.clear()
        self._passed, self._is_drained, self._feed_from = None, False, entry

    def _decode_more(self) -> None:
        import av

        packet = None
        if self._packets.position < len(self._index.pts):
            number, packet = self._packets.take()
            if number < self._feed_from:
                return
        self._is_drained = packet is None
        try:
            frames = self._packets.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            return
        self._ready.extend(frame for frame in frames if frame.pts is not None)
