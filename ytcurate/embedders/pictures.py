"""Encoded pictures, or a video, → pictures in RGB."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ytcurate.config import ClipLimits
from ytcurate.errors import UnreadableVideo
from ytcurate.media.decode import (
    Deadline,
    NotExact,
    decode_all,
    decode_planned,
    index_packets,
    place_pictures,
    prepare_decoder,
)
from ytcurate.media.frames import refuse_large
from ytcurate.media.pictures import quarter_turns
from ytcurate.media.probe import VideoLike, open_video

if TYPE_CHECKING:
    import numpy as np

_FORMATS = ("JPEG", "PNG", "WEBP")
"""What keyframes may be; Pillow's other decoders are not for bytes of strangers."""


def decode_keyframes(keyframes: Sequence[bytes], limits: ClipLimits) -> Iterator[np.ndarray]:
    """Decode pictures one after another, each when it is asked for.

    Yields:
        uint8, shape (H, W, 3), RGB.

    Raises:
        UnreadableVideo: one of them is no picture, breaks off, or is over ``limits.max_source_pixels``.
    """
    for number, content in enumerate(keyframes):
        try:
            yield _decode(content, limits)
        except UnreadableVideo as error:
            raise UnreadableVideo(f"keyframe {number} of {len(keyframes)}: {error}") from error


def sample_pictures(video: VideoLike, count: int, limits: ClipLimits) -> Iterator[np.ndarray]:
    """Decode pictures spread evenly over a clip, from its first to its last; no more than these if possible.

    Args:
        video: a whole container file.
        count: at least 1; a clip of fewer pictures gives all of them. 1: the middle one.
        limits: what it may cost.

    Yields:
        uint8, shape (H, W, 3), RGB, upright, in display order; fewer where the clip's end cannot be decoded.

    Raises:
        UnreadableVideo: not one of them can be decoded, or the clip is over a limit.
    """
    import numpy as np

    deadline = Deadline(limits)
    with open_video(video) as (container, stream):
        refuse_large(stream.width, stream.height, limits)
        context = prepare_decoder(stream, limits)
        index = index_packets(container, stream)
        wanted = spread(index.info.frame_count, count)
        try:
            placed = dict(decode_planned(context, index, wanted, deadline))
        except NotExact:
            context.flush_buffers()
            placed = dict(place_pictures(decode_all(context, index, deadline), index, wanted))
        if not placed:
            raise UnreadableVideo(f"none of {index.info.frame_count} pictures can be decoded")
        for place in sorted(placed):
            frame = placed.pop(place)
            refuse_large(frame.width, frame.height, limits)
            yield np.rot90(frame.to_ndarray(format="rgb24"), quarter_turns(frame))


def spread(frame_count: int, count: int) -> list[int]:
    """Choose display indices from first to last, as evenly as whole numbers allow; ascending, each once."""
    if count == 1:
        return [(frame_count - 1) // 2]
    return sorted({number * (frame_count - 1) // (count - 1) for number in range(count)})


def _decode(content: bytes, limits: ClipLimits) -> np.ndarray:
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            refuse_large(picture.width, picture.height, limits)
            return np.asarray(picture.convert("RGB"))
    except UnreadableVideo:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableVideo(
            f"{len(content)} bytes are no picture of the kinds {', '.join(_FORMATS)}"
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UnreadableVideo(f"{len(content)} bytes of a picture cannot be decoded ({error})") from error
