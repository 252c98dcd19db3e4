"""Curate: videos → a clean, labelled, searchable set of clips, in a directory of the cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.connection import client_for
from ytcurate.curating.board import LaneState
from ytcurate.curating.layout import RunLayout
from ytcurate.sources.base import Source

if TYPE_CHECKING:
    from ytcurate.curating.assemble import Counts
    from ytcurate.curating.plan import CuratePlan
    from ytcurate.curating.settings import CurateSettings


@dataclass(frozen=True, kw_only=True)
class CurateResult:
    """What a run left."""

    directory: str
    table: str
    """The curated table: every clip, with a verdict."""
    clips: int
    kept: int
    stages: tuple[tuple[str, int, int], ...]
    """Each step that a clip must pass, with the clips that came to it and those that passed."""
    operation_ids: Mapping[str, tuple[str, ...]]
    """Of this call, by lane."""
    parquet: str | None
    """Folder or directory of the Parquet files."""
    elapsed_s: float
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Clips that are not kept, by step and by what it was about, the most frequent first."""
    done: Mapping[str, int] = field(default_factory=dict)
    """What each lane did in this call: videos that were cut, clips that were labelled, ..."""

    def __str__(self) -> str:
        dropped = [f"{came - passed} not {step}" for step, came, passed in self.stages if came != passed]
        note = f" ({', '.join(dropped)})" if dropped else ""
        return f"{self.kept} of {self.clips} clips kept{note} in {self.elapsed_s:.0f} s → {self.table}"

    def report(self) -> str:
        """Give a line for each step: how many clips came, how many passed, and why the others did not."""
        lines = [
            f"{step:<9} {came:>9} → {passed:<9} {self._why(step)}".rstrip()
            for step, came, passed in self.stages
            if came
        ]
        if self.clips and not self.kept:
            lines.append(
                "No clip was kept. The column reason says what was found and what was wanted; thresholds and "
                "rules are flags (--filter-min-contrast none) and keys of a pipeline file."
            )
        return "\n".join(lines)

    def _why(self, step: str) -> str:
        return ", ".join(f"{about} {clips}" for about, clips in self.reasons.get(step, {}).items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(step)}</td><td>{came}</td><td>{passed}</td><td>{escape(self._why(step))}</td></tr>"
            for step, came, passed in self.stages
        )
        head = "<tr><th>step</th><th>clips</th><th>passed</th><th>why not</th></tr>"
        return f"<p>{escape(str(self))}</p><table>{head}{rows}</table>"


def plan_curate(
    source: str | Path | Source,
    directory: str,
    *,
    pipeline: str | Path | None = None,
    settings: CurateSettings | Mapping[str, Mapping[str, Any]] | None = None,
    proxy: str | None = None,
    client: Any = None,
) -> CuratePlan:
    """Decide what ``curate`` would do, and check all that can be checked; nothing is written.

    Takes and raises what ``curate`` does.
    """
    from ytcurate.curating.pipeline_file import read_settings
    from ytcurate.curating.plan import plan_run
    from ytcurate.curating.settings import CurateSettings

    if not isinstance(settings, CurateSettings):
        settings = read_settings(pipeline, settings)
    return plan_run(client_for(client, proxy), source, RunLayout(directory), settings)


def curate(
    source: str | Path | Source,
    directory: str,
    *,
    pipeline: str | Path | None = None,
    settings: CurateSettings | Mapping[str, Mapping[str, Any]] | None = None,
    proxy: str | None = None,
    client: Any = None,
    on_plan: Callable[[CuratePlan], None] = lambda plan: None,
    on_progress: Callable[[list[LaneState]], None] = lambda lanes: None,
    on_warning: Callable[[str], None] = lambda warning: None,
) -> CurateResult:
    """Cut videos at scenes, score, label and embed the clips, and judge each of them; all at the same time.

    Every clip that was cut is in the curated table, with ``kept`` and the reason if it is not. The same call
    again goes on where an earlier one stopped; one with other thresholds, another question or another model
    does again only what depends on them.

    Args:
        source: a file, a folder, a data set (see ``find_source``), or a ``Source``.
        directory: of the cluster; see ``curating.layout`` for what is in it.
        pipeline: a file with settings; see ``specs/pipeline.yaml``.
        settings: values by section and field that win over the file's: ``{"filter": {"min_motion": 1}}``.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        on_plan: called with the plan before anything is written.
        on_progress: called with the state of every lane whenever one changes, from any thread.
        on_warning: called with a sentence about something that is odd and no error.

    Raises:
        OperationFailed: an operation failed; its message says why. What is finished stays.
        UsageError: a setting, the source or the model is wrong; nothing was started.
        TableExists, SchemaMismatch: the directory holds something else.
    """
    from ytcurate.curating.run import CurateRun

    started = time.monotonic()
    client = client_for(client, proxy)
    plan = plan_curate(source, directory, pipeline=pipeline, settings=settings, client=client)
    on_plan(plan)
    for stage, _ in plan.lanes:
        if doubt := stage.model.doubt():
            on_warning(doubt)
    run = CurateRun(client, plan, on_change=on_progress, on_warning=on_warning)
    counts = run.run()
    return _result(client, plan, run.states, counts, time.monotonic() - started)


def _result(
    client: Any, plan: CuratePlan, states: list[LaneState], counts: Counts, elapsed_s: float
) -> CurateResult:
    return CurateResult(
        directory=plan.layout.directory,
        table=plan.layout.curated,
        clips=counts.clips,
        kept=counts.kept,
        stages=tuple(counts.stages()),
        reasons=counts.reasons,
        operation_ids={state.name: state.started for state in states},
        parquet=_export(client, plan, counts),
        elapsed_s=elapsed_s,
        done={state.name: state.here for state in states},
    )


def _export(client: Any, plan: CuratePlan, counts: Counts) -> str | None:
    wanted = plan.settings.export
    if not wanted.parquet or not counts.kept:
        return None
    from ytcurate.pipeline.export import export

    path = wanted.parquet_path or plan.layout.parquet
    export(plan.layout.curated, path, format="parquet", client=client, overwrite=True)
    return path
