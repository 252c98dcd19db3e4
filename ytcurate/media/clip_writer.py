"""Coded pictures → an MP4 file whose clock starts at 0, with decoding times made new."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from ytcurate.errors import UnreadableVideo

if TYPE_CHECKING:
    from av.video.stream import VideoStream


class CodedPicture(NamedTuple):
    """One packet, cut loose from the container it came from."""

    data: bytes
    pts: int
    """Ticks of the source's time base."""
    is_keyframe: bool


class ExactClip(NamedTuple):
    """A clip that begins and ends with the pictures that were asked for."""

    video: bytes
    """An MP4 file."""
    first_pts: int
    """Of its first picture in the source, ticks of the source's time base."""
    end_pts: int
    """When its last picture is displayed no more, likewise."""


def write_clip(
    pictures: Sequence[CodedPicture],
    template: VideoStream,
    *,
    time_base: Fraction,
    end_pts: int,
    extradata: bytes | None = None,
    tag: str | None = None,
) -> ExactClip:
    """Write an MP4 file with one video stream.

    Args:
        pictures: in decoding order, at least one; no two have the same pts.
        template: what the stream is: codec, size, colours, rotation.
        time_base: of the pictures' pts.
        end_pts: when the last picture is displayed no more.
        extradata: parameter sets, where they are others than the template's.
        tag: how MP4 shall call the codec; None: FFmpeg's usual name.

    Raises:
        UnreadableVideo: MP4 cannot hold it.
    """
    import av
    from av.packet import Packet

    first_pts = min(picture.pts for picture in pictures)
    last_pts = max(picture.pts for picture in pictures)
    decoding = decoding_times([picture.pts for picture in pictures])
    following = [*decoding[1:], decoding[-1] + max(1, end_pts - last_pts)]
    buffer = io.BytesIO()
    try:
        with av.open(buffer, mode="w", format="mp4") as output:
            # Opaque: what decodes a stream need not be able to write it.
            target = output.add_stream_from_template(template, opaque=True)
            target.time_base = time_base
            if extradata is not None:
                target.codec_context.extradata = extradata
            if tag is not None:
                target.codec_context.codec_tag = tag
            for picture, dts, next_dts in zip(pictures, decoding, following, strict=True):
                packet = Packet(picture.data)
                packet.stream = target
                packet.time_base = time_base
                packet.pts, packet.dts = picture.pts - first_pts, dts - first_pts
                packet.duration = next_dts - dts
                packet.is_keyframe = picture.is_keyframe
                output.mux(packet)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise UnreadableVideo(f"a clip cannot be written as MP4: {error}") from error
    return ExactClip(buffer.getvalue(), first_pts, end_pts)


def decoding_times(pts: Sequence[int]) -> list[int]:
    """Give decoding times that rise strictly and are never after the presentation time.

    Args:
        pts: in decoding order, all different.

    Returns:
        As many times: those of display, moved back by as many pictures as the deepest reordering needs.
    """
    rising = sorted(pts)
    places = {at: place for place, at in enumerate(rising)}
    depth = max(number - places[at] for number, at in enumerate(pts))
    # Before the first picture there are no times to take; those that are made go back in its step.
    step = rising[1] - rising[0] if len(rising) > 1 else 1
    return [rising[0] - back * step for back in range(depth, 0, -1)] + rising[: len(rising) - depth]
