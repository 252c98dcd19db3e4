"""Memory of a stream does not depend on how many rows go through it."""

import subprocess
import sys

PROGRAM = """
import resource, sys
from tests.mappers.test_stream import FRAMES, Scripted, ok
from ytcurate.config import Buffering
from ytcurate.describers.prompts import DESCRIBE
from ytcurate.mappers.read_ahead import Prepared, ReadAhead
from ytcurate.mappers.statistics import StreamStatistics
from ytcurate.mappers.stream import DescribeStream

rows, in_order = int(sys.argv[1]), sys.argv[2] == "True"
videos = ({"place": place, "video": bytes(100_000)} for place in range(rows))
statistics = StreamStatistics()
ahead = ReadAhead(
    videos, lambda row: Prepared(row, FRAMES), size=lambda row: len(row["video"]),
    limits=Buffering(), threads=2, statistics=statistics,
)
class Quiet(list):
    append = lambda self, item: None
stream = DescribeStream(
    ahead, lambda: Scripted(ok, Quiet(), 64), [DESCRIBE], statistics, in_order=in_order
)
places = 0
for described in stream:
    places += described.row["place"]
assert places == rows * (rows - 1) // 2
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mib(rows, in_order=False):
    command = [sys.executable, "-c", PROGRAM, str(rows), str(in_order)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_memory_is_the_same_for_a_hundred_times_as_many_rows():
    # Two hundred rows are twenty megabytes of video, twenty thousand are two gigabytes.
    few, many = peak_mib(200), peak_mib(20_000)
    assert many - few < 40, f"{few} MiB for 200 rows, {many} MiB for 20,000"


def test_memory_is_the_same_when_rows_keep_their_order():
    few, many = peak_mib(200, in_order=True), peak_mib(20_000, in_order=True)
    assert many - few < 40, f"{few} MiB for 200 rows, {many} MiB for 20,000"
