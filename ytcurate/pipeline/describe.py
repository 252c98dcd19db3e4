"""Describe: a table of clips → a table of descriptions, in waves of map operations."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ytcurate.connection import client_for
from ytcurate.errors import TableError, TableExists, UsageError
from ytcurate.operations import submit
from ytcurate.pipeline.advice import advise
from ytcurate.pipeline.describe_plan import DescribePlan
from ytcurate.pipeline.plan_describe import plan_describe
from ytcurate.pipeline.remaining import Remaining, bad_rows, find_remaining, keep_rows
from ytcurate.pipeline.run_record import RunRecord, read_record, read_wave, write_record, write_wave
from ytcurate.pipeline.waves import WaveRun
from ytcurate.tables import store


@dataclass(frozen=True, kw_only=True)
class DescribeResult:
    """What a describe run did."""

    table: str
    rows: int
    """Of the source: each has one row in the table."""
    described: int
    """Of them, those that this call described; the others were there already."""
    outcomes: Mapping[str, int]
    """All rows of the run by outcome."""
    operation_ids: tuple[str, ...]
    """Of all waves of the run, also those of earlier calls."""
    elapsed_s: float
    statistics: Mapping[str, int] = field(default_factory=dict)
    """Sums over the jobs of this call: tokens, milliseconds decoding and waiting, ..."""
    advice: tuple[str, ...] = ()
    """What would make the next run better."""

    @property
    def operation_id(self) -> str:
        """Of the last wave; empty if there was nothing to do."""
        return self.operation_ids[-1] if self.operation_ids else ""

    def __str__(self) -> str:
        parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        there = self.rows - self.described
        note = f", {there} of them were there already" if there else ""
        return f"{self.rows} descriptions ({parts}){note} in {self.elapsed_s:.0f} s → {self.table}"


def describe(
    table: str,
    result: str,
    *,
    model: str | Path | None = None,
    proxy: str | None = None,
    client: Any = None,
    overwrite: bool = False,
    append: bool = False,
    retry: bool = False,
    on_plan: Callable[[DescribePlan, Remaining], None] = lambda plan, remaining: None,
    on_progress: Callable[[submit.Progress], None] = lambda progress: None,
    on_warning: Callable[[str], None] = lambda warning: None,
    **settings: Any,
) -> DescribeResult:
    """Describe every clip of a table with a vision-language model.

    Each input row gives exactly one row of the result, with its outcome. Work goes in waves, each of which
    appears in the result when it completes. The same call again goes on where an earlier one stopped, for
    whatever reason it did, follows an operation that is still running, and describes rows that were added
    to the source; what is there is not described twice.

    Args:
        table: clips, as upload writes them.
        result: the table to write; made if it is not there.
        model: a hub id, the directory of a checkpoint, or a Cypress directory of one.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        overwrite: describe everything anew; the old rows stay until the new ones are complete.
        append: add to the rows that are there, whatever wrote them.
        retry: describe rows again whose outcome was bad.
        on_plan: called with the plan, and what of it is left to do, before the first operation starts.
        on_progress: called every few seconds while an operation runs.
        on_warning: called with a sentence about something that is odd and no error.
        **settings: as ``plan_describe`` takes them.

    Raises:
        OperationFailed: an operation failed; its message says why. Finished waves stay.
        TableExists: the result holds rows of something else.
        SchemaMismatch: it has other columns.
        TooManyBadRows: more of them than ``max_bad``.
        UsageError and others: as ``plan_describe``.
    """
    import yt.wrapper as yt

    started = time.monotonic()
    client = client_for(client, proxy)
    if overwrite and retry:
        raise UsageError("--overwrite and --retry exclude each other.")
    plan = plan_describe(table, result, client=client, model=model, **settings)
    store.prepare_output(client, result, plan.columns, overwrite=overwrite, append=append, resume=True)
    target, record = _open_target(client, plan, overwrite=overwrite, append=append)
    is_new = not client.exists(target)
    if is_new:
        store.create_table(client, target, plan.columns)
    elif retry and read_wave(client, target) is None:
        dropped = bad_rows(client, table, target, record.first_row)
        if dropped:
            keep_rows(client, target, dropped)
    remaining = find_remaining(client, table, target, record.first_row)
    on_plan(dataclasses.replace(plan, seconds_per_clip=record.seconds_per_clip), remaining)
    record.is_done = record.is_done and not remaining.rows
    # Before anything runs: rows that appear must find the record that claims them.
    write_record(client, target, record)
    plan.spec(plan.jobs(plan.rows), on_warning=on_warning)
    if doubt := plan.model.doubt():
        on_warning(doubt)
    run = WaveRun(client, plan, target, record, on_progress=on_progress, on_warning=on_warning)
    try:
        run.run(remaining)
    except BaseException:
        if is_new:
            # While an operation still runs it holds the table, and the cluster refuses: then it stays.
            with suppress(yt.YtError):
                if int(client.get(f"{target}/@row_count")) == 0:
                    client.remove(target, force=True)
        raise
    outcomes = _outcomes(client, plan, target, record)
    record.is_done, record.outcomes = True, dict(outcomes)
    record.settings = plan.settings()
    write_record(client, target, record)
    if target != result:
        client.move(target, result, force=True)
    return DescribeResult(
        table=result,
        rows=plan.rows,
        described=run.described,
        outcomes=outcomes,
        operation_ids=tuple(record.operations),
        elapsed_s=time.monotonic() - started,
        statistics=dict(run.statistics),
        advice=tuple(
            advise(run.statistics, cpu_limit=plan.preset.resources.cpu, max_tokens=plan.sampling.max_tokens)
        ),
    )


def _open_target(client: Any, plan: DescribePlan, *, overwrite: bool, append: bool) -> tuple[str, RunRecord]:
    """Choose the table to write, and this run's record in it: that of an earlier call, or a new one.

    Raises:
        TableExists: the result holds rows of something else, and neither replacing nor adding was asked.
    """
    fresh = RunRecord(plan.fingerprint, 0, settings=plan.settings())
    rows = int(client.get(f"{plan.result}/@row_count")) if client.exists(plan.result) else 0
    record = read_record(client, plan.result) if client.exists(plan.result) else None
    is_ours = record is not None and record.fingerprint == plan.fingerprint
    if overwrite:
        return _replacement(client, plan, rows, record if is_ours else None, fresh)
    if record is not None and is_ours and not (append and record.is_done):
        return plan.result, record
    if rows and not append:
        raise TableExists(f"{plan.result} holds {rows} rows already, {_of_what(plan, record)}")
    _require_nobody_writes(client, plan.result)
    fresh.first_row = rows
    return plan.result, fresh


def _require_nobody_writes(client: Any, table: str) -> None:
    """Refuse to begin a run in a table to which the last wave of another one is still going to add.

    Raises:
        TableExists: its operation runs.
    """
    wave = read_wave(client, table) if client.exists(table) else None
    running = submit.find_running(client, wave.alias) if wave is not None else None
    if running is not None:
        raise TableExists(
            f"{table}: operation {running} of another run is still writing to it. Wait for it, or abort it "
            f"(yt abort-op {running})."
        )
    if wave is not None:
        write_wave(client, table, None)


def _replacement(
    client: Any, plan: DescribePlan, rows: int, record: RunRecord | None, fresh: RunRecord
) -> tuple[str, RunRecord]:
    """Where an overwriting run writes: beside the old rows, so that they stay until it is complete."""
    beside = f"{plan.result}.new"
    if client.exists(beside):
        begun = read_record(client, beside)
        if begun is not None and begun.fingerprint == plan.fingerprint:
            return beside, begun
        client.remove(beside, force=True)
    if rows and not (record is not None and not record.is_done):
        return beside, fresh
    return plan.result, record or fresh


def _of_what(plan: DescribePlan, record: RunRecord | None) -> str:
    """Say whose rows they are, and what to do."""
    ways = "Use --overwrite to replace them or --append to add."
    if record is None:
        return f"which no describe run wrote. {ways}"
    ours, theirs = plan.settings(), record.settings
    for name in ("source", "model", "questions", "sampling", "frames", "keep_video"):
        if ours.get(name) != theirs.get(name):
            return f"written with another {name.rstrip('s')}. {ways}"
    return f"written with other settings. {ways}"


def _outcomes(client: Any, plan: DescribePlan, target: str, record: RunRecord) -> Counter[str]:
    """Count the run's rows, and see that there is one for each of the source."""
    rows = store.read_rows(client, target, ["outcome"])[record.first_row :]
    if len(rows) != plan.rows:
        raise TableError(f"{target}: {len(rows)} rows came out of {plan.rows} rows of {plan.source}.")
    return Counter(str(row["outcome"]) for row in rows)
