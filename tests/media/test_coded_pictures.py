"""Packets read from their first bytes, written here by hand from the specifications."""

import pytest

from ytcurate.media.coded_pictures import CodedPicture, read_pictures
from ytcurate.media.decode_plan import Entry

AVCC, HVCC = bytes([1, 100, 0, 30, 0xFF]), bytes([1]) + bytes(20) + b"\xff"


def units(*headers: bytes) -> bytes:
    """NAL units with a length of four bytes before each."""
    return b"".join((len(header) + 5).to_bytes(4, "big") + header + bytes(5) for header in headers)


def h264(ref_idc: int, kind: int) -> bytes:
    return bytes([ref_idc << 5 | kind])


def hevc(kind: int, temporal_id: int = 0, layer: int = 0) -> bytes:
    return bytes([kind << 1 | layer >> 5, (layer & 31) << 3 | temporal_id + 1])


def read_one(codec: str, extradata: bytes, packet: bytes) -> CodedPicture:
    (picture,) = read_pictures(codec, extradata, [packet])
    return picture


@pytest.mark.parametrize(
    ("headers", "entry", "is_unreferenced"),
    [
        ([h264(3, 5)], Entry.CLOSED, False),
        ([h264(2, 1)], Entry.NO, False),
        ([h264(0, 1)], Entry.NO, True),
        ([h264(0, 9), h264(0, 6), h264(0, 1), h264(0, 1)], Entry.NO, True),
        ([h264(0, 1), h264(2, 1)], Entry.NO, False),
        ([h264(3, 8), h264(0, 1)], Entry.NO, False),
        ([h264(0, 6)], Entry.NO, False),
    ],
    ids=["idr", "reference", "none refers", "slices", "one field refers", "parameters inside", "no slice"],
)
def test_h264(headers, entry, is_unreferenced):
    found = read_one("h264", AVCC, units(*headers))
    assert (found.entry, found.is_unreferenced) == (entry, is_unreferenced)


@pytest.mark.parametrize(
    ("headers", "entry", "is_unreferenced"),
    [
        ([hevc(19)], Entry.CLOSED, False),
        ([hevc(21)], Entry.OPEN, False),
        ([hevc(0)], Entry.NO, True),
        ([hevc(1)], Entry.NO, False),
        ([hevc(35), hevc(39), hevc(8)], Entry.NO, True),
        ([hevc(0), hevc(1)], Entry.NO, False),
        ([hevc(0), hevc(0, layer=1)], Entry.NO, False),
    ],
    ids=["idr", "cra", "TRAIL_N", "TRAIL_R", "RASL_N", "mixed", "second layer"],
)
def test_hevc(headers, entry, is_unreferenced):
    found = read_one("hevc", HVCC, units(*headers))
    assert (found.entry, found.is_unreferenced) == (entry, is_unreferenced)


def test_a_lower_temporal_layer_of_hevc_may_be_referred_to_by_a_higher_one():
    found = read_pictures("hevc", HVCC, [units(hevc(0, temporal_id=at)) for at in (0, 1)])
    assert [picture.is_unreferenced for picture in found] == [False, True]


def test_start_codes_of_three_and_of_four_bytes():
    packet = b"\0\0\0\1" + h264(0, 9) + b"\xf0" + b"\0\0\1" + h264(0, 1) + bytes([1, 2, 3])
    assert read_one("h264", b"", packet).is_unreferenced


def test_after_parameters_in_the_middle_of_a_group_nothing_can_be_left_out_up_to_the_next():
    idr, inside = units(h264(3, 7), h264(3, 8), h264(3, 5)), units(h264(3, 8), h264(2, 1))
    entries = [picture.entry for picture in read_pictures("h264", AVCC, [idr, inside, idr])]
    assert entries == [Entry.NO] * 3


def test_where_keyframes_repeat_parameters_one_without_them_is_no_entry():
    full, bare = units(h264(3, 7), h264(3, 8), h264(3, 5)), units(h264(3, 5))
    assert [picture.entry for picture in read_pictures("h264", AVCC, [full, bare, full])] == [
        Entry.CLOSED,
        Entry.NO,
        Entry.CLOSED,
    ]


@pytest.mark.parametrize(
    ("codec", "packet", "entry"),
    [
        ("vp8", bytes([0x10]), Entry.CLOSED),
        ("vp8", bytes([0x11]), Entry.NO),
        ("vp9", bytes([0b1000_0010, 0x49]), Entry.CLOSED),
        ("vp9", bytes([0b1000_0110, 0]), Entry.NO),
        ("vp9", bytes([0b1000_1000, 0]), Entry.NO),
        ("av1", bytes([0x12, 0, 0x0A, 1, 0, 0x32, 1, 0b0001_0000]), Entry.CLOSED),
        ("av1", bytes([0x12, 0, 0x32, 1, 0b0001_0000]), Entry.NO),
        ("av1", bytes([0x0A, 1, 0, 0x32, 1, 0b0011_0000]), Entry.NO),
    ],
    ids=[
        "vp8 key",
        "vp8 inter",
        "vp9 key",
        "vp9 inter",
        "vp9 shown again",
        "av1 key",
        "av1 key without its sequence header",
        "av1 inter",
    ],
)
def test_other_codecs_can_be_entered_at_keyframes(codec, packet, entry):
    found = read_one(codec, b"", packet)
    assert (found.entry, found.is_unreferenced) == (entry, False)


@pytest.mark.parametrize(
    ("codec", "extradata", "packet"),
    [
        ("h264", AVCC, units(h264(0, 1))[:-1]),
        ("h264", AVCC, bytes(8)),
        ("h264", b"", bytes(8)),
        ("h264", bytes([7, 1, 2, 3]), units(h264(0, 1))),
        ("hevc", HVCC, b""),
        ("vp9", b"", b"\0\0"),
        ("mpeg4", b"", b"\0\0\1\xb6"),
    ],
    ids=["cut off", "no length", "no start code", "unknown header", "empty", "no marker", "another codec"],
)
def test_what_cannot_be_read_is_not_guessed(codec, extradata, packet):
    assert read_pictures(codec, extradata, [packet]) is None
