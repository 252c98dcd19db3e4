"""Video → VideoInfo: codec, size, rate, and every packet of its video stream, without decoding."""

from __future__ import annotations

import errno
import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.config import ClipLimits
from ytcurate.errors import UnreadableVideo
from ytcurate.media.progress import report_progress

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

VideoLike = bytes | str | Path
"""A whole container file: its bytes, or the path of it."""

_CONTAINERS = (
    # of videos
    "3dostr,4xm,apng,asf,av1,avi,avs,avs2,avs3,bethsoftvid,bfi,bink,bmv,c93,cavsvideo,cdxl,cine,dhav,"
    "dirac,dnxhd,dsicin,dv,dxa,ea,evc,film_cpk,filmstrip,flic,flv,gdv,gif,gxf,h261,h263,h264,hevc,hnm,"
    "hxvs,idcin,iff,ifv,ingenient,ipmovie,ipu,iv8,ivf,ivr,jpegxl_anim,jv,kux,live_flv,lmlm4,luodat,lvf,"
    "lxf,m4v,matroska,mgsts,mjpeg,mjpeg_2000,mlv,mm,mods,moflex,mov,mpeg,mpegts,mpegvideo,mpjpeg,mtv,mv,"
    "mvi,mxf,mxg,nc,nsv,nut,nuv,obu,ogg,paf,pdv,pmp,psxstr,pva,r3d,rl2,rm,roq,rpl,sdr2,ser,sga,siff,"
    "smjpeg,smk,smush,swf,thp,tiertexseq,tmv,ty,usm,vc1,vc1test,vividas,vivo,vmd,vvc,wc3movie,webm,wsvqa,"
    "wtv,xmv,yop,yuv4mpegpipe,"
    # of sound, so that it is called sound
    "aac,ac3,aiff,amr,ape,au,caf,dts,eac3,flac,mp3,tta,truehd,w64,wav,wv"
)
"""FFmpeg's names of what holds the pictures of a video itself. Not among them, and so never opened, is what
names other files and addresses (concat, hls, dash, imf, sdp), and single pictures."""
_PROGRESS_PACKETS = 256
"""A sign of life comes at each keyframe, which may be large, and at least each so many packets."""
_SAME_RATE = Fraction(1, 50)
"""How far the header's rate may be from that of the pictures, whose times may be rounded to milliseconds."""


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video stream is, read from its container's header and packets."""

    codec: str
    """FFmpeg's name: ``h264``, ``hevc``, ``vp9``, ..."""
    width: int
    height: int
    fps: Fraction
    """Average frame rate, pictures per second; above 0."""
    frame_count: int
    """Packets of the stream that carry a displayed picture."""
    duration_s: Fraction
    """From the first displayed picture to the end of the last."""


@contextmanager
def open_video(video: VideoLike) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and find its video stream: the one FFmpeg calls best, and never a cover picture.

    Raises:
        UnreadableVideo: the container cannot be opened, or holds no video stream.
    """
    import av
    from av.stream import Disposition

    # An absolute path is never taken for the address of another protocol, whatever the file's name.
    source = io.BytesIO(video) if isinstance(video, bytes) else str(Path(video).absolute())
    size = len(video) if isinstance(video, bytes) else _size_of(Path(video))
    if size == 0:
        raise UnreadableVideo("the file is empty (0 bytes)")
    try:
        # Titles in another encoding than UTF-8 are no reason to refuse a video.
        container = av.open(
            source,
            mode="r",
            metadata_errors="replace",
            # FFmpeg decodes a picture to look at it while it opens a file, and a header may claim any size.
            options={"max_pixels": str(ClipLimits.max_source_pixels)},
            # Playlists and the like name other files and addresses; what is uploaded must not choose them.
            container_options={
                "protocol_whitelist": "none" if isinstance(video, bytes) else "file",
                "format_whitelist": _CONTAINERS,
            },
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.EINVAL:
            raise UnreadableVideo(
                f"not a video: FFmpeg finds no container of videos in {size} bytes ({_reason(error)}); lists "
                "that name other files, single pictures and texts are none"
            ) from error
        raise UnreadableVideo(
            f"not a video: FFmpeg finds no container in {size} bytes ({_reason(error)})"
        ) from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            held = ", ".join(f"{s.type}/{_codec_name(s)}" for s in container.streams) or "nothing"
            raise UnreadableVideo(
                f"no video stream in {size} bytes of {container.format.name}; it holds {held} only"
            )
        best = container.streams.best("video")
        stream = next((s for s in streams if s is best), streams[0])
        if stream.codec_context is None or not stream.width or not stream.height:
            raise UnreadableVideo(
                f"the video stream of this {container.format.name} has no known codec or size, or pictures "
                f"over the limit of {ClipLimits.max_source_pixels} pixels"
            )
        yield container, stream


def read_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
    """Read the packets of a stream as the container has them, and the empty one at its end.

    Raises:
        av.error.FFmpegError: reading breaks off.
    """
    try:
        for number, packet in enumerate(container.demux(stream)):
            if packet.is_keyframe or not number % _PROGRESS_PACKETS:
                report_progress()
            yield packet
    except IndexError:
        # PyAV's, behind the last packet, where a stream came up that was not announced at first.
        return


def probe(video: VideoLike) -> VideoInfo:
    """Read what a video is. Packets are read to the end, no picture is decoded.

    Raises:
        UnreadableVideo: no video stream can be opened, or it has no packets.
    """
    import av

    with open_video(video) as (container, stream):
        count, first, end = 0, None, None
        try:
            for packet in read_packets(container, stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                count += 1
                if packet.pts is not None:
                    first = packet.pts if first is None else min(first, packet.pts)
                    stop = packet.pts + (packet.duration or 0)
                    end = stop if end is None else max(end, stop)
        except av.error.FFmpegError as error:
            raise UnreadableVideo(f"reading stops after {count} packets ({_reason(error)})") from error
        if count == 0:
            raise UnreadableVideo(f"the video stream of this {container.format.name} has no packets")
        duration = (
            Fraction(0) if first is None or end is None else (end - first) * Fraction(stream.time_base or 0)
        )
        return describe_stream(stream, frame_count=count, duration_s=duration)


def describe_stream(stream: VideoStream, *, frame_count: int, duration_s: Fraction) -> VideoInfo:
    """Put together what the stream's header says with what its packets showed.

    The rate is the header's if that is near the packets' own, for it is the rounder one; else the packets'.
    """
    measured = frame_count / duration_s if duration_s > 0 else None
    headers = [Fraction(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
    near = [rate for rate in headers if measured and abs(rate - measured) <= measured * _SAME_RATE]
    # A single picture has no rate; 1 keeps every later division defined.
    rates = near or ([measured] if measured else headers) or [Fraction(1)]
    return VideoInfo(
        codec=stream.codec_context.codec.canonical_name,
        width=stream.width,
        height=stream.height,
        fps=rates[0],
        frame_count=frame_count,
        duration_s=duration_s,
    )


def _codec_name(stream: Stream) -> str:
    # Streams of data have no codec that FFmpeg knows.
    return stream.codec_context.codec.name if stream.codec_context else "?"


def _size_of(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as error:
        raise UnreadableVideo(f"cannot read {path}: {error.strerror}") from error
    # A pipe may be waited for in vain, and a device may never end.
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableVideo(f"{path} is {_kind_of(found.st_mode)}, not a regular file")
    return found.st_size


def _kind_of(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
