"""What a keyframe is worth, read from its first bytes: whether decoding can start, and what it can show.

Containers mark as keyframes what their writers called so; the codecs tell more.

Sources: ITU-T H.264, sections 7.3.1, 7.3.2.3 and D.2.8; ITU-T H.265, section 7.4.2.2; ISO/IEC 13818-2,
section 6.2.2.6; ISO/IEC 14496-15 (avcC, hvcC).
"""

from __future__ import annotations

from collections.abc import Iterator

_START_CODE = b"\0\0\1"
_GOP_HEADER = b"\0\0\1\xb8"
_RADL = (6, 7)
"""HEVC's types of leading pictures that need nothing from before their keyframe."""


def shows_itself(codec: str, extradata: bytes, packet: bytes) -> bool:
    """Whether a keyframe's picture is whole when decoding starts with it.

    Not so in H.264 with intra refresh: a picture is put together over those that follow.

    Args:
        codec: FFmpeg's name.
        extradata: the stream's header.
        packet: of the keyframe.
    """
    if codec != "h264":
        return True
    length_bytes = (extradata[4] & 3) + 1 if extradata[:1] == b"\1" and len(extradata) > 4 else 0
    for unit in _units(packet, length_bytes):
        kind = unit[0] & 31
        if kind in (1, 5):
            return True
        if kind == 6 and _recovers_later(unit[1:]):
            return False
    return True


def needs_nothing_before(codec: str, extradata: bytes, keyframe: bytes, leading: bytes) -> bool:
    """Whether a picture that is shown before its keyframe can be decoded where decoding starts with that.

    Args:
        codec: FFmpeg's name.
        extradata: the stream's header.
        keyframe: packet of the keyframe.
        leading: packet of the picture.
    """
    if codec == "hevc":
        length_bytes = (extradata[21] & 3) + 1 if extradata[:1] == b"\1" and len(extradata) > 21 else 0
        kinds = (unit[0] >> 1 & 63 for unit in _units(leading, length_bytes))
        return next((kind for kind in kinds if kind < 32), -1) in _RADL
    if codec in ("mpeg1video", "mpeg2video"):
        at = keyframe.find(_GOP_HEADER)
        # 25 bits of time code, then closed_gop.
        return 0 <= at < len(keyframe) - 7 and bool(keyframe[at + 7] & 0x40)
    return False


def _recovers_later(message: bytes) -> bool:
    """Whether supplemental information announces a whole picture after this one."""
    data = message.replace(b"\0\0\3", b"\0\0")
    at = 0
    while at < len(data) - 2:
        kind, at = _sum_of_bytes(data, at)
        size, at = _sum_of_bytes(data, at)
        if kind == 6 and at < len(data):
            return not data[at] & 0x80  # recovery_frame_cnt in Exp-Golomb: 0 is the single bit 1
        at += size
    return False


def _sum_of_bytes(data: bytes, at: int) -> tuple[int, int]:
    total = 0
    while at < len(data) and data[at] == 255:
        total += 255
        at += 1
    return (total + data[at], at + 1) if at < len(data) else (total, at)


def _units(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    """The NAL units of a packet, without what separates them; empty ones are left out.

    Args:
        packet: as it is in the container.
        length_bytes: of the length before each unit; 0 where start codes stand between them.
    """
    if length_bytes:
        at = 0
        while at + length_bytes < len(packet):
            begin = at + length_bytes
            at = begin + int.from_bytes(packet[at:begin], "big")
            if at > begin:
                yield packet[begin:at]
        return
    begin = packet.find(_START_CODE)
    while begin >= 0:
        begin += 3
        end = packet.find(_START_CODE, begin)
        unit = packet[begin : end if end >= 0 else len(packet)]
        if unit:
            yield unit
        begin = end
