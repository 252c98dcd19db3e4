import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq

MIB = 2**20


def test_a_row_group_of_many_videos_is_not_read_whole(tmp_path):
    """A row group of 120 MiB with a page for each video, as ``datasets`` writes them."""
    table = pa.table({"mp4": [number.to_bytes(4) + bytes(6 * MIB) for number in range(20)]})
    path = tmp_path / "train.parquet"
    pq.write_table(table, path, use_dictionary=False, compression="none", write_batch_size=1)
    assert pq.read_metadata(path).num_row_groups == 1
    code = (
        "from pathlib import Path; from ytcurate.sources.find import find_source;"
        # Of this program alone: what getrusage tells may be what its parent needed.
        "peak = lambda: int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) // 1024;"
        f"source = find_source('{path}#mp4'); assert source.count == 20; before = peak();"
        "print(sum(len(video.video) for video in source), peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    read, grown_mib = (int(word) for word in done.stdout.split())
    assert read == 20 * (6 * MIB + 4)
    assert grown_mib < 75
