"""Which packets are decoded, on packets written down by hand; no video."""

import pytest

from ytcurate.media.decode_plan import Entry, PacketEntry, display_order, packets_to_decode


def packets(text: str) -> list[PacketEntry]:
    """One word per packet, in decoding order: a kind and its pts.

    I: keyframe; C: keyframe with leading pictures (open); P: reference; b: to which no other refers.
    """
    entries = {"I": Entry.CLOSED, "C": Entry.OPEN, "P": Entry.NO, "b": Entry.NO}
    return [PacketEntry(int(word[1:]), entries[word[0]], word[0] == "b") for word in text.split()]


def chosen(text: str, wanted_pts: set[int]) -> str:
    clip = packets(text)
    wanted = {number for number, packet in enumerate(clip) if packet.pts in wanted_pts}
    words = text.split()
    return " ".join(words[number] for number in packets_to_decode(clip, wanted))


CLOSED = "I0 P4 P2 b1 b3 P6 b5 I7 P9 b8 I10 P11"
OPEN = "I0 P3 b1 b2 C6 P5 b4 P9 b7 b8"


@pytest.mark.parametrize(
    ("clip", "wanted", "decoded"),
    [
        (CLOSED, {0, 11}, "I0 I10 P11"),
        (CLOSED, {1}, "I0 P4 P2 b1"),
        (CLOSED, {3, 5}, "I0 P4 P2 b3 P6 b5"),
        (CLOSED, {8}, "I7 P9 b8"),
        (CLOSED, set(range(12)), CLOSED),
        (CLOSED, set(), ""),
        (OPEN, {0, 9}, "I0 C6 P9"),
        (OPEN, {6}, "C6"),
        (OPEN, {4}, "I0 P3 C6 P5 b4"),
        (OPEN, {5}, "I0 P3 C6 P5"),
        (OPEN, {7}, "C6 P9 b7"),
    ],
    ids=[
        "ends of two groups",
        "a picture nothing refers to",
        "several such",
        "a group in the middle",
        "all",
        "none",
        "leading pictures left out",
        "an open keyframe alone",
        "a leading picture needs the group before, whole",
        "a leading reference picture too",
        "a trailing one does not",
    ],
)
def test_only_what_the_wanted_pictures_need_is_decoded(clip, wanted, decoded):
    assert chosen(clip, wanted) == decoded


def test_decoding_starts_at_the_first_packet_whatever_it_is():
    assert chosen("P0 P1 I2", {1}) == "P0 P1"


def test_pictures_before_an_edit_lists_start_are_decoded_and_not_counted():
    clip = [packet._replace(is_shown=packet.pts >= 2) for packet in packets("I0 P2 b1 P4 b3")]
    assert display_order(clip) == [1, 4, 3]
    assert packets_to_decode(clip, {1}) == [0, 1]


def test_display_order_is_that_of_times():
    assert display_order(packets("I7 P11 b9")) == [0, 2, 1]


@pytest.mark.parametrize("pts", [None, 0], ids=["missing", "twice"])
def test_without_distinct_times_there_is_no_order(pts):
    assert display_order([*packets("I0 P1"), PacketEntry(pts, Entry.NO, False)]) is None
