"""Every error code and text the local cluster can answer with, in YT's own shape.

An error is a tree: code, message, attributes, inner errors. The client decides by codes (also of
inner errors), people read the messages; both follow a real cluster where one was seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

GENERIC = 1
CANCELED = 2
NO_SUCH_METHOD = 103
INVALID_OPERATION_STATE = 201
NO_SUCH_OPERATION_IN_SCHEDULER = 200
TOO_MANY_OPERATIONS = 202
NO_SUCH_JOB = 203
POOL_TREES_UNSPECIFIED = 214
OPERATION_FAILED_ON_JOB_RESTART = 210
FAILED_JOBS_LIMIT = 215
SORT_ORDER_VIOLATION = 301
INVALID_DOUBLE = 302
NON_UNIQUE_KEY = 306
SCHEMA_VIOLATION = 307
ROW_WEIGHT = 308
BAD_COLUMN_FILTER = 309
INVALID_SCHEMA = 314
FORMAT_CANNOT_REPRESENT_ROW = 315
INCOMPATIBLE_SCHEMAS = 316
DUPLICATE_COLUMN = 322
SAME_TRANSACTION_LOCK = 400
DESCENDANT_LOCK = 401
LOCK_CONFLICT = 402
PENDING_LOCK = 403
RESOLVE = 500
ALREADY_EXISTS = 501
NO_SUCH_CHUNK = 708
PREREQUISITE = 1000
MEMORY_LIMIT = 1200
JOB_TIME_LIMIT = 1202
USER_JOB_FAILED = 1205
INTERRUPTION_UNSUPPORTED = 1209
INTERRUPTION_TIMEOUT = 1210
INTERRUPTION_FAILED = 1212
NO_SUCH_OPERATION = 1915
NO_SUCH_JOB_ANYWHERE = 1916
NO_SUCH_ATTRIBUTE = 1920
INVALID_FORMAT = 2800
NO_ONLINE_NODE = 4410
PROCESS_EXITED = 10000
PROCESS_KILLED = 10001
NO_SUCH_TRANSACTION = 11000

FATAL_IN_A_JOB = frozenset(
    {
        ROW_WEIGHT,
        SORT_ORDER_VIOLATION,
        INVALID_DOUBLE,
        BAD_COLUMN_FILTER,
        FORMAT_CANNOT_REPRESENT_ROW,
        INVALID_FORMAT,
    }
)
"""Codes after which an operation fails at once, whatever `max_failed_job_count` says."""

MAX_MESSAGE = 4096


class YtError(Exception):
    """An error the client sees as it is: code, message, attributes, inner errors."""

    def __init__(
        self,
        message: str,
        code: int = GENERIC,
        attributes: dict[str, Any] | None = None,
        inner: Iterable[YtError] = (),
        *,
        status: int = 400,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.attributes = dict(attributes or {})
        self.inner = list(inner)
        self.status = status
        """HTTP status of the answer; 400 for nearly everything, never 5xx (the client would retry)."""

    def to_dict(self) -> dict[str, Any]:
        """The shape that goes into JSON bodies, headers, trailers and operation results."""
        return {
            "code": self.code,
            "message": self.message[:MAX_MESSAGE],
            "attributes": self.attributes,
            "inner_errors": [error.to_dict() for error in self.inner],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> YtError:
        return cls(
            str(data.get("message", "")),
            int(data.get("code", GENERIC)),
            dict(data.get("attributes") or {}),
            [cls.from_dict(item) for item in data.get("inner_errors") or []],
        )

    def codes(self) -> set[int]:
        """Its code and those of all inner errors."""
        found = {self.code}
        for error in self.inner:
            found |= error.codes()
        return found


def resolve(path: str, reason: YtError) -> YtError:
    return YtError(f"Error resolving path {path}", RESOLVE, {"path": path}, [reason])


def no_attribute(name: str) -> YtError:
    return YtError(f'Attribute "{name}" is not found', RESOLVE)


def no_object(object_id: str) -> YtError:
    return YtError(f"No such object {object_id}", RESOLVE)


def already_exists(path: str) -> YtError:
    return YtError(f"Node {path} already exists", ALREADY_EXISTS)


def missing_child(parent: str, key: str) -> YtError:
    """As a command that may make or remove the child says it, once the way to its parent is found."""
    return YtError(f'Node {parent} has no child with key "{key}"', RESOLVE)


def cannot_have_children(path: str) -> YtError:
    return YtError(f"Node {path} cannot have children")


def transaction_required() -> YtError:
    return YtError("A valid master transaction is required")


def exists_with_type(path: str, actual: str, wanted: str) -> YtError:
    return YtError(
        f'{path} already exists and has type "{actual}" while node of "{wanted}" type is about to be created',
        ALREADY_EXISTS,
        {"path": path},
    )


def no_transaction(transaction_id: str) -> YtError:
    return YtError(
        f"No such transaction {transaction_id}", NO_SUCH_TRANSACTION, {"transaction_id": transaction_id}
    )


def user_transaction_aborted(transaction_id: str) -> YtError:
    """What ends an operation that was started in a transaction."""
    return YtError(f"User transaction {transaction_id} has expired or was aborted", NO_SUCH_TRANSACTION)


def scheduler_transactions_aborted(transaction_ids: Iterable[str]) -> YtError:
    """What ends an operation whose own transaction somebody aborted."""
    return YtError(
        f"Scheduler transactions [{', '.join(transaction_ids)}] have expired or were aborted",
        NO_SUCH_TRANSACTION,
    )


def lock_conflict(
    mode: str, path: str, held: str, winner: dict[str, Any], child_key: str, attribute_key: str
) -> YtError:
    """A transaction that is not around this one was first."""
    if child_key or attribute_key:
        what, key = ("child", child_key) if child_key else ("attribute", attribute_key)
        text = (
            f'Cannot take lock for {what} "{key}" of node {path} since this {what} is locked by concurrent '
            f"transaction {winner['id']}"
        )
    else:
        text = (
            f'Cannot take "{mode}" lock for node {path} since "{held}" lock is taken by concurrent '
            f"transaction {winner['id']}"
        )
    return YtError(text, LOCK_CONFLICT, {"winner_transaction": winner})


def prerequisite(reason: str, inner: Iterable[YtError] = ()) -> YtError:
    return YtError(f"Prerequisite check failed: {reason}", PREREQUISITE, inner=inner)


def own_lock(mode: str, path: str, held: str, whose: str, transaction_id: str) -> YtError:
    return YtError(
        f'Cannot take "{mode}" lock for node {path} since "{held}" lock is already taken by {whose} '
        f"transaction {transaction_id}",
        SAME_TRANSACTION_LOCK,
    )


def descendant_lock(mode: str, path: str, held: str) -> YtError:
    return YtError(
        f'Cannot take "{mode}" lock for node {path} since "{held}" lock is already taken by a descendant '
        "transaction",
        DESCENDANT_LOCK,
    )


def wrong_type(path: str, expected: str, actual: str) -> YtError:
    return YtError(f'Invalid type of {path}: expected "{expected}", actual "{actual}"')


def method_not_supported(method: str) -> YtError:
    return YtError(f'"{method}" method is not supported', NO_SUCH_METHOD)


def invalid_column(column: str, reason: str) -> YtError:
    return YtError(
        f'Error validating column "{column}"', SCHEMA_VIOLATION, inner=[YtError(reason, SCHEMA_VIOLATION)]
    )


def required_column(column: str) -> YtError:
    return YtError(f'Required column "{column}" cannot have "null" value', SCHEMA_VIOLATION)


def unknown_column(column: str) -> YtError:
    return YtError(f'Unknown column "{column}" in strict schema', SCHEMA_VIOLATION)


def row_too_heavy(weight: int, limit: int) -> YtError:
    return YtError("Row weight is too large", ROW_WEIGHT, {"row_weight": weight, "row_weight_limit": limit})


def option_out_of_bounds(option: str, value: int, low: int, high: int) -> YtError:
    bound = f"Expected <= {high}" if value > high else f"Expected >= {low}"
    return YtError(
        f"Error validating parameter /{option}",
        inner=[YtError(f"Validation failure: {bound}, found {value}")],
    )


def no_operation(operation_id: str) -> YtError:
    return YtError(f"No such operation {operation_id}", NO_SUCH_OPERATION)


def not_implemented(command: str) -> YtError:
    return YtError(
        f'Command "{command}" is not implemented by the local cluster (see the supported commands); '
        "a real cluster may have it",
        status=404,
    )


def option_not_implemented(option: str) -> YtError:
    return YtError(f'Option "{option}" changes the result and is not implemented by the local cluster')


def unknown_pool_tree(name: str, known: Iterable[str]) -> YtError:
    return YtError(f'Pool tree "{name}" not found', attributes={"known_pool_trees": sorted(known)})


def no_pool_trees() -> YtError:
    return YtError("No pool trees are specified for operation", POOL_TREES_UNSPECIFIED)


def no_default_tree() -> YtError:
    return YtError(
        "Failed to determine fair-share tree for operation since "
        "valid pool trees are not specified and default fair-share tree is not configured",
        POOL_TREES_UNSPECIFIED,
    )


def too_many_operations(pool: str, limit: int, tree: str) -> YtError:
    return YtError(
        f'Limit for the number of concurrent operations {limit} for pool "{pool}" in tree "{tree}" '
        "has been reached",
        TOO_MANY_OPERATIONS,
    )


def no_node(task: str, needed: dict[str, Any]) -> YtError:
    """A job that no tree of its operation can ever run."""
    return YtError(
        "No online node can satisfy the resource demand",
        NO_ONLINE_NODE,
        {"task_name": task, "needed_resources": needed},
    )


def bug(command: str, error: BaseException) -> YtError:
    """What the client gets when our own code broke: never a 5xx, which it would retry for minutes."""
    return YtError(
        f"Internal error of the local cluster in {command!r}: {type(error).__name__}: {error}",
        attributes={"see": "the log file in the cluster's data directory"},
    )
