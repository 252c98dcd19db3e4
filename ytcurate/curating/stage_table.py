"""The table that a lane writes: made, found again, or put aside when other settings are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ytcurate.curating.stage import StagePlan
from ytcurate.errors import TableExists
from ytcurate.operations import submit
from ytcurate.pipeline.run_record import RunRecord, read_record, write_record
from ytcurate.tables import store
from ytcurate.tables.owners import OWNER_ATTRIBUTE, abort_left_behind_above, this_process

WAVES_ATTRIBUTE = "ytcurate_waves"


def open_stage_table(client: Any, aside: Callable[[str, str], str], path: str, plan: StagePlan) -> RunRecord:
    """Make a lane's table, or take the one that was written with the same settings.

    Rows of other settings are put aside under a name that says which, and found again
    when these settings are asked for again.

    Args:
        client: of the cluster.
        aside: gives the name of a table with rows of other settings, given its path and their fingerprint.
        path: of the table.
        plan: of what writes it.

    Raises:
        TableExists: a table is there that no run wrote.
    """
    import yt.wrapper as yt

    fresh = RunRecord(plan.fingerprint, 0, settings=plan.settings)
    if client.exists(path):
        record = read_record(client, path)
        if record is None:
            raise TableExists(
                f"{path} was not written by a run. Choose another directory, or remove the table."
            )
        if record.fingerprint == plan.fingerprint:
            return record
        _end_waves(client, path)
        client.move(path, aside(path, record.fingerprint), force=True)
    before = aside(path, plan.fingerprint)
    if client.exists(before):
        client.move(before, path)
        return read_record(client, path) or fresh
    abort_left_behind_above(client, path)  # of a run that was killed in this moment
    # Both or none: a table without a record is taken for somebody else's.
    with yt.Transaction(attributes={OWNER_ATTRIBUTE: this_process()}, client=client):
        store.create_table(client, path, plan.columns)
        write_record(client, path, fresh)
    return fresh


def noted_waves(client: Any, table: str) -> list[str]:
    """Aliases of the operations that were about to write to a table when it was last heard of them."""
    path = f"{table}/@{WAVES_ATTRIBUTE}"
    return [str(alias) for alias in client.get(path)] if client.exists(path) else []


def note_waves(client: Any, table: str, aliases: list[str]) -> None:
    """Note which operations are about to start; an empty list: none are."""
    client.set(f"{table}/@{WAVES_ATTRIBUTE}", aliases)


def _end_waves(client: Any, table: str) -> None:
    """Abort operations that still write what nobody asks for any more."""
    for alias in noted_waves(client, table):
        running = submit.find_running(client, alias)
        if running is not None:
            client.abort_operation(running)
    note_waves(client, table, [])
