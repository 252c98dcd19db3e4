import os
import subprocess
import sys
import time

from ytcurate.uploading.heartbeat import Heartbeat


def test_another_process_is_seen_through_shared_memory():
    ours = Heartbeat()
    before = time.monotonic()
    code = (
        "import sys; from ytcurate.uploading.heartbeat import Heartbeat; beat = Heartbeat(int(sys.argv[1]));"
        "beat.give('fetching', 7); beat.give('cutting')"
    )
    command = [sys.executable, "-c", code, str(ours.descriptor)]
    subprocess.run(command, check=True, pass_fds=[ours.descriptor], env=os.environ)

    sign = ours.read()
    assert (sign.phase, sign.ds_index) == ("cutting", 7)
    assert before < sign.source_s < sign.at_s < time.monotonic()
    ours.close()
