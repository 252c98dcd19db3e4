"""Rows as binary YSON, written in the ways that writers write them."""

import struct

import numpy as np
import pytest
import yt.yson as yson

from ytcurate.errors import SchemaMismatch
from ytcurate.vectors.rows import RowParser


def row(embedding, **others):
    record = {"ds_index": 1, "segment_index": 2, "clip_id": "abc", **others, "embedding": embedding}
    return yson.dumps(record, yson_format="binary") + b";"


def parse(*rows, columns=()):
    parser = RowParser(columns)
    blocks = list(parser.blocks(rows))
    return parser, blocks


def test_every_way_of_writing_a_list_gives_the_same_vector():
    usual = row([0.6, 0.8])
    items = b"\x03" + struct.pack("<d", 0.6) + b";\x03" + struct.pack("<d", 0.8)
    assert items + b";]" in usual
    others = [
        usual.replace(items + b";]", items + b"]"),  # no semicolon behind the last item
        row([6, 8]),  # integers
        row([6, 0.8 * 10]),
        row([0.6, 0.8], after="later"),
        usual.replace(b"ds_index", b"other=\x02\x02;\x01\x10ds_index", 1).replace(
            b"\x01\x10other", b"\x01\x0aother"
        ),
    ]
    _, (block,) = parse(usual, *others)
    assert np.allclose(block.vectors, [[0.6, 0.8]] * 6)
    assert block.ds_index.tolist() == [1] * 6


def test_bytes_that_look_like_a_vector_inside_a_text_do_no_harm():
    odd = "\x01\x12embedding=[" + "x" * 20 + "];"
    _, (block,) = parse(row([0.6, 0.8]), row([0.8, 0.6], clip_id=odd), row([1.0, 0.0]))
    assert np.allclose(block.vectors, [[0.6, 0.8], [0.8, 0.6], [1, 0]])
    assert block.clip_id[1] == odd.encode()


def test_numbers_go_on_from_block_to_block():
    rows = [row([1.0, 0.0] if at % 2 else None) for at in range(3000)]
    parser, blocks = parse(*rows)
    assert np.concatenate([block.rows for block in blocks]).tolist() == list(range(1, 3000, 2))
    assert parser.without == 1500


def test_a_row_that_is_not_as_expected_is_an_error():
    with pytest.raises(SchemaMismatch, match='column "embedding": a list of numbers is expected'):
        parse(row("text"))
    with pytest.raises(SchemaMismatch, match='a row with a vector has no "ds_index"'):
        parse(yson.dumps({"embedding": [1.0], "segment_index": 1}, yson_format="binary") + b";")
