"""Small commands about the cluster and the caller."""

from __future__ import annotations

import time
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.commands.values import with_attributes
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema
from ytcurate.localcluster.model.acl import check_acl
from ytcurate.localcluster.registry import command

CODECS = ["none", "snappy", "lz4", "lz4_high_compression", "zstd_3", "zlib_6", "brotli_3"]


@command("get_current_user")
def get_current_user(call: Call) -> Any:
    return {"user": call.user}


@command("get_version")
def get_version(call: Call) -> Any:
    return {"version": "24.2.0-local"}


@command("get_supported_features")
def get_supported_features(call: Call) -> Any:
    features = {
        "primitive_types": sorted(schema.SIMPLE),
        "compression_codecs": CODECS,
        "erasure_codecs": ["none"],
    }
    return {"features": features}


@command("check_permission")
def check_permission(call: Call) -> Any:
    call.cluster.cypress.find(call.path(), call.tx)
    return {"action": "allow"}


@command("check_permission_by_acl")
def check_permission_by_acl(call: Call) -> Any:
    """Everything is allowed; the list is only looked over."""
    check_acl(call.need("acl"))
    return {"action": "allow", "missing_subjects": []}


@command("externalize", output_type="null", volatile=True)
def externalize(call: Call) -> Any:
    raise _one_cell(call, f"{call.path().text} to cell {call.need('cell_tag')}")


@command("internalize", output_type="null", volatile=True)
def internalize(call: Call) -> Any:
    raise _one_cell(call, call.path().text)


def _one_cell(call: Call, what: str) -> YtError:
    return YtError(f"Cannot {call.command} {what}: the local cluster has one master cell")


@command("generate_timestamp")
def generate_timestamp(call: Call) -> Any:
    return {"timestamp": yson.YsonUint64(int(time.time()) << 30)}


@command("parse_ypath")
def parse_ypath(call: Call) -> Any:
    path = call.path()
    attributes = dict(path.attributes)
    if path.columns is not None:
        attributes["columns"] = path.columns
    if path.ranges is not None:
        attributes["ranges"] = path.ranges
    return {"path": with_attributes(path.text, attributes)}
