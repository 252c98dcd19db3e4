"""Jobs whose rows are dataclasses: Skiff on the descriptors of a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yt.wrapper as yt
import yt.yson as yson
from yt.wrapper import TablePath, YtClient
from yt.wrapper.schema import OtherColumns, YsonBytes

from .error_chains import operation_chain
from .keyed_helpers import failure, rows_of

pytestmark = pytest.mark.checked_against("client")


@yt.yt_dataclass
class Size:
    width: int
    names: list[str]


@yt.yt_dataclass
class Clip:
    name: str
    length: int | None
    size: Size | None
    extra: YsonBytes | None


@yt.yt_dataclass
class Loose:
    name: str
    rest: OtherColumns


@yt.yt_dataclass
class Place:
    name: str
    where: str
    size: Size | None


@yt.yt_dataclass
class Count:
    name: str
    count: int


@yt.with_context
class Route(yt.TypedJob):
    """Rows of two inputs to two outputs."""

    def prepare_operation(self, context: Any, preparer: Any) -> None:
        preparer.input(0, type=Clip).input(1, type=Loose)
        preparer.output(0, type=Place).output(1, type=Count)

    def __call__(self, row: Clip | Loose, context: Any) -> Iterator[Any]:
        where = f"{context.get_table_index()}:{context.get_row_index()}"
        if isinstance(row, Clip):
            yield yt.OutputRow(Place(name=row.name, where=where, size=row.size), table_index=0)
            yield yt.OutputRow(Count(name=row.name, count=row.length or -1), table_index=1)
        else:
            place = Place(name=f"{row.name}-{row.rest['n']}", where=where, size=None)
            yield yt.OutputRow(place, table_index=0)


class One(yt.TypedJob):
    def prepare_operation(self, context: Any, preparer: Any) -> None:
        preparer.input(0, type=Clip).output(0, type=Count)

    def __call__(self, row: Clip) -> Iterator[Count]:
        yield Count(name=row.name, count=1)


class Sum(yt.TypedJob):
    """Called once for each key."""

    def prepare_operation(self, context: Any, preparer: Any) -> None:
        preparer.inputs(range(context.get_input_count()), type=Count).output(0, type=Count)

    def __call__(self, rows: Any) -> Iterator[Count]:
        found = list(rows)
        yield Count(name=found[0].name, count=sum(row.count for row in found))


@pytest.fixture
def clips(client: YtClient, folder: str) -> str:
    rows = [
        Clip(name="a", length=3, size=Size(width=1, names=["p", "q"]), extra=yson.dumps([1])),
        Clip(name="b", length=None, size=None, extra=None),
        Clip(name="a", length=5, size=None, extra=None),
    ]
    client.write_table_structured(f"{folder}/clips", Clip, rows)
    return f"{folder}/clips"


def test_a_typed_mapper_routes_rows_of_two_inputs_to_two_outputs(
    client: YtClient, folder: str, clips: str
) -> None:
    schema = [{"name": "name", "type": "utf8", "required": True}, {"name": "n", "type": "int64"}]
    client.create("table", f"{folder}/loose", attributes={"schema": schema})
    client.write_table(f"{folder}/loose", [{"name": "x", "n": 1}, {"name": "y", "n": 2}])
    client.run_map(Route(), [clips, f"{folder}/loose"], [f"{folder}/places", f"{folder}/counts"])
    places = [(row["name"], row["where"], row["size"]) for row in rows_of(client, f"{folder}/places")]
    assert places == [
        ("a", "0:0", {"width": 1, "names": ["p", "q"]}), ("b", "0:1", None), ("a", "0:2", None),
        ("x-1", "1:0", None), ("y-2", "1:1", None),
    ]  # fmt: skip
    assert list(client.read_table_structured(f"{folder}/counts", Count)) == [
        Count(name="a", count=3), Count(name="b", count=-1), Count(name="a", count=5),
    ]  # fmt: skip


def test_a_typed_reducer_is_called_once_for_each_key(client: YtClient, folder: str) -> None:
    for table, names in (("s", "aab"), ("t", "abc")):
        path = TablePath(f"{folder}/{table}", sorted_by=["name"])
        client.write_table_structured(path, Count, [Count(name=name, count=1) for name in names])
    sources = [f"{folder}/s", f"{folder}/t"]
    client.run_reduce(Sum(), sources, f"{folder}/sums", reduce_by=["name"], job_count=2)
    found = sorted((row["name"], row["count"]) for row in rows_of(client, f"{folder}/sums"))
    assert found == [("a", 3), ("b", 2), ("c", 1)]


def test_typed_jobs_make_a_map_reduce(client: YtClient, folder: str, clips: str) -> None:
    client.run_map_reduce(One(), Sum(), clips, f"{folder}/sums", reduce_by=["name"])
    assert rows_of(client, f"{folder}/sums") == [{"name": "a", "count": 2}, {"name": "b", "count": 1}]


@pytest.mark.checked_against("server source")
def test_a_format_that_does_not_fit_the_input_ends_the_operation(
    client: YtClient, folder: str, clips: str
) -> None:
    wire = {"wire_type": "tuple", "children": [{"name": "name", "wire_type": "int64"}]}
    form = yt.SkiffFormat(schemas=[wire])
    error = failure(
        lambda: client.run_map(
            "cat", f"{clips}{{name}}", f"{folder}/out", input_format=form, output_format="json"
        )
    )
    assert operation_chain(error)[1:] == [
        (1205, "User job failed"),
        (2800, "Failed to parse config for Skiff format"),
        (1, "Cannot create Skiff writer for table #0"),
        (1, 'Cannot create Skiff writer for column "name"'),
        (1, 'Unexpected wire type "int64"'),
    ]
    assert operation_chain(error)[0][1] == "Job failed with fatal error"


@pytest.mark.checked_against("server source")
def test_broken_output_of_a_job_publishes_nothing(client: YtClient, folder: str, clips: str) -> None:
    wire = {"wire_type": "tuple", "children": [{"name": "x", "wire_type": "int64"}]}
    form = yt.SkiffFormat(schemas=[wire])
    client.write_table(f"{folder}/out", [{"x": 1}])
    error = failure(
        lambda: client.run_map(
            "cat >/dev/null; printf '\\0\\0abc'",
            clips,
            f"{folder}/out",
            input_format="json",
            output_format=form,
        )
    )
    assert operation_chain(error)[-1] == (1, "Premature end of stream while parsing Skiff")
    assert rows_of(client, f"{folder}/out") == [{"x": 1}]


@pytest.mark.checked_against("documentation")
def test_a_table_is_a_file_of_a_job_in_any_format(
    client: YtClient, folder: str, clips: str, tmp_path: Path
) -> None:
    form = yson.to_yson_type("schemaful_dsv", attributes={"columns": ["name"]})
    path = TablePath(clips, attributes={"format": form, "file_name": "names"})
    client.run_map(
        "cat >/dev/null; cat names", clips, f"{folder}/out", yt_files=[path],
        input_format="json", output_format=yt.SchemafulDsvFormat(columns=["n"]),
    )  # fmt: skip
    assert rows_of(client, f"{folder}/out") == [{"n": "a"}, {"n": "b"}, {"n": "a"}]
