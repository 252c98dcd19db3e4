import random

from ytcurate.tables.ledger import KeyIndex, name_key, read_taken, sources_table
from ytcurate.tables.rows import SOURCES
from ytcurate.tables.store import create_table


def test_keys_that_were_loaded_and_keys_that_were_added_are_found():
    rng = random.Random(1)
    keys = [rng.randbytes(16) for _ in range(500)]
    index = KeyIndex(b"".join(keys), list(range(500)))
    index[b"x" * 32] = 7

    assert [index.get(key) for key in keys] == list(range(500))
    assert (index.get(b"x" * 16), len(index)) == (7, 501)
    assert rng.randbytes(16) not in index
    assert KeyIndex().get(keys[0]) is None


def test_keys_that_share_their_first_half_are_told_apart_and_the_first_of_equals_counts():
    one, other = b"a" * 8 + b"1" * 8, b"a" * 8 + b"2" * 8
    index = KeyIndex(other + one + other, [5, 6, 7])
    assert (index.get(one), index.get(other)) == (6, 5)
    assert index.get(b"a" * 8 + b"3" * 8) is None


def test_what_was_taken_is_read_back(client, workdir):
    path = sources_table(f"{workdir}/clips")
    create_table(client, path, SOURCES)
    digests = {name: (name * 64)[:64] for name in "abc"}
    rows = [
        ("a", digests["a"], "ok"),
        ("b", digests["b"], "unreadable"),
        ("c", digests["a"], "duplicate"),
        ("d", None, "failed"),
    ]
    nothing = {"clips": 0, "seconds": 0.0, "bytes": 0}
    client.write_table(
        path,
        [
            {"ds_index": n, "source": name, "sha256": digest, "outcome": outcome, **nothing}
            for n, (name, digest, outcome) in enumerate(rows)
        ],
    )

    taken, again = read_taken(client, path), read_taken(client, path, first_index=1, again=True)

    assert [taken.names.get(name_key(name)) for name in "abcde"] == [0, 1, 2, 3, None]
    assert [taken.digests.get(bytes.fromhex(digests[name])) for name in "abc"] == [0, 1, None]
    assert [again.names.get(name_key(name)) for name in "abcd"] == [None, None, 2, None]
