"""What stands between the rows of a read, and of a job's input, when control attributes ask for it."""

from __future__ import annotations

from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResponseError

from .error_chains import chain, operation_chain
from .keyed_helpers import failure

pytestmark = pytest.mark.checked_against("server source")

TEXT = yt.YsonFormat(format="text")


@pytest.fixture
def raw_client(client: YtClient) -> YtClient:
    """A client that hands on what comes: with retries it takes control rows out."""
    yt.config.get_config(client)["read_retries"]["enable"] = False
    return client


def read(client: YtClient, path: Any, format: Any, **control: bool) -> bytes:
    return b"".join(client.read_table(path, format=format, raw=True, control_attributes=control))


def test_switches_stand_before_the_rows_they_are_about(raw_client: YtClient, numbers: str) -> None:
    control = dict.fromkeys(("enable_table_index", "enable_range_index", "enable_row_index"), True)
    data = read(raw_client, f"{numbers}[#7:#9,#1]", TEXT, **control)
    assert b"".join(data.split()) == (
        b'<table_index=0;>#;<range_index=0;>#;<row_index=7;>#;{"x"=7;};{"x"=8;};'
        b'<range_index=1;>#;<row_index=1;>#;{"x"=1;};'
    )


def test_the_end_of_a_stream_is_told_in_yson_and_json(raw_client: YtClient, numbers: str) -> None:
    data = read(raw_client, f"{numbers}[#3]", TEXT, enable_end_of_stream=True)
    assert b"".join(data.split()) == b'{"x"=3;};<end_of_stream=%true;>#;'
    data = read(raw_client, f"{numbers}[#3]", "json", enable_end_of_stream=True, enable_table_index=True)
    assert data.splitlines() == [
        b'{"$attributes":{"table_index":0},"$value":null}',
        b'{"x":3}',
        b'{"$attributes":{"end_of_stream":true},"$value":null}',
    ]


def test_a_read_has_no_keys_and_no_tablets_to_switch_between(raw_client: YtClient, numbers: str) -> None:
    data = read(raw_client, f"{numbers}[#3]", TEXT, enable_key_switch=True, enable_tablet_index=True)
    assert b"".join(data.split()) == b'{"x"=3;};'


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("enable_row_index", "Row indices are not supported in DSV format"),
        ("enable_key_switch", "Key switches are not supported in DSV format"),
        ("enable_end_of_stream", "End of stream attribute is not supported in DSV format"),
    ],
)
def test_dsv_has_no_place_for_most_of_them(
    raw_client: YtClient, numbers: str, attribute: str, message: str
) -> None:
    with pytest.raises(YtResponseError) as caught:
        read(raw_client, numbers, "dsv", **{attribute: True})
    assert chain(caught.value.error) == [(2800, "Failed to parse config for DSV format"), (1, message)]


@pytest.mark.checked_against("documentation")
def test_dsv_tells_the_table_in_a_column(raw_client: YtClient, numbers: str) -> None:
    form = yt.DsvFormat(enable_table_index=True)
    assert read(raw_client, f"{numbers}[#3]", form, enable_table_index=True) == b"x=3\t@table_index=0\n"


@pytest.mark.checked_against("nothing")
def test_an_unknown_control_attribute_is_refused_by_name(raw_client: YtClient, numbers: str) -> None:
    with pytest.raises(YtResponseError) as caught:
        read(raw_client, numbers, "json", enable_magic=True)
    text = 'Control attribute "enable_magic" is not implemented by the local cluster'
    assert chain(caught.value.error) == [(1, text)]


def test_a_map_job_gets_them_in_its_format(client: YtClient, folder: str, numbers: str) -> None:
    control = {"enable_row_index": True, "enable_end_of_stream": True}
    operation = client.run_map(
        "cat >&2", [f"{numbers}[#5]", f"{numbers}[#6]"], f"{folder}/out", format="json", job_count=1,
        spec={"job_io": {"control_attributes": control}},
    )  # fmt: skip
    (job,) = operation.get_jobs_with_error_or_stderr()
    assert job["stderr"].splitlines() == [
        '{"$attributes":{"table_index":0},"$value":null}',
        '{"$attributes":{"row_index":5},"$value":null}',
        '{"x":5}',
        '{"$attributes":{"table_index":1},"$value":null}',
        '{"$attributes":{"row_index":6},"$value":null}',
        '{"x":6}',
        '{"$attributes":{"end_of_stream":true},"$value":null}',
    ]


def test_key_switches_in_a_format_without_them_end_a_reduce(client: YtClient, folder: str) -> None:
    client.write_table(f"<sorted_by=[k]>{folder}/t", [{"k": 1}])
    control = {"control_attributes": {"enable_key_switch": True}}
    error = failure(
        lambda: client.run_reduce(
            "cat", f"{folder}/t", f"{folder}/out", reduce_by=["k"], format="dsv", spec={"job_io": control}
        )
    )
    assert operation_chain(error)[2:] == [
        (2800, "Failed to parse config for DSV format"),
        (1, "Key switches are not supported in DSV format"),
    ]
