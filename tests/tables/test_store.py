import pytest
import yt.wrapper as yt

from ytcurate.config import MIB
from ytcurate.connection import connect
from ytcurate.errors import SchemaMismatch, TableExists, TableMissing, UsageError
from ytcurate.tables import store
from ytcurate.tables.rows import Column
from ytcurate.tables.stream_rows import find_row_cap, stream_rows

COLUMNS = (Column("id", "int64", required=True), Column("video", "string", tag="video"))


def keep(row, cap):
    raise AssertionError(f"row {row['id']} was to be lightened for a cap of {cap}")


def write(client, table, rows, *, cap=1024 * MIB, lighten=keep):
    with yt.Transaction(client=client) as transaction:
        return stream_rows(
            client, table, rows, transaction_id=transaction.transaction_id, cap=cap, lighten=lighten
        )


def test_rows_come_back_as_they_were_written(client, workdir):
    table = f"{workdir}/t"
    store.create_table(client, table, COLUMNS)
    write(client, table, [{"id": 1, "video": b"\x00\xff"}, {"id": 2, "video": None}])

    rows = list(client.read_table(table, format=yt.YsonFormat(encoding=None)))
    assert rows == [{b"id": 1, b"video": b"\x00\xff"}, {b"id": 2, b"video": None}]


def test_a_row_of_40_mib_is_written_with_the_row_weight_it_needs(client, workdir):
    table = f"{workdir}/t"
    store.create_table(client, table, COLUMNS)
    rows = [{"id": 1, "video": b"small"}, {"id": 2, "video": bytes(40 * MIB)}]

    written = write(client, table, rows)

    assert (written.max_row_weight, dict(written.row_weights_mib)) == (64 * MIB, {"1": 1, "64": 1})
    assert client.get(f"{table}/@row_count") == 2


def test_without_it_the_cluster_refuses_the_row(client, workdir):
    table = f"{workdir}/t"
    store.create_table(client, table, COLUMNS)
    with pytest.raises(yt.YtResponseError, match="Row weight is too large"):
        client.write_table(table, [{"id": 1, "video": bytes(17 * MIB)}])


def test_a_row_above_the_clusters_cap_is_replaced_and_the_others_are_written(upstream_proxy):
    client = connect(upstream_proxy)
    store.create_table(client, "//tmp/t", COLUMNS, replace=True)
    rows = [{"id": 1, "video": b"small"}, {"id": 2, "video": bytes(130 * MIB)}, {"id": 3, "video": b"small"}]

    cap = find_row_cap(client, "//tmp/t")
    written = write(
        client,
        "//tmp/t",
        rows,
        cap=cap,
        lighten=lambda row, cap: {"id": -row["id"], "video": str(cap).encode()},
    )

    assert (cap, written.max_row_weight) == (128 * MIB, 0)
    assert list(client.read_table("//tmp/t")) == [
        {"id": 1, "video": "small"},
        {"id": -2, "video": str(128 * MIB)},
        {"id": 3, "video": "small"},
    ]


def test_rows_are_taken_one_at_a_time_and_heavier_ones_begin_a_request_of_their_own(client, workdir):
    table, taken = f"{workdir}/t", []
    store.create_table(client, table, COLUMNS)

    def rows():
        for number, size in enumerate([1, 20 * MIB, 1, 40 * MIB, 1]):
            taken.append(number)
            yield {"id": number, "video": bytes(size)}

    written = write(client, table, rows())

    assert [row["id"] for row in client.read_table(f"{table}{{id}}")] == [0, 1, 2, 3, 4]
    assert (taken, written.max_row_weight) == ([0, 1, 2, 3, 4], 64 * MIB)
    # The first row, those below 32 MiB, and those below 64.
    assert client.get(f"{table}/@chunk_count") == 3


def test_what_a_row_may_weigh_is_found_out_without_writing(client, workdir):
    table = f"{workdir}/t"
    store.create_table(client, table, COLUMNS)
    assert find_row_cap(client, table) == 1024 * MIB
    assert client.get(f"{table}/@chunk_count") == 0


@pytest.mark.parametrize(
    ("heaviest", "limit"),
    [
        (0, 16 * MIB),
        (16 * MIB - 1, 16 * MIB),
        (16 * MIB, 32 * MIB),
        (100 * MIB, 128 * MIB),
        (900 * MIB, 1024 * MIB),
    ],
)
def test_the_row_weight_asked_for_is_above_the_heaviest_row(heaviest, limit):
    assert store.writer_row_weight(heaviest) == limit


def test_a_table_with_rows_is_not_written_unasked(client, workdir):
    table = f"{workdir}/t"
    store.create_table(client, table, COLUMNS)
    store.prepare_output(client, table, COLUMNS, overwrite=False, append=False)
    write(client, table, [{"id": 1, "video": b""}])

    with pytest.raises(
        TableExists, match=r"holds 1 rows already\. Use --overwrite to replace them or --append"
    ):
        store.prepare_output(client, table, COLUMNS, overwrite=False, append=False)
    store.prepare_output(client, table, COLUMNS, overwrite=True, append=False)
    store.prepare_output(client, table, COLUMNS, overwrite=False, append=True)


def test_a_table_with_other_columns_is_not_written_at_all(client, workdir):
    store.create_table(client, f"{workdir}/t", COLUMNS[:1])
    with pytest.raises(SchemaMismatch, match=r'/t: column "video" \(optional string\) is missing'):
        store.prepare_output(client, f"{workdir}/t", COLUMNS, overwrite=True, append=False)
    with pytest.raises(SchemaMismatch, match="is a map_node, not a table"):
        store.prepare_output(client, workdir, COLUMNS, overwrite=True, append=False)


def test_what_is_read_must_be_there_with_its_columns(client, workdir):
    with pytest.raises(TableMissing, match=r"/none: no such table on this cluster"):
        store.require_table(client, f"{workdir}/none", ["id"])
    store.create_table(client, f"{workdir}/t", COLUMNS)
    store.require_table(client, f"{workdir}/t", ["id", "video"])
    with pytest.raises(SchemaMismatch, match='has no column "length"; it has id, video'):
        store.require_table(client, f"{workdir}/t", ["length"])


@pytest.mark.parametrize("path", ["tmp/t", "//", "//tmp/"])
def test_what_is_no_path_of_a_table_is_a_wrong_call(path):
    with pytest.raises(UsageError, match="is not the path of a table"):
        store.check_path(path)
