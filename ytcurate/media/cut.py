"""Source video → clips: the one way in, whatever the way of cutting."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ytcurate.config import Segmenting
from ytcurate.media.clip import Clip as Clip
from ytcurate.media.clip import clip_id as clip_id
from ytcurate.media.copy_cut import copy_clips
from ytcurate.media.probe import VideoLike, open_video
from ytcurate.media.segment import Segment

_WHOLE = Segment(start_s=Fraction(0), end_s=Fraction(10**9))
"""Ends after any source does."""


def cut_clips(
    video: VideoLike, segmenting: Segmenting | None = None, *, preview: str = "none"
) -> Iterator[Clip]:
    """Cut a whole video into clips, in the order of time.

    - ``copy`` moves packets unchanged and cuts at keyframes: a clip begins at the first keyframe at or after
      its wanted start, and ends before the first at or after its wanted end; see ``KeyframePlan``.
    - ``smart`` and ``encode`` are exact to the picture; see ``ytcurate.media.exact_cut``.
    - A source of another codec than ``segmenting.codec`` is encoded, whatever the cut.
    - ``split`` says where: at fixed times, where scenes begin (``ytcurate.media.scenes``), or nowhere.

    Copying holds the packets of the clips that have begun in memory, whatever the length of the source.

    Args:
        video: a whole container file, as bytes or as a path.
        segmenting: where to cut, and how.
        preview: which clips get a poster: ``every``, ``first`` (of the source) or ``none``.

    Raises:
        UnreadableVideo: at once if no video stream can be opened; after the clips before it if the file
            breaks off in the middle, or a clip is larger than any table takes.
    """
    segmenting = segmenting or Segmenting()
    segments = None
    if segmenting.split == "scenes":
        from ytcurate.media.scenes import find_scenes

        segments = find_scenes(video, segmenting)
    # To keep a source whole is to leave its packets as they are, but for the codec.
    is_copied = segmenting.cutting == "copy" or segmenting.split == "whole"
    if is_copied and not _is_of_other_codec(video, segmenting):
        yield from copy_clips(video, segmenting, segments, preview=preview)
    else:
        from ytcurate.media.exact_cut import exact_clips

        if segmenting.split == "whole":
            segments = [_WHOLE]
        yield from exact_clips(video, segmenting, segments, preview=preview)


def _is_of_other_codec(video: VideoLike, segmenting: Segmenting) -> bool:
    if segmenting.codec is None:
        return False
    with open_video(video) as (_, stream):
        return stream.codec_context.codec.canonical_name != segmenting.codec
