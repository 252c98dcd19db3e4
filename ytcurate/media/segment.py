"""Where a stream is cut when packets are copied. Arithmetic only."""

from __future__ import annotations

from fractions import Fraction


class KeyframeCutter:
    """Says, packet by packet, where a new segment starts.

    The rule of FFmpeg's segment muxer: the n-th cut (n = 1, 2, ...) falls on the first keyframe whose
    time is at or after n x the clip length. Keyframes 25 s apart with 10-second clips thus give cuts at
    25 s and again at the very next keyframe, since the second limit (20 s) has passed by then.

    Source: ``seg_write_packet`` in FFmpeg's libavformat/segment.c.
    """

    def __init__(self, clip_length: Fraction) -> None:
        self._clip_length = clip_length
        self._cuts = 0
        self._packets_in_segment = 0

    def starts_segment(self, *, time_s: Fraction | None, is_keyframe: bool) -> bool:
        """Take the next packet, in file order; True if a segment after the first starts with it.

        Args:
            time_s: presentation time from the start of the file; None for a packet without one.
            is_keyframe: whether the packet can be decoded alone.
        """
        limit = self._clip_length * (self._cuts + 1)
        cut = is_keyframe and self._packets_in_segment > 0 and time_s is not None and time_s >= limit
        if cut:
            self._cuts += 1
            self._packets_in_segment = 0
        self._packets_in_segment += 1
        return cut
