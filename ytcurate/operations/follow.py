"""Watch one operation, by its id alone: whoever started it may be gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ytcurate.connection import setting
from ytcurate.errors import ClusterUnreachable

_POLL_S = 0.2
_LONGEST_POLL_S = 5.0
PATIENCE_S = 120.0
"""How long a cluster may be away (a restart, a change of proxies) before following is given up."""
_NO_SUCH_OPERATION = 1915
_HARMLESS = frozenset({"mapper.title", "enable_partitioned_data_balancing"})
"""Options that nobody asked for: the YT client's own, and one that a cluster's template puts in."""
_OVER = ("completed", "failed", "aborted")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What can be said of an operation while it runs."""

    operation_id: str
    state: str
    jobs: Mapping[str, int] = field(default_factory=dict)
    """``running``, ``completed``, ``failed``, ``total``, ..."""
    statistics: Mapping[str, int] = field(default_factory=dict)
    """Sums of the jobs' custom statistics; they lag by a few seconds."""

    def __str__(self) -> str:
        return f"{self.state}, {self.jobs.get('running', 0)} of {self.jobs.get('total', 0)} jobs running"

    @property
    def is_over(self) -> bool:
        """Whether the operation has ended, in whatever way."""
        return self.state in _OVER


def find(client: Any, alias: str) -> tuple[str, str] | None:
    """Find the latest operation of an alias, running or over.

    Returns:
        Its id and state; None if the cluster knows of none.
    """
    import yt.wrapper as yt

    try:
        # Without the runtime information a cluster refuses to look an alias up.
        found = client.get_operation(operation_alias=alias, attributes=["id", "state"], include_runtime=True)
    except yt.YtResponseError as error:
        if error.contains_code(_NO_SUCH_OPERATION) or error.is_resolve_error():
            return None
        raise
    return str(found["id"]), str(found["state"])


def find_running(client: Any, alias: str) -> str | None:
    """Find the operation of an alias that has not ended yet; its id, or None."""
    found = find(client, alias)
    return found[0] if found is not None and found[1] not in _OVER else None


def follow(
    client: Any,
    operation_id: str,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    *,
    patience_s: float = PATIENCE_S,
) -> Progress:
    """Follow an operation until it is over.

    A cluster that does not answer is asked again for ``patience_s`` seconds since its last answer: the
    operation does not depend on whoever watches it. What the cluster itself refuses is raised at once.

    Args:
        client: of the cluster.
        operation_id: of any operation, also one that is over.
        on_progress: called after every answer.
        patience_s: as above.

    Returns:
        The last progress, with final statistics.

    Raises:
        ClusterUnreachable: no answer for ``patience_s`` seconds; the operation may still run.
    """
    pause = _POLL_S
    answered = time.monotonic()
    while True:
        try:
            progress = _ask(client, operation_id)
        except _unanswered() as error:
            if time.monotonic() - answered > patience_s:
                raise ClusterUnreachable(
                    f"operation {operation_id}: the cluster has not answered for {patience_s:.0f} s. "
                    "The operation goes on without us: give the same command again to follow it.",
                    proxy=str(client.config["proxy"]["url"]),
                ) from error
        else:
            answered = time.monotonic()
            on_progress(progress)
            if progress.is_over:
                return progress
        time.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_POLL_S)


def unrecognised_options(client: Any, operation_id: str) -> list[str]:
    """Name the options of an operation that the cluster did not understand, as paths (``mapper.cpus``).

    A cluster accepts any name and does nothing with those it does not know: this is the only place where
    it says so. What is known to be harmless is left out.
    """
    answer = client.get_operation(operation_id, attributes=["unrecognized_spec"])
    paths = _paths(answer.get("unrecognized_spec") or {})
    return sorted(path for path in paths if path not in _HARMLESS)


def _ask(client: Any, operation_id: str) -> Progress:
    with _no_retries(client):
        attributes = client.get_operation(operation_id, attributes=["state", "brief_progress", "progress"])
    return Progress(
        operation_id=operation_id,
        state=str(attributes["state"]),
        jobs=_counts(attributes.get("brief_progress", {}).get("jobs", {})),
        statistics=_custom_sums(attributes.get("progress", {}).get("job_statistics_v2", {})),
    )


@contextmanager
def _no_retries(client: Any) -> Iterator[None]:
    """Let ``follow`` alone count the time: the client has two layers of retries, many minutes together."""
    with (
        setting(client, "get_operation_retries", "enable", False),
        setting(client, "proxy", "retries", {**client.config["proxy"]["retries"], "enable": False}),
    ):
        yield


def _unanswered() -> tuple[type[Exception], ...]:
    """Errors after which asking again makes sense, as the client itself lists them."""
    from yt.wrapper.errors import YtRetriableArchiveError
    from yt.wrapper.http_helpers import get_retriable_errors

    return (*get_retriable_errors(), YtRetriableArchiveError)


def _paths(spec: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in spec.items():
        if isinstance(value, Mapping) and value:
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _counts(jobs: Mapping[str, Any]) -> dict[str, int]:
    """Job counts as plain numbers; a cluster may answer a map of reasons with a total."""
    return {
        str(name): int(value.get("total", 0) if isinstance(value, Mapping) else value)
        for name, value in jobs.items()
    }


def _custom_sums(statistics: Mapping[str, Any], prefix: str = "custom/") -> dict[str, int]:
    """Sum custom statistics over finished and running jobs, leaving out those whose work was lost."""
    sums: dict[str, int] = {}
    custom = statistics.get("custom", {})
    flat = {f"{prefix}{name}": value for name, value in custom.items()} | dict(statistics)
    for name, parts in flat.items():
        if not str(name).startswith(prefix) or not isinstance(parts, list):
            continue
        kept = [part for part in parts if part.get("tags", {}).get("job_state") in ("completed", "running")]
        sums[str(name).removeprefix(prefix)] = sum(int(part["summary"]["sum"]) for part in kept)
    return sums
