"""A run as a row of bounded operations, each of which appends its rows to the result when it completes.

What is finished stays finished: a fault, a kill or an interrupt costs at most the wave that was running. Not
even that if its operation goes on: it is written down before it starts, and whoever comes next follows it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ytcurate.errors import TableError, TooManyBadRows, UsageError
from ytcurate.operations import submit
from ytcurate.operations.slicing import wave_rows
from ytcurate.pipeline.advice import sum_up
from ytcurate.pipeline.clip_files import ClipFiles
from ytcurate.pipeline.describe_plan import DescribePlan
from ytcurate.pipeline.plan_describe import READ_COLUMNS
from ytcurate.pipeline.remaining import Remaining, find_remaining, ranged
from ytcurate.pipeline.run_record import RunRecord, Wave, read_wave, write_record, write_wave

Report = Callable[[submit.Progress], None]


class WaveRun:
    """Brings a result table up to its source, wave by wave.

    Args:
        client: of the cluster.
        plan: what to do.
        target: the table that is written.
        record: of this run; kept up to date in the table.
        on_progress: told of the running operation, with statistics summed over the waves before it.
        on_warning: told of options that the cluster did not understand.
    """

    def __init__(
        self,
        client: Any,
        plan: DescribePlan,
        target: str,
        record: RunRecord,
        *,
        on_progress: Report,
        on_warning: Callable[[str], None],
    ) -> None:
        self._client = client
        self._plan = plan
        self._target = target
        self._record = record
        self._on_progress = on_progress
        self._on_warning = on_warning
        self._files = ClipFiles(client, plan.source)
        self._read_back: set[str] = set()
        self.statistics: Counter[str] = Counter()
        """Sums over the waves that this object saw to their end."""
        self.described = 0
        """Rows of those waves."""

    def run(self, left: Remaining) -> None:
        """Do all that is left to do.

        Args:
            left: what the result lacked when it was last looked at.

        Raises:
            OperationFailed: a wave failed; those before it stay.
            TooManyBadRows: between two waves.
            UsageError: the source changed meanwhile.
        """
        if self._finish_found_wave():
            left = find_remaining(self._client, self._plan.source, self._target, self._record.first_row)
        revision = self._revision()
        while left.rows:
            if self._revision() != revision:
                raise UsageError(
                    f"{self._plan.source} was changed while it was described. "
                    "What is described stays; give the same command again for the rest."
                )
            ranges = self._files.bounded(left, self._rows_of_wave(left))
            wave = Wave(self._alias(ranges), sum(map(len, ranges)), [[r.start, r.stop] for r in ranges])
            write_wave(self._client, self._target, wave)
            self._follow(self._start(wave, ranges), wave)
            left = left.without(ranges)
            if left.rows:
                self._require_few_bad()

    def _finish_found_wave(self) -> bool:
        """Follow the operation that an earlier client of this run left behind.

        Returns:
            Whether there was one: its rows may have come at any moment since the result was looked at.
        """
        wave = read_wave(self._client, self._target)
        if wave is None:
            return False
        running = submit.find_running(self._client, wave.alias)
        if running is None:
            write_wave(self._client, self._target, None)  # its rows are in the result, or it has none
        else:
            self._follow(running, wave)
        return True

    def _start(self, wave: Wave, ranges: Sequence[range]) -> str:
        import yt.wrapper as yt

        plan = dataclasses.replace(self._plan, seconds_per_clip=self._record.seconds_per_clip)
        return submit.start_or_find(
            self._client,
            self._plan.mapper,
            ranged(self._client, self._plan.source, ranges, (*READ_COLUMNS, *self._files.columns)),
            yt.TablePath(self._target, append=True, client=self._client),
            spec=plan.spec(plan.jobs(wave.rows), alias=wave.alias, with_secrets=True),
            max_archive_bytes=plan.max_archive_bytes,
            files=self._plan.model.files,
            cypress_files=(*self._plan.model.cypress_files, *self._files.there(ranges)),
        )

    def _follow(self, operation_id: str, wave: Wave) -> None:
        before = int(self._client.get(f"{self._target}/@row_count"))
        self._record.add_operation(operation_id)
        write_record(self._client, self._target, self._record)
        try:
            progress = submit.follow(self._client, operation_id, self._report)
        except KeyboardInterrupt:
            self._client.abort_operation(operation_id)
            raise
        write_wave(self._client, self._target, None)
        submit.require_completed(self._client, progress)
        self._require_whole(wave, before)
        self.statistics.update(progress.statistics)
        self.described += wave.rows
        self._record.seconds_per_clip = sum_up(self.statistics).seconds_per_clip
        write_record(self._client, self._target, self._record)

    def _require_whole(self, wave: Wave, before: int) -> None:
        after = int(self._client.get(f"{self._target}/@row_count"))
        # A wave that was found may have been published before its rows were counted.
        if after - before not in (wave.rows, 0):
            raise TableError(
                f"{self._target}: {after - before} rows came out of a wave of {wave.rows} rows of "
                f"{self._plan.source}. Is something else writing to it?"
            )

    def _report(self, progress: submit.Progress) -> None:
        # Not at once after the start: until an operation is prepared, a cluster has not read its options.
        if progress.operation_id not in self._read_back and (progress.jobs.get("total") or progress.is_over):
            self._read_back.add(progress.operation_id)
            unknown = ", ".join(submit.unrecognised_options(self._client, progress.operation_id))
            if unknown:
                self._on_warning(f"the cluster does not know these options, and ignores them: {unknown}")
        summed = Counter(progress.statistics) + self.statistics
        self._on_progress(
            submit.Progress(
                operation_id=progress.operation_id,
                state=progress.state,
                jobs=progress.jobs,
                statistics=dict(summed),
            )
        )

    def _rows_of_wave(self, left: Remaining) -> int:
        if self._plan.wave_rows is not None:
            return self._plan.wave_rows
        share = self._plan.data_weight * left.rows // max(1, self._plan.rows)
        rate = dataclasses.replace(self._plan, seconds_per_clip=self._record.seconds_per_clip).rate
        return wave_rows(left.rows, share, self._plan.preset, rate)

    def _alias(self, ranges: Sequence[range]) -> str:
        """The same for the same rows of the same run: a cluster runs only one operation of an alias."""
        content = [
            str(self._client.get(f"{self._target}/@id")),
            self._record.fingerprint,
            self._record.first_row,
            [(each.start, each.stop) for each in ranges],
        ]
        return (
            f"*ytcurate-describe-{hashlib.blake2b(json.dumps(content).encode(), digest_size=10).hexdigest()}"
        )

    def _revision(self) -> int:
        return int(self._client.get(f"{self._plan.source}/@content_revision"))

    def _require_few_bad(self) -> None:
        share, done = self._plan.max_bad, self.statistics["clips_done"]
        bad = done - self.statistics["outcome_ok"]
        if share is not None and done and bad / done > share:
            raise TooManyBadRows(
                f"{bad} of {done} rows are bad, more than the {share:.0%} allowed (--max-bad); stopped after "
                f"{self.described} rows, which are in {self._target} with their reasons."
            )
