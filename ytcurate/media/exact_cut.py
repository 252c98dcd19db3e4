"""Source video → clips exact to the picture, by copying what can be copied or by encoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from ytcurate.config import Segmenting
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.clip import Clip
from ytcurate.media.clip_writer import ExactClip
from ytcurate.media.encode_cut import encode_clips
from ytcurate.media.encoders import choose_encoder, cuts_smart
from ytcurate.media.packet_index import SourceIndex, index_source
from ytcurate.media.poster import make_poster
from ytcurate.media.probe import VideoLike, probe
from ytcurate.media.segment import Segment, plan_fixed
from ytcurate.media.smart_cut import can_cut_smart, smart_clips

_REORDERED_PICTURES = 16
"""Where a file breaks off, so many pictures at most may be missing between those that are there."""


def exact_clips(
    video: VideoLike, segmenting: Segmenting, segments: Sequence[Segment] | None, *, preview: str
) -> Iterator[Clip]:
    """Cut a source into clips that begin and end with the pictures of their segments.

    A picture belongs to a segment if it begins to be displayed inside; times that differ by less than a
    microsecond are the same. A segment without a picture gives no clip, and the numbers of clips have no
    holes. Clips have no sound.

    ``smart`` copies packets of H.264 and HEVC. Sources of other codecs, in pixel formats that the software
    encoders do not take, or whose packets cannot be told by their times, are encoded whole, as ``encode``
    does and as a ``segmenting.codec`` other than the source's asks for. What is encoded keeps its codec if
    that is H.264 or HEVC, else becomes H.264.

    Args:
        video: a whole container file, as bytes or as a path.
        segmenting: how to cut.
        segments: where, in the order of their starts; they may overlap. None: as ``split="fixed"`` plans.
        preview: which clips get a poster: ``every``, ``first`` (of the source) or ``none``.

    Raises:
        UnreadableVideo: at once if no pictures can be read; after the clips before it if the file breaks off;
            also if its pictures must be encoded and no encoder works here.
    """
    index = index_source(video)
    if segments is None:
        segments = plan_fixed(
            index.duration_s,
            length=segmenting.clip_length,
            stride=segmenting.stride,
            min_s=Fraction(str(segmenting.min_seconds)),
        )
    spans = [span for segment in segments if (span := index.pictures_in(segment))]
    if index.breaks:
        known = len(index.times) - _REORDERED_PICTURES
        spans = [range(span.start, min(span.stop, known)) for span in spans if span.start < known]
    number = 0
    for made in _make_clips(video, index, spans, segmenting):
        if made is None:
            continue
        wants_poster = preview == "every" or (preview == "first" and number == 0)
        yield Clip(
            segment_index=number,
            video=made.video,
            file_type="mp4",
            start_s=index.seconds(made.first_pts),
            length_s=(made.end_pts - made.first_pts) * index.time_base,
            info=probe(made.video),
            preview=make_poster(made.video) if wants_poster else None,
        )
        number += 1
    if index.breaks:
        raise UnreadableVideo(index.breaks)
    if spans and number == 0:
        raise UnreadableVideo(f"none of its {len(index.times)} pictures can be decoded")


def _make_clips(
    video: VideoLike, index: SourceIndex, spans: Sequence[range], segmenting: Segmenting
) -> Iterator[ExactClip | None]:
    encoding = segmenting.encoding
    if cuts_smart(segmenting, index.codec) and can_cut_smart(index):
        return smart_clips(video, index, spans, encoding)
    try:
        encoder = choose_encoder(segmenting, index.codec)
    except UsageError as error:
        # Another source may need no encoder, or one that works.
        raise UnreadableVideo(
            f"its pictures, {index.codec} in {index.pix_fmt}, must be encoded: {error}"
        ) from error
    return encode_clips(video, index, spans, encoder, encoding)
