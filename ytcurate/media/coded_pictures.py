"""What a packet holds, read from the first bits of its pictures without decoding any.

Sources: ITU-T H.264 and H.265, section 7.4.1 (NAL unit header); ISO/IEC 14496-15 (avcC, hvcC); VP9 bitstream
specification, section 6.2; RFC 6386, section 9.1; AV1 bitstream specification, sections 5.3 and 5.9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ytcurate.media.decode_plan import Entry

if TYPE_CHECKING:
    from av.buffer import Buffer

START_CODE = b"\x00\x00\x01"


class CodedPicture(NamedTuple):
    """One packet, as far as leaving out packets is concerned."""

    entry: Entry = Entry.NO
    is_unreferenced: bool = False
    """No picture of the same temporal layer refers to it, and the packet holds nothing else of use."""
    temporal_id: int = 0
    has_parameters: bool = False
    """The packet carries all parameter sets that decoding needs to start here."""
    changes_parameters: bool = False
    """The packet carries some parameter set."""


def read_pictures(
    codec: str, extradata: bytes, packets: Sequence[Buffer | bytes]
) -> list[CodedPicture] | None:
    """Read every packet of a stream.

    Args:
        codec: FFmpeg's name.
        extradata: the stream's header, as FFmpeg gives it.
        packets: data of all packets in decoding order; PyAV's packets, or bytes.

    Returns:
        One entry per packet; None if packets of this codec are not read here, or one is not well-formed.
    """
    reader = {"h264": _h264, "hevc": _hevc, "vp8": _vp8, "vp9": _vp9, "av1": _av1}.get(codec)
    if reader is None:
        return None
    try:
        length_bytes = _length_bytes(codec, extradata)
        pictures = [reader(bytes(packet), length_bytes) for packet in packets]
    except (IndexError, ValueError):
        return None
    return _settle(pictures)


def _settle(pictures: list[CodedPicture]) -> list[CodedPicture]:
    """Take back what does not hold when all packets are seen together."""
    # A higher temporal layer may refer to what its own layer does not.
    highest = max((picture.temporal_id for picture in pictures), default=0)
    # A parameter set in the middle of a group is lost if the end of that group is left out.
    scattered = any(picture.changes_parameters and picture.entry is Entry.NO for picture in pictures)
    repeated = any(picture.changes_parameters for picture in pictures[1:])
    settled = []
    for picture in pictures:
        starts = not scattered and (picture.has_parameters or not repeated)
        settled.append(
            picture._replace(
                entry=picture.entry if starts else Entry.NO,
                is_unreferenced=picture.is_unreferenced and picture.temporal_id == highest,
            )
        )
    return settled


def _length_bytes(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each NAL unit; 0 where start codes stand between them."""
    if (
        codec not in ("h264", "hevc")
        or not extradata
        or extradata[:3] == START_CODE
        or extradata[:4] == b"\0" + START_CODE
    ):
        return 0
    if extradata[0] != 1 and codec == "h264":
        raise ValueError("neither avcC nor start codes")
    return (extradata[4 if codec == "h264" else 21] & 3) + 1


def _units(data: bytes, length_bytes: int) -> Iterator[int]:
    """Where the NAL units of a packet begin."""
    if length_bytes == 0:
        at = data.find(START_CODE)
        if at < 0:
            raise ValueError("no start code")
        while at >= 0 and at + 4 < len(data):
            yield at + 3
            at = data.find(START_CODE, at + 3)
        return
    at = 0
    while at < len(data):
        begin = at + length_bytes
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or at <= begin:
            raise ValueError("a NAL unit of no length, or longer than its packet")
        yield begin


def _h264(data: bytes, length_bytes: int) -> CodedPicture:
    headers = [data[at] for at in _units(data, length_bytes)]
    types = {header & 31 for header in headers}
    # Slices, and what is only told about them: delimiter, filler and supplemental information.
    plain = types <= {1, 6, 9, 12} and 1 in types
    return CodedPicture(
        # Recovery points other than IDR pictures let later pictures refer to earlier ones.
        entry=Entry.CLOSED if 5 in types else Entry.NO,
        is_unreferenced=plain and not any(header & 31 == 1 and header & 0x60 for header in headers),
        has_parameters={7, 8} <= types,
        changes_parameters=bool(types & {7, 8, 13, 15}),
    )


def _hevc(data: bytes, length_bytes: int) -> CodedPicture:
    starts = list(_units(data, length_bytes))
    types = {data[at] >> 1 & 63 for at in starts}
    slices = {unit for unit in types if unit < 32}
    layered = any(data[at] & 1 or data[at + 1] >> 3 for at in starts)
    temporal_id = max((data[at + 1] & 7) - 1 for at in starts)
    entry = Entry.NO
    if slices and not layered:
        if slices <= {16, 17, 18, 19, 20}:  # BLA and IDR pictures
            entry = Entry.CLOSED
        elif slices == {21}:  # CRA
            entry = Entry.OPEN
    plain = bool(slices) and types - slices <= {35, 38, 39, 40} and not layered
    return CodedPicture(
        entry=entry,
        is_unreferenced=plain and all(unit < 16 and unit % 2 == 0 for unit in slices),
        temporal_id=temporal_id,
        has_parameters={33, 34} <= types,
        changes_parameters=bool(types & {32, 33, 34}),
    )


def _vp8(data: bytes, _: int) -> CodedPicture:
    return CodedPicture(entry=Entry.NO if data[0] & 1 else Entry.CLOSED)


def _vp9(data: bytes, _: int) -> CodedPicture:
    bits = f"{int.from_bytes(data[:2].ljust(2, bytes(1)), 'big'):016b}"
    if bits[:2] != "10":
        raise ValueError("no VP9 frame marker")
    at = 5 if bits[2:4] == "11" else 4
    is_key = bits[at] == "0" and bits[at + 1] == "0"  # shows no earlier frame again, and is a key frame
    return CodedPicture(entry=Entry.CLOSED if is_key else Entry.NO)


def _av1(data: bytes, _: int) -> CodedPicture:
    at = 0
    has_sequence = False
    while at < len(data):
        header = data[at]
        at += 2 if header & 4 else 1
        size = len(data) - at
        if header & 2:
            size, at = _leb128(data, at)
        kind = header >> 3 & 15
        has_sequence = has_sequence or kind == 1
        if kind in (3, 6):  # frame header, frame
            # A key frame that is shown: 0 (no earlier one shown again), 00 (key frame), 1 (shown).
            starts = data[at] >> 4 == 0b0001 and has_sequence
            return CodedPicture(entry=Entry.CLOSED if starts else Entry.NO)
        at += size
    return CodedPicture()


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        value |= (data[at + place] & 127) << 7 * place
        if not data[at + place] & 128:
            return value, at + place + 1
    raise ValueError("a size of more than eight bytes")
