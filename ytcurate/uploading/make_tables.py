"""The tables of an upload: made, both at once, before the first row is written."""

from __future__ import annotations

from typing import Any

from ytcurate.errors import UploadInterrupted
from ytcurate.tables import store
from ytcurate.tables.owners import (
    OWNER_ATTRIBUTE,
    abort_left_behind,
    abort_left_behind_above,
    this_process,
)
from ytcurate.tables.rows import SOURCES
from ytcurate.uploading.plan import UploadPlan
from ytcurate.uploading.record import write_upload_record


def create_tables(client: Any, plan: UploadPlan) -> None:
    """Make the tables of a plan, both at once, or let those that are there know of it.

    Raises:
        UploadInterrupted: another upload has just made them.
    """
    import yt.wrapper as yt

    if not plan.is_new:
        # What a killed upload was writing holds locks; it would end by itself, but not at once.
        for each in (plan.written_table, plan.sources_table):
            if client.exists(each):
                abort_left_behind(client, each)
    while True:
        try:
            with yt.Transaction(attributes={OWNER_ATTRIBUTE: this_process()}, client=client):
                _create_tables(client, plan)
        except yt.YtResponseError as error:
            is_conflict = error.is_concurrent_transaction_lock_conflict()
            if not (is_conflict or error.is_already_exists()):
                raise
            # One that was killed in this moment still holds the names.
            if is_conflict and abort_left_behind_above(client, plan.written_table):
                continue
            raise UploadInterrupted(
                f"{plan.written_table}: another upload is beginning to write there. Let it end, then give "
                "the same command again."
            ) from error
        else:
            return


def _create_tables(client: Any, plan: UploadPlan) -> None:
    if plan.is_new and plan.written_table != plan.table:
        client.remove(plan.written_table, force=True)  # of an overwriting that was given up
    if plan.is_new:
        store.create_table(client, plan.written_table, plan.columns)
    if plan.is_new or not client.exists(plan.sources_table):
        # Without its clips such a table says nothing.
        store.create_table(client, plan.sources_table, SOURCES, replace=True)
    write_upload_record(client, plan.written_table, plan.record)
