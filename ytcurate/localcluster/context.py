"""One call of one command: its parameters, already parsed, and the cluster it acts on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

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

    def need(self, name: str) -> Any:
        if self.params.get(name) is None:
            raise YtError(f'Missing required parameter "{name}" of command "{self.command}"')
        return self.params[name]

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
