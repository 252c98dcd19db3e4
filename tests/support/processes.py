"""Processes of jobs on this machine."""

from contextlib import suppress

import psutil


def kill_engines(operation_ids):
    """Kill vLLM's engine processes in the jobs of these operations; returns how many there were."""
    wanted, engines = set(operation_ids), {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            # Of the job's own process: an engine writes its name over its environment.
            if process.environ().get("YT_OPERATION_ID") in wanted:
                engines |= {
                    child.pid: child
                    for child in process.children(recursive=True)
                    if "EngineCore" in " ".join(child.cmdline())
                }
    for engine in engines.values():
        with suppress(psutil.Error):
            engine.kill()
    return len(engines)
