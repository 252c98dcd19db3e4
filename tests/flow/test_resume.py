"""Runs that stop, go on, are repeated, and are given more to do.

The transformers describer runs the same model and starts in a fraction of the time that vLLM takes; what is
looked at here is the same for both.
"""

import pytest
import yt.wrapper as yt

import ytcurate
import ytcurate.describers.prompts
import ytcurate.pipeline.describe_plan
import ytcurate.tables.store
from ytcurate.config import EngineSettings
from ytcurate.demo.sample import MODEL, count_true
from ytcurate.errors import OperationFailed, TableExists, TooManyBadRows, UsageError
from ytcurate.pipeline.run_record import read_record, read_wave

TRANSFORMERS = EngineSettings(describer="transformers")
ROWS = 6


class Stop(Exception):
    """What stops a run here: an exception in the client, as an interrupt or a fault would be."""


@pytest.fixture
def clips(client, workdir, sample_video):
    ytcurate.upload(sample_video, f"{workdir}/clips", client=client)
    return f"{workdir}/clips"


@pytest.fixture
def describe(client, workdir, clips):
    """Describe the sample's clips with the tiny model on this machine."""

    def run(result=f"{workdir}/result", **settings):
        return ytcurate.describe(
            clips,
            result,
            client=client,
            **{"model": str(MODEL), "preset": "local", "engine": TRANSFORMERS} | settings,
        )

    return run


def stop_when(condition):
    def on_progress(progress):
        if condition(progress):
            raise Stop

    return on_progress


def descriptions(client, table):
    rows = client.read_table(table)
    return sorted(rows, key=lambda row: (row["ds_index"], row["segment_index"]))


def test_a_run_goes_on_where_it_stopped_and_follows_what_still_runs(client, workdir, describe):
    result = f"{workdir}/result"
    with pytest.raises(Stop):
        describe(wave_rows=4, on_progress=stop_when(lambda now: now.jobs.get("running")))
    wave = read_wave(client, result)
    assert (wave.rows, wave.ranges) == (4, [[0, 4]])
    with pytest.raises(TableExists, match="of another run is still writing to it"):
        describe(prompt=ytcurate.Prompt("What is it?"), append=True)

    # Another size of waves, so that only a running operation that is followed can give four rows.
    done = describe(wave_rows=1000)

    assert (done.described, done.outcomes, len(done.operation_ids)) == (6, {"ok": 6}, 2)
    assert done.statistics["clips_done"] == ROWS  # nothing was described twice
    assert count_true(descriptions(client, result)) == ROWS
    assert read_wave(client, result) is None

    again = describe()
    assert (again.described, again.outcomes, again.statistics) == (0, {"ok": 6}, {})
    assert "6 of them were there already" in str(again)


def test_rows_added_to_the_source_are_described_and_the_others_are_not(client, clips, describe):
    describe()
    row = {"ds_index": 1, "segment_index": 0, "video": b"no video", "outcome": "ok"}
    client.write_table(yt.TablePath(clips, append=True, client=client), [row])
    done = describe()
    assert (done.rows, done.described, done.outcomes) == (7, 1, {"ok": 6, "unreadable": 1})


def test_rows_with_a_bad_outcome_are_described_again_when_asked(client, workdir, clips, describe):
    row = {"ds_index": 1, "segment_index": 0, "video": b"no video", "outcome": "ok"}
    client.write_table(yt.TablePath(clips, append=True, client=client), [row])
    # Too few tokens for one of these sentences.
    sampling = ytcurate.Sampling(max_tokens=10)
    first = describe(sampling=sampling)
    assert first.outcomes == {"truncated": 6, "unreadable": 1}
    assert any("raise --max-tokens" in sentence for sentence in first.advice)
    assert describe(sampling=sampling).described == 0
    again = describe(sampling=sampling, retry=True)
    assert (again.described, again.rows, again.outcomes) == (7, 7, {"truncated": 6, "unreadable": 1})
    assert client.get(f"{workdir}/result/@row_count") == 7


def test_rows_of_another_run_are_not_touched_unless_asked(client, workdir, describe):
    result = f"{workdir}/result"
    describe()
    other = {"prompt": ytcurate.Prompt("What is it?")}
    with pytest.raises(TableExists, match=r"6 rows already, written with another question\. Use --overwrite"):
        describe(**other)
    assert describe(**other, append=True).rows == 6
    assert client.get(f"{result}/@row_count") == 12

    # Old rows stay until the new ones are complete, also when it takes two calls.
    with pytest.raises(Stop):
        describe(overwrite=True, on_progress=stop_when(lambda now: now.jobs.get("running")))
    assert client.get(f"{result}/@row_count") == 12
    done = describe(overwrite=True)
    assert (done.described, client.get(f"{result}/@row_count")) == (6, 6)
    assert len(done.operation_ids) == 1
    assert not client.exists(f"{result}.new")
    assert read_record(client, result).is_done


def test_a_table_that_no_run_wrote_is_not_continued(client, workdir, describe):
    columns = ytcurate.pipeline.describe_plan.result_columns([ytcurate.describers.prompts.DESCRIBE])
    ytcurate.tables.store.create_table(client, f"{workdir}/result", columns)
    row = {"ds_index": 0, "segment_index": 0, "outcome": "ok"}
    client.write_table(yt.TablePath(f"{workdir}/result", append=True, client=client), [row])
    with pytest.raises(TableExists, match="1 rows already, which no describe run wrote"):
        describe()


def test_too_many_bad_rows_stop_the_run_with_the_usual_reason(client, workdir, clips, describe):
    rows = [{"ds_index": 1, "segment_index": n, "video": b"no video", "outcome": "ok"} for n in range(30)]
    client.write_table(yt.TablePath(clips, append=True, client=client), rows)
    with pytest.raises(OperationFailed, match=r"of this job are bad.* Most often .*: not a video"):
        describe(max_bad=0.5)
    assert not client.exists(f"{workdir}/result")
    # In waves the rows of those that were well are kept.
    with pytest.raises((OperationFailed, TooManyBadRows), match="are bad, more than the 50% allowed"):
        describe(max_bad=0.5, wave_rows=6)
    assert client.get(f"{workdir}/result/@row_count") == 6
    with pytest.raises(UsageError, match="max_bad is a share"):
        describe(max_bad=50)


def test_an_operation_that_is_aborted_costs_its_wave_and_nothing_else(client, workdir, describe):
    seen = []

    def abort_second(progress):
        if progress.operation_id not in seen:
            seen.append(progress.operation_id)
        if len(seen) == 2 and progress.state == "running":
            client.abort_operation(progress.operation_id)

    with pytest.raises(OperationFailed, match="aborted"):
        describe(wave_rows=3, on_progress=abort_second)
    assert client.get(f"{workdir}/result/@row_count") == 3
    done = describe(wave_rows=3)
    assert (done.described, done.outcomes) == (3, {"ok": 6})


def test_rows_come_in_the_order_of_the_input_and_unknown_options_are_told(client, workdir, describe):
    warnings = []
    newer = {"unchecked_options": ["mapper.new_option"], "mapper": {"new_option": 1}}
    describe(in_order=True, spec=newer, on_warning=warnings.append)
    assert warnings == ["the cluster does not know these options, and ignores them: mapper.new_option"]
    rows = list(client.read_table(f"{workdir}/result"))
    assert [row["segment_index"] for row in rows] == list(range(ROWS))
