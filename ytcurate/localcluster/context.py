"""One call of one command: its parameters, already parsed, and the cluster it acts on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import YSON_TEXT, Format, parse_format
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.ypath import RichPath

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


@dataclass
class Call:
    cluster: Cluster
    command: str
    params: dict[str, Any]
    input: Any = None
    """The value of a structured body."""
    body: BinaryIO | None = None
    """The stream of a tabular or binary body, decompressed."""

    @property
    def tx(self) -> str:
        """The transaction to act in, "" for none; error 11000 when it is over."""
        return self.cluster.transactions.check(self.params.get("transaction_id"))

    @property
    def user(self) -> str:
        return self.cluster.settings.user

    def flag(self, name: str) -> bool:
        value = self.params.get(name, False)
        return value if isinstance(value, bool) else str(value) == "true"

    def number(self, name: str) -> int | None:
        """A parameter that counts something, None if it is not given.

        Raises:
            YtError: it is no number, or negative.
        """
        value = self.params.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not str(value).isdigit():
            raise YtError(f'Error reading parameter /{name}: expected a number, found "{str(value)[:100]}"')
        return int(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """A parameter that is a map, {} if it is not given.

        Raises:
            YtError: it is something else.
        """
        return dict(self._of_type(name, dict, "map", {}))

    def items(self, name: str) -> list[Any]:
        """A parameter that is a list, [] if it is not given.

        Raises:
            YtError: it is something else.
        """
        return list(self._of_type(name, list, "list", []))

    def _of_type(self, name: str, kind: type, called: str, empty: Any) -> Any:
        value = self.params.get(name)
        if value is None or isinstance(value, yson.YsonEntity):
            return empty
        if not isinstance(value, kind):
            raise YtError(
                f'Error reading parameter /{name}: expected "{called}", found {type(value).__name__}'
            )
        return value

    def need(self, name: str) -> Any:
        if self.params.get(name) is None:
            raise YtError(f'Missing required parameter "{name}" of command "{self.command}"')
        return self.params[name]

    def check_prerequisites(self) -> None:
        """Raise 1000 unless the transactions are alive and the nodes unchanged that the caller counts on."""
        with self.cluster.state.session():
            for transaction_id in self.items("prerequisite_transaction_ids"):
                if str(transaction_id) not in self.cluster.state.transactions:
                    raise errors.prerequisite(f"transaction {transaction_id} is missing")
            for each in self.items("prerequisite_revisions"):
                try:
                    path, revision = str(each["path"]), int(each["revision"])
                except (KeyError, TypeError, ValueError):
                    raise YtError(
                        "Error reading parameter /prerequisite_revisions: expected maps of path and revision"
                    ) from None
                self._check_revision(path, revision)

    def _check_revision(self, path: str, expected: int) -> None:
        cypress = self.cluster.cypress
        try:
            node = cypress.node(path, self.tx)
        except YtError as error:
            reason = f'failed to resolve path "{path}"'
            raise errors.prerequisite(reason, [error]) from None
        found = cypress.branches.stamp(node, self.tx).revision
        if found != expected:
            raise errors.prerequisite(
                f"node {path} revision mismatch: expected {expected:x}, found {found:x}"
            )

    def path(self, name: str = "path") -> RichPath:
        return ypath.parse(self.need(name))

    def format(self, name: str) -> Format:
        return parse_format(self.params.get(name), YSON_TEXT)

    def answer(self, **values: Any) -> Any:
        """The v4 shape, or the bare value when `return_only_value` was asked for."""
        return next(iter(values.values())) if self.flag("return_only_value") else values


@dataclass
class Stream:
    """A streamed answer. Whoever takes it must exhaust or close `pieces`."""

    pieces: Iterator[bytes]
    parameters: dict[str, Any] = field(default_factory=dict)
    """Goes into `X-YT-Response-Parameters`."""
