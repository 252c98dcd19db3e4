"""What HTTP clients say in headers and addresses where the Python client says it in parameters."""

from __future__ import annotations

import base64
import json

import pytest
import requests
from yt.wrapper import YtClient

pytestmark = pytest.mark.checked_against("server source")


def call(proxy: str, command: str, *, version: str = "v4", method: str = "GET", data: bytes = b"",
         **headers: str) -> requests.Response:  # fmt: skip
    named = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    return requests.request(
        method, f"{proxy}/api/{version}/{command}", headers={"Accept": None, **named}, data=data, timeout=20
    )


def parameters(**values: object) -> str:
    return json.dumps(values)


@pytest.mark.parametrize(
    ("accept", "media_type", "body"),
    [
        ("*/*", "application/json", b'{"value": "map_node"}'),
        ("text/html", "application/json", b'{"value": "map_node"}'),
        ("application/json", "application/json", b'{"value": "map_node"}'),
        ("application/x-yt-yson-text", "application/x-yt-yson-text", b'{"value"="map_node";}'),
        (
            "application/x-yt-yson-binary",
            "application/x-yt-yson-binary",
            b"{\x01\x0avalue=\x01\x10map_node;}",
        ),
    ],
)
def test_accept_says_how_a_value_is_answered(proxy: str, accept: str, media_type: str, body: bytes):
    answer = call(proxy, "get", Accept=accept, X_YT_Parameters=parameters(path="//tmp/@type"))
    assert (answer.headers["Content-Type"].split(";")[0], answer.content) == (media_type, body)


def test_a_format_in_the_parameters_goes_before_accept(proxy: str):
    asked = parameters(
        path="//tmp/@type", output_format={"$value": "yson", "$attributes": {"format": "text"}}
    )
    answer = call(proxy, "get", Accept="application/json", X_YT_Parameters=asked)
    assert answer.content == b'{"value"="map_node";}'


def test_headers_of_formats_go_before_those_of_media_types(proxy: str):
    asked = parameters(path="//tmp/@type")
    for said in ('{"$value": "yson", "$attributes": {"format": "text"}}', '"<format=text>yson"'):
        answer = call(proxy, "get", Accept="*/*", X_YT_Output_Format=said, X_YT_Parameters=asked)
        assert answer.content == b'{"value"="map_node";}'
    broken = call(proxy, "get", X_YT_Output_Format="{", X_YT_Parameters=asked)
    assert broken.json()["message"].startswith("Error parsing the header of output_format")


def test_several_types_to_accept_are_refused(proxy: str):
    answer = call(proxy, "get", Accept="application/json, */*", X_YT_Parameters=parameters(path="//tmp"))
    assert answer.json()["message"] == 'Multiple MIME types inside "Accept" header are not supported'


def test_rows_are_sent_and_answered_as_the_headers_say(proxy: str, client: YtClient, folder: str):
    table = parameters(path=f"{folder}/t")
    client.create("table", f"{folder}/t")
    for media_type, rows in (
        ("application/json", b'{"x":"json"}'),
        ("text/tab-separated-values", b"x=dsv\n"),
        ("application/octet-stream", b"{x=yson}"),
    ):
        path = parameters(path=f"<append=%true>{folder}/t")
        sent = call(
            proxy, "write_table", method="PUT", data=rows, Content_Type=media_type, X_YT_Parameters=path
        )
        assert sent.status_code == 200
    assert [row["x"] for row in client.read_table(f"{folder}/t")] == ["json", "dsv", "yson"]
    answer = call(proxy, "read_table", Accept="text/tab-separated-values", X_YT_Parameters=table)
    assert answer.content == b"x=json\nx=dsv\nx=yson\n"
    assert call(proxy, "read_table", X_YT_Parameters=table).content.startswith(b'{"x"="json";};\n')


def test_parameters_come_in_parts(proxy: str, client: YtClient, folder: str):
    encoded = base64.b64encode(parameters(path=f"{folder}/@name").encode()).decode()
    client.set(f"{folder}/@name", "x" * 10)
    for names in (("X_YT_Parameters0", "X_YT_Parameters1"), ("X_YT_Parameters_0", "X_YT_Parameters_1")):
        parts = dict(zip(names, (encoded[:20], encoded[20:]), strict=True))
        assert call(proxy, "get", **parts).json() == {"value": "x" * 10}


def test_a_character_of_json_is_a_byte_unless_it_says_otherwise(proxy: str, client: YtClient, folder: str):
    asked = parameters(path=f"{folder}/@word")
    set_to = {"method": "PUT", "Content_Type": "application/json", "X_YT_Parameters": asked}
    call(proxy, "set", data='"Ã©"'.encode(), **set_to)  # type: ignore[arg-type]
    assert client.get(f"{folder}/@word") == "é"
    assert call(proxy, "get", X_YT_Parameters=asked).json() == {"value": "Ã©"}
    plain = {"$value": "json", "$attributes": {"encode_utf8": False}}
    asked = parameters(path=f"{folder}/@word", output_format=plain)
    assert call(proxy, "get", X_YT_Parameters=asked).json() == {"value": "é"}
    refused = call(proxy, "set", data='"ж"'.encode(), **set_to)  # type: ignore[arg-type]
    assert refused.status_code == 400
    assert "Unicode symbols with codes greater than 255 are not supported" in refused.json()["message"]


def test_version_3_answers_bare_values(proxy: str, folder: str):
    def v3(command: str, method: str = "POST", **values: object) -> requests.Response:
        return call(proxy, command, version="v3", method=method, X_YT_Parameters=parameters(**values))

    transaction = v3("start_tx").json()
    made = v3("create", type="table", path=f"{folder}/t", transaction_id=transaction).json()
    assert v3("list", "GET", path=folder, transaction_id=transaction).json() == ["t"]
    assert v3("get", "GET", path=f"#{made}/@type", transaction_id=transaction).json() == "table"
    assert v3("exists", "GET", path=f"{folder}/t").json() is False
    assert v3("commit_tx", transaction_id=transaction).content == b""
    assert v3("exists", "GET", path=f"{folder}/t").json() is True
    refused = v3("start_transaction")
    assert (refused.status_code, refused.json()["code"]) == (404, 1)
    assert '"start_transaction of API v3" is not implemented' in refused.json()["message"]


def test_hosts_answers_the_name_it_was_asked_by(proxy: str):
    port = proxy.rpartition(":")[2]
    assert requests.get(f"{proxy}/hosts", timeout=10).json() == [f"127.0.0.1:{port}"]
    by_name = requests.get(f"http://localhost:{port}/hosts", timeout=10)
    assert by_name.json() == [f"localhost:{port}"]


@pytest.mark.checked_against("client")
def test_the_python_client_goes_where_hosts_leads(client: YtClient, folder: str):
    client.config["proxy"]["enable_proxy_discovery"] = True
    client.write_table(f"{folder}/t", [{"x": 1}])
    assert list(client.read_table(f"{folder}/t")) == [{"x": 1}]
