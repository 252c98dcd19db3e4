"""Why vLLM did not start: what its processes reported, in one sentence with what to do about it."""

from __future__ import annotations

import copy
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ytcurate.describers.checkpoint import first_line
from ytcurate.errors import EngineUnavailable

_VARIABLE = "VLLM_LOGGING_CONFIG_PATH"
_EXCEPTION = re.compile(r"^(?:\w+\.)*(?:\w*Error|\w*Exception): .+", re.MULTILINE)
_VAGUE = re.compile(r"Engine core initialization failed|WorkerProc initialization failed|See stack trace")

_ADVICE = (
    (
        r"out of memory|OutOfMemory|Free memory on device",
        "Raise --tensor-parallel, lower --max-model-len or gpu_memory_utilization, "
        "or use a quantised checkpoint.",
    ),
    (
        r"No available memory for the cache|KV cache",
        "Lower --max-model-len, raise gpu_memory_utilization or --tensor-parallel, "
        "or use a quantised checkpoint.",
    ),
    (
        r"safetensors|model weights|checkpoint|weight",
        "Check that all files of the checkpoint are there and whole.",
    ),
    (r"quantization|quant_method", "Use a quantisation that this vLLM and this GPU know, or none."),
    (
        r"divisible by|tensor.parallel|world.size|devices",
        "Choose a --tensor-parallel that fits model and GPUs.",
    ),
)
"""What the cause says → what to do."""


@contextmanager
def reports_kept() -> Iterator[Path]:
    """Have vLLM's processes write their errors to a file as well; yields its path.

    An engine that does not start tells its parent only that it did not; the cause is in the log of one of its
    processes. Those started inside this context write there; a logging configuration of one's own is left
    alone.
    """
    with tempfile.TemporaryDirectory(prefix="vllm-report-", ignore_cleanup_errors=True) as folder:
        report = Path(folder) / "errors.log"
        report.touch()
        if os.environ.get(_VARIABLE):
            yield report
            return
        config = Path(folder) / "logging.json"
        config.write_text(json.dumps(_logging_config(report)), encoding="utf-8")
        os.environ[_VARIABLE] = str(config)
        try:
            yield report
        finally:
            del os.environ[_VARIABLE]


def no_start(model: str, error: Exception, report: Path | None) -> EngineUnavailable:
    """Make the error that says why the engine did not start."""
    if isinstance(error, EngineUnavailable):
        return error
    cause = f"{type(error).__name__}: {first_line(error)}"
    reported = report.read_text(encoding="utf-8", errors="replace") if report else ""
    telling = [each for each in _EXCEPTION.findall(_without_prefixes(reported)) if not _VAGUE.search(each)]
    if telling:
        cause = telling[-1][:500].rstrip(".")
    advice = next(
        (advice for pattern, advice in _ADVICE if re.search(pattern, cause, re.IGNORECASE)),
        "Its own report stands above in this job's stderr.",
    )
    return EngineUnavailable(f"model {model}: vLLM does not start ({cause}). {advice}")


def _logging_config(report: Path) -> dict[str, Any]:
    from vllm.logger import DEFAULT_LOGGING_CONFIG

    config: dict[str, Any] = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
    config["handlers"]["report"] = {
        "class": "logging.FileHandler",
        "filename": str(report),
        "level": "ERROR",
        "delay": True,
    }
    config["loggers"]["vllm"]["handlers"].append("report")
    return config


def _without_prefixes(text: str) -> str:
    """Take away what vLLM writes before each line of a traceback."""
    return re.sub(r"^(?:\([^)]*\) )?(?:ERROR [\d-]+ [\d:]+ \[[^\]]+\] )?", "", text, flags=re.MULTILINE)
