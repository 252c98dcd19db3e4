"""What the platform's own video notebooks do, with nothing of ours: it must run unchanged."""

import uuid

import pytest
import yt.type_info as ti
import yt.wrapper as yt
from yt.wrapper.schema import TableSchema

from tests.support.videos import make_video
from ytcurate.media.cut import cut_clips

GIB = 2**30
ROW_WEIGHT = 800 * 2**20


@yt.aggregator
def describe_in_batches(rows):
    """As the notebooks do: gather ten rows, run them together, pass the video on."""
    import os

    batch = []

    def flush():
        print("a batch of", len(batch))  # these notebooks print in jobs: safe_stream_mode is off
        for row in batch:
            size = len(yt.yson.get_bytes(row["video"]))
            yield {**row, "description": f"{size} bytes in {os.path.basename(os.getcwd())}"}  # noqa: PTH109, PTH119

    for row in rows:
        batch.append(row)
        if len(batch) == 10:
            yield from flush()
            batch.clear()
    yield from flush()


@pytest.fixture
def notebook_client(proxy):
    client = yt.YtClient(proxy=proxy)
    client.config["pickling"]["safe_stream_mode"] = False
    return client


def test_the_notebook_flow_runs_unchanged(notebook_client):
    client = notebook_client
    username = client.get_user_name()
    assert client.exists(f"//sys/users/{username}/@user_info/home_path")
    home_path = client.get(f"//sys/users/{username}/@user_info/home_path")
    pool_trees = client.get(f"//sys/users/{username}/@user_info/available_pool_trees")
    h100_trees = [tree for tree in pool_trees if tree.endswith("h100")]
    working_dir = f"{home_path}/tmp/demo_workdir/{uuid.uuid4().hex}"
    client.create("map_node", working_dir, recursive=True, ignore_existing=True)

    schema = TableSchema()
    schema.add_column("ds_index", ti.Int64)
    schema.add_column("segment_index", ti.Int64)
    schema.add_column("video", ti.Tagged[ti.String, "video"])
    schema.add_column("file_type", ti.String)
    clips = f"{working_dir}/segments"
    client.create("table", clips, attributes={"schema": schema})

    def segments():
        for clip in cut_clips(make_video(seconds=24, gop=30)):
            yield {
                "ds_index": 0,
                "segment_index": clip.segment_index,
                "video": clip.video,
                "file_type": "mp4",
            }

    client.write_table(clips, segments(), table_writer={"max_row_weight": ROW_WEIGHT})

    schema.add_column("description", ti.String)
    result = f"{working_dir}/result"
    client.create("table", result, attributes={"schema": schema})
    client.run_map(
        describe_in_batches,
        clips,
        result,
        spec={
            "pool_trees": h100_trees,
            "job_count": 1,
            "max_speculative_job_count_per_task": 0,
            "job_io": {"table_writer": {"max_row_weight": ROW_WEIGHT}},
            "mapper": {
                "gpu_limit": 1,
                "cpu_limit": 10,
                # Far more than a laptop has: limits, not reservations.
                "memory_limit": 60 * GIB,
                "tmpfs_size": 60 * GIB,
                "tmpfs_path": ".",
                "environment": {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"},
            },
        },
    )

    rows = sorted(client.read_table(result), key=lambda row: row["segment_index"])
    assert [row["segment_index"] for row in rows] == [0, 1, 2]
    assert all(
        row["description"].startswith(f"{len(yt.yson.get_bytes(row['video']))} bytes in ") for row in rows
    )
    client.remove(working_dir, recursive=True)
