"""Every subcommand of `yt` and what becomes of it on the local cluster."""

from __future__ import annotations

from dataclasses import dataclass

WORKS = frozenset(
    """
    abort-job abort-op abort-tx add-member alter-table check-permission commit-tx complete-op
    concatenate copy create create-account create-pool create-temp-table detect-porto-layer dirtable
    download download-core-dump dump-orc dump-parquet erase execute execute-batch exists explain-id find
    generate-timestamp get get-features get-job get-job-input get-job-spec get-job-stderr get-operation
    get-table-columnar-statistics job-tool join-reduce link list list-jobs list-operations lock map
    map-reduce merge move ping-tx read read-blob-table read-file read-table reduce remove
    remove-attribute remove-member resume-op run-command-with-lock set set-attribute show-default-config
    show-spec shuffle sort start-tx suspend-op track-op transform unlock update-op-parameters upload
    upload-orc upload-parquet vanilla whoami write write-file write-table
    """.split()
)
"""Each is run, and what it prints or makes is looked at, in a `test_yt_*.py` beside this file."""

TABLE = "//tmp/refused"
QUERY = f"* from [{TABLE}]"
CONSUMER = ("--queue-path", TABLE, "--consumer-path", TABLE)
PRODUCER = ("--queue-path", TABLE, "--producer-path", TABLE, "--session-id", "s")
JSON = ("--format", "json")
PAIR = ("1-2-3-4", "1-2-3-4")


@dataclass(frozen=True)
class Refused:
    """Subcommands that end with an error, and the arguments that show it."""

    reason: str
    calls: dict[str, tuple[str, ...]]
    named: str = ""
    """What the error names where it is not the command of the same name."""


REFUSED = (
    Refused(
        "there are no dynamic tables",
        {
            "mount-table": (TABLE,),
            "unmount-table": (TABLE,),
            "remount-table": (TABLE,),
            "freeze-table": (TABLE,),
            "unfreeze-table": (TABLE,),
            "reshard-table": (TABLE, "--tablet-count", "2"),
            "reshard-table-automatic": (TABLE,),
            "balance-tablet-cells": ("default",),
            "trim-rows": (TABLE, "0", "1"),
            "get-tablet-infos": (TABLE, "--tablet-indexes", "0"),
            "get-tablet-errors": (TABLE,),
            "alter-table-replica": ("1-2-3-4", "--enable"),
            "select-rows": (QUERY, *JSON),
            "explain-query": (QUERY, *JSON),
            "lookup-rows": (TABLE, *JSON),
            "insert-rows": (TABLE, *JSON),
            "delete-rows": (TABLE, *JSON),
        },
    ),
    Refused(
        "there are no queues",
        {
            "register-queue-consumer": (*CONSUMER, "--vital"),
            "unregister-queue-consumer": CONSUMER,
            "list-queue-consumer-registrations": (),
            "pull-queue": (TABLE, "--offset", "0", "--partition-index", "0", *JSON),
            "pull-consumer": (*CONSUMER, "--offset", "0", "--partition-index", "0", *JSON),
            "pull-queue-consumer": (*CONSUMER, "--offset", "0", "--partition-index", "0", *JSON),
            "advance-consumer": (TABLE, TABLE, "--partition-index", "0", "--new-offset", "1"),
            "advance-queue-consumer": (TABLE, TABLE, "--partition-index", "0", "--new-offset", "1"),
            "push-queue-producer": (*PRODUCER, "--epoch", "0", "--input-format", "json"),
            "create-queue-producer-session": PRODUCER,
            "remove-queue-producer-session": PRODUCER,
        },
    ),
    Refused(
        "there is no query tracker",
        {
            "start-query": ("yql", "select 1"),
            "query": ("yql", "select 1", *JSON),
            "abort-query": ("1-2-3-4",),
            "alter-query": ("1-2-3-4",),
            "read-query-result": ("1-2-3-4", *JSON),
            "get-query": ("1-2-3-4",),
            "get-query-result": ("1-2-3-4",),
            "get-query-tracker-info": (),
            "list-queries": (),
        },
    ),
    Refused(
        "there is one cell, and accounts and pools have no resources of their own",
        {
            "externalize": (TABLE, "--cell-tag", "2"),
            "transfer-account-resources": ("a", "b", "--resource-delta", "{}"),
            "transfer-pool-resources": ("a", "b", "--pool-tree", "default", "--resource-delta", "{}"),
            "add-maintenance": ("-c", "cluster_node", "-a", "host:1", "-t", "ban", "--comment", "c"),
            "remove-maintenance": ("-c", "cluster_node", "-a", "host:1", "--all"),
        },
    ),
    Refused(
        "there is one token and no passwords", {"issue-token": ("tester",), "list-user-tokens": ("tester",)}
    ),
    Refused("there is no other cluster", {"remote-copy": ("--src", TABLE, "--dst", TABLE, "--cluster", "b")}),
    Refused(
        "jobs cannot be entered, and they leave no traces and no events",
        {
            "run-job-shell-command": ("1-2-3-4", "ls"),
            "get-job-trace": PAIR,
            "list-job-traces": PAIR,
            "list-operation-events": ("1-2-3-4",),
        },
    ),
    Refused("specs do not change while an operation runs", {"patch-op-spec": ("1-2-3-4", "[]")}, "operation"),
    Refused(
        "there is no access control",
        {"check-operation-permission": (*PAIR[:1], "--user", "u", "--permission", "read")},
    ),
    Refused("there is no flow", {"flow": ("get-pipeline-state", TABLE)}),
)

ELSEWHERE = {
    "select": "prints nothing but its usage; the tool has select-rows",
    "lookup": "prints nothing but its usage; the tool has lookup-rows",
    "insert": "prints nothing but its usage; the tool has insert-rows",
    "delete": "prints nothing but its usage; the tool has delete-rows",
    "get-job-input-paths": "breaks inside the client, which cannot print what it is answered",
    "internalize": "breaks inside the client, which does not know its own argument --cell-tag",
    "run-compression-benchmarks": "breaks inside the client: there are no statistics of codecs",
    "run-job-shell": "needs a terminal; jobs cannot be entered, see run-job-shell-command",
    "set-user-password": "asks a person at a terminal; there are no passwords, see issue-token",
    "revoke-token": "asks a person at a terminal; there is one token, see issue-token",
    "chyt": "starts ClickHouse through a service of its own",
    "clickhouse": "starts ClickHouse through a service of its own",
    "dq": "talks to a service of its own",
    "jupyt": "talks to a service of its own",
    "spyt": "talks to a Spark cluster",
    "spark": "talks to a Spark cluster",
    "admin": "is for those who run a real cluster's machines",
    "devtools": "builds container images and talks to no cluster",
}
"""Subcommands that are not about the local cluster."""
