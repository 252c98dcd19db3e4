"""Processes of jobs on this machine."""

from contextlib import suppress

import psutil


def kill_engines(operation_ids):
    """Kill vLLM's engine processes in the jobs of these operations; returns how many there were."""
    wanted, killed = set(operation_ids), 0
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            # Not its own environment: an engine writes its name over that.
            is_engine = process.info["name"].startswith("VLLM::Engine")
            if is_engine and wanted & {p.environ().get("YT_OPERATION_ID") for p in process.parents()}:
                process.kill()
                killed += 1
    return killed
