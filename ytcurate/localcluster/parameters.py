"""What each command takes: parameters that count, that are accepted without effect, and that are refused.

The registry puts every call through `Parameters.take` before its handler: a parameter that is not declared
here is refused by name, and a handler that reads one finds a `LookupError`. So the page of commands, which
is made from these declarations, says what the server does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError

COMMON = (
    "transaction_id",
    "mutation_id",
    "retry",
    "prerequisite_transaction_ids",
    "prerequisite_revisions",
    "input_format",
    "output_format",
)
"""Taken with every command."""
ONE_MASTER = "there is one master, always in step"
NO_CACHE = "every read sees the latest state"
COMMON_WITHOUT_EFFECT = {
    "ping_ancestor_transactions": "only `ping_transaction` pings",
    "suppress_transaction_coordinator_sync": ONE_MASTER,
    "suppress_upstream_sync": ONE_MASTER,
    "read_from": NO_CACHE,
    "cache_sticky_group_size": NO_CACHE,
    "trace": "no traces are collected",
    "suppress_access_tracking": "reading does not change `access_time`",
}
"""Accepted with every command, with the reason why nothing happens."""


def asks_for_nothing(value: Any) -> bool:
    """Is a flag off or a value empty? Sending that is as good as leaving it out."""
    if value is None or isinstance(value, yson.YsonEntity):
        return True
    return isinstance(value, bool | yson.YsonBoolean | str | list | dict) and (
        not value or str(value) == "false"
    )


class Taken(dict[str, Any]):
    """The parameters of one call; only declared ones can be read."""

    def __init__(self, given: Mapping[str, Any], command: str, declared: Parameters) -> None:
        super().__init__(given)
        self._command, self._declared = command, declared

    def _check(self, name: str) -> None:
        if not self._declared.counts(name):
            raise LookupError(f'command "{self._command}" reads parameter "{name}" and does not declare it')

    def get(self, name: str, default: Any = None) -> Any:
        self._check(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self._check(name)
        return super().__getitem__(name)


@dataclass(frozen=True)
class Parameters:
    """The parameters of one command, besides the common ones."""

    honoured: tuple[str, ...] = ()
    without_effect: Mapping[str, str] = field(default_factory=dict)
    """Name to the reason why it needs none."""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name to the only values it may have; with these nothing needs to happen."""
    refused_inside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a map to keys of it that change the result and are not implemented."""

    def counts(self, name: str) -> bool:
        """May a handler read it?"""
        return name in self.honoured or name in COMMON

    def take(self, command: str, given: Mapping[str, Any]) -> Taken:
        """The parameters for the handler.

        Raises:
            YtError: one is not implemented; the message names it.
        """
        for name, value in given.items():
            if asks_for_nothing(value):
                continue
            self._check(command, str(name), value)
        return Taken(given, command, self)

    def _check(self, command: str, name: str, value: Any) -> None:
        if name in self.only:
            if str(value) not in self.only[name]:
                raise _refusal(command, name, f" with the value {str(value)[:100]!r}")
            return
        for key in self.refused_inside.get(name, ()):
            if isinstance(value, dict) and not asks_for_nothing(value.get(key)):
                raise _refusal(command, f"{name}/{key}")
        if not (self.counts(name) or name in self.without_effect or name in COMMON_WITHOUT_EFFECT):
            raise _refusal(command, name)


def _refusal(command: str, name: str, detail: str = "") -> YtError:
    return YtError(
        f'Parameter "{name[:100]}" of command "{command}"{detail} is not implemented by the local cluster',
        attributes={"command": command, "parameter": name[:100]},
    )


def _takes(
    honoured: str = "",
    *,
    only: Mapping[str, tuple[str, ...]] | None = None,
    refused_inside: Mapping[str, tuple[str, ...]] | None = None,
    **without_effect: str,
) -> Parameters:
    return Parameters(tuple(honoured.split()), without_effect, only or {}, refused_inside or {})


NO_ACCESS_CONTROL = "there is no access control"
ONE_CELL = "there is one master cell"
NO_QUOTAS = "accounts have no quotas"
NO_ARCHIVE = "operations and jobs are in one place"
OWN_BUFFERING = "the server buffers its own way"
COPY = _takes(
    "source_path destination_path recursive ignore_existing lock_existing force preserve_acl preserve_owner "
    "preserve_expiration_time preserve_expiration_timeout preserve_creation_time preserve_modification_time",
    preserve_account=NO_QUOTAS,
    pessimistic_quota_check=NO_QUOTAS,
    enable_cross_cell_copying=ONE_CELL,
)
OPERATION = "operation_id operation_alias"

PARAMETERS = {
    # cypress
    "get": _takes(
        "path attributes return_only_value",
        max_size="the whole tree is answered",
        refused_inside={"attributes": ("paths",)},
    ),
    "list": _takes("path attributes max_size return_only_value", refused_inside={"attributes": ("paths",)}),
    "exists": _takes("path"),
    "create": _takes(
        "type path attributes recursive ignore_existing ignore_type_mismatch lock_existing force"
    ),
    "set": _takes("path recursive force"),
    "multiset_attributes": _takes("path"),
    "remove": _takes("path recursive force"),
    # objects
    "add_member": _takes("member group"),
    "remove_member": _takes("member group"),
    # copying
    "copy": COPY,
    "move": COPY,
    "link": _takes(
        "target_path link_path attributes recursive ignore_existing ignore_type_mismatch lock_existing force"
    ),
    "concatenate": _takes("source_paths destination_path"),
    # transactions
    "start_transaction": _takes("timeout deadline attributes", only={"type": ("master",)}),
    "ping_transaction": _takes("ping_ancestor_transactions"),
    "commit_transaction": _takes(),
    "abort_transaction": _takes(),
    "lock": _takes("path mode waitable child_key attribute_key"),
    "unlock": _takes("path"),
    # tables
    "write_table": _takes("path table_writer"),
    "read_table": _takes(
        "path control_attributes start_row_index_only",
        table_reader=OWN_BUFFERING,
        unordered="rows come in their order",
        omit_inaccessible_columns=NO_ACCESS_CONTROL,
        omit_inaccessible_rows=NO_ACCESS_CONTROL,
        refused_inside={"table_reader": ("sampling_rate",)},
    ),
    "alter_table": _takes("path schema dynamic"),
    "read_blob_table": _takes(
        "path part_size part_index_column_name data_column_name start_part_index offset",
        table_reader=OWN_BUFFERING,
    ),
    "partition_tables": _takes(
        "paths partition_mode data_weight_per_partition max_partition_count "
        "adjust_data_weight_per_partition enable_cookies",
        only={"enable_key_guarantee": ("false",)},
        omit_inaccessible_columns=NO_ACCESS_CONTROL,
        omit_inaccessible_rows=NO_ACCESS_CONTROL,
    ),
    "read_table_partition": _takes(
        "cookie control_attributes",
        path="the cookie says what is read",
        table_reader=OWN_BUFFERING,
        unordered="rows come in their order",
        omit_inaccessible_columns=NO_ACCESS_CONTROL,
        omit_inaccessible_rows=NO_ACCESS_CONTROL,
        refused_inside={
            "table_reader": ("sampling_rate",),
            "control_attributes": ("enable_key_switch", "enable_tablet_index", "enable_end_of_stream"),
        },
    ),
    "get_table_columnar_statistics": _takes(
        "paths",
        fetcher_mode="statistics are at hand",
        max_chunks_per_node_fetch="statistics are at hand",
        max_chunks_per_locate_request="statistics are at hand",
    ),
    # files
    "write_file": _takes("path compute_md5", file_writer=OWN_BUFFERING),
    "read_file": _takes("path offset length", file_reader=OWN_BUFFERING),
    "get_file_from_cache": _takes("md5 cache_path"),
    "put_file_to_cache": _takes("path md5 cache_path"),
    # batch
    "execute_batch": _takes("requests", concurrency="parts run one after another"),
    # operations
    "start_operation": _takes("operation_type spec"),
    "get_operation": _takes(
        f"{OPERATION} attributes", include_runtime=NO_ARCHIVE, include_scheduler=NO_ARCHIVE
    ),
    "list_operations": _takes(
        "user state type pool pool_tree filter from_time to_time cursor_time cursor_direction limit "
        "include_counters attributes with_failed_jobs",
        include_archive=NO_ARCHIVE,
        enable_ui_mode="it changes nothing a client sees",
    ),
    "abort_operation": _takes(f"{OPERATION} abort_message"),
    "complete_operation": _takes(OPERATION),
    "suspend_operation": _takes(f"{OPERATION} abort_running_jobs", reason="it is not kept"),
    "resume_operation": _takes(OPERATION),
    "update_operation_parameters": _takes(f"{OPERATION} parameters"),
    # jobs
    "list_jobs": _takes(
        f"{OPERATION} job_state state job_type type task_name address with_stderr with_fail_context "
        "with_spec with_competitors with_monitoring_descriptor with_interruption_info "
        "sort_field sort_order offset limit attributes",
        include_cypress=NO_ARCHIVE,
        include_runtime=NO_ARCHIVE,
        include_archive=NO_ARCHIVE,
        data_source=NO_ARCHIVE,
    ),
    "get_job": _takes(f"{OPERATION} job_id attributes"),
    "get_job_stderr": _takes(f"{OPERATION} job_id", only={"type": ("user_job_stderr",)}),
    "get_job_fail_context": _takes(f"{OPERATION} job_id"),
    "get_job_input": _takes("job_id", job_spec_source=NO_ARCHIVE),
    "get_job_input_paths": _takes("job_id", job_spec_source=NO_ARCHIVE),
    "get_job_spec": _takes(
        "job_id omit_input_table_specs omit_output_table_specs",
        omit_node_directory="there are no other nodes",
        job_spec_source=NO_ARCHIVE,
    ),
    "dump_job_context": _takes("job_id path"),
    "abort_job": _takes("job_id interrupt_timeout"),
    "abandon_job": _takes("job_id"),
    # information
    "get_current_user": _takes(),
    "get_version": _takes(),
    "get_supported_features": _takes(),
    "check_permission_by_acl": _takes(
        "acl", user=NO_ACCESS_CONTROL, permission=NO_ACCESS_CONTROL, columns=NO_ACCESS_CONTROL
    ),
    "externalize": _takes("path cell_tag"),
    "internalize": _takes("path"),
    "check_permission": _takes(
        "path", user=NO_ACCESS_CONTROL, permission=NO_ACCESS_CONTROL, columns=NO_ACCESS_CONTROL
    ),
    "generate_timestamp": _takes(),
    "parse_ypath": _takes("path"),
}
