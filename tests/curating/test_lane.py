"""A lane knows what is done before it takes anything."""

from types import SimpleNamespace

import yt.wrapper as yt

from ytcurate.curating.board import Board
from ytcurate.curating.index import ClipIndex, key_of
from ytcurate.curating.lane import Lane
from ytcurate.operations.presets import load_preset
from ytcurate.pipeline.run_record import RunRecord

CLIPS = [{"ds_index": 0, "segment_index": number, "clip_id": f"{number:032x}"} for number in range(3)]


def test_clips_done_earlier_are_not_done_again_when_the_lane_is_asked_for_its_work_before_it_looked(
    client, workdir
):
    table = f"{workdir}/embeddings"
    client.write_table(table, CLIPS)
    board, index = Board(), ClipIndex(f"{workdir}/clips", None)
    plan = SimpleNamespace(name="embed", preset=load_preset("local"))
    lane = Lane(client, board, index, f"{workdir}/clips", plan, table, RunRecord("print", 0))
    index.add([(number, key_of(clip)) for number, clip in enumerate(CLIPS)])

    # The lane that cuts asks how much work the others have, at any time.
    with board.changing():
        assert lane.busy_s >= 0
        board.cutting_is_over = True
    lane.run()

    assert (lane.state.started, lane.state.done) == ((), 3)
    assert len(list(client.read_table(yt.TablePath(table, client=client)))) == 3
