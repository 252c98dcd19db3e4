"""Will the model's weights fit: asked before a job waits for a device."""

from __future__ import annotations

import re

from ytcurate.config import GIB
from ytcurate.errors import UsageError
from ytcurate.models.reference import ModelReference

_EXACT = {
    "qwen2-vl-2b": 2.21e9,
    "qwen2-vl-7b": 8.29e9,
    "qwen2-vl-72b": 73.4e9,
    "qwen2.5-vl-3b": 3.75e9,
    "qwen2.5-vl-7b": 8.29e9,
    "qwen2.5-vl-32b": 33.5e9,
    "qwen2.5-vl-72b": 73.4e9,
}
"""Weights of models whose name leaves the vision tower out, from the safetensors on the hub."""
_COUNT = re.compile(r"(?<![\w.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_FOUR_BITS = re.compile(r"awq|int4|w4a|fp4|4bit|4-bit")
_EIGHT_BITS = re.compile(r"fp8|int8|w8a|8bit|8-bit")
_BYTES_4 = 0.6
"""Per weight: four bits, their scales, and the vision tower and embeddings, which stay at sixteen."""
_ONLINE = {"fp8": 1 / 2, "int8": 1 / 2, "bitsandbytes": _BYTES_4 / 2}
"""What quantising while loading leaves of sixteen-bit weights, by vLLM's names."""


def estimate_weight_bytes(reference: ModelReference, *, quantization: str | None = None) -> int | None:
    """Say what a model's weights take in the memory of all its devices together.

    Exact where the files can be counted (a directory, a manifest, a hub that answers), else from the name.

    Args:
        reference: from ``find_model``.
        quantization: how the engine quantises while loading, if it does.

    Returns:
        Bytes, or None if nothing can be said.
    """
    stored = reference.weight_bytes or _from_name(reference.name)
    if stored is None:
        return None
    name = reference.name.lower()
    is_sixteen = not (_FOUR_BITS.search(name) or _EIGHT_BITS.search(name))
    return round(stored * _ONLINE.get(quantization or "", 1.0)) if is_sixteen else stored


def require_fit(
    reference: ModelReference,
    *,
    gpu_memory_bytes: int | None,
    tensor_parallel: int | None,
    gpu_memory_utilization: float,
    device: str = "one GPU",
    quantization: str | None = None,
) -> None:
    """Refuse a model whose weights cannot fit the devices of one copy.

    What it also needs beside the weights is not counted: a model that passes may still be too large.

    Args:
        reference: from ``find_model``.
        gpu_memory_bytes: of one device; None or 0 if there is none or it is not known: nothing is refused.
        tensor_parallel: devices that one copy is spread over; None is one.
        gpu_memory_utilization: the share of a device that the engine uses.
        device: how the message names one, for example ``one H100 of preset h100``.
        quantization: as ``estimate_weight_bytes`` takes it.

    Raises:
        UsageError: they cannot fit.
    """
    needed = estimate_weight_bytes(reference, quantization=quantization)
    if needed is None or not gpu_memory_bytes:
        return
    devices = tensor_parallel or 1
    usable = gpu_memory_bytes * gpu_memory_utilization
    if needed <= usable * devices:
        return
    enough = 1
    while needed > usable * enough:
        enough *= 2
    spread = f", and it is spread over {devices}" if devices > 1 else ""
    raise UsageError(
        f"{reference.name.rpartition('/')[2]} needs about {needed / GIB:.0f} GiB for its weights; "
        f"{device} has {gpu_memory_bytes / GIB:.0f}{spread}: use a preset with more devices (h100-8) and "
        f"--tensor-parallel {enough}, or an AWQ or FP8 checkpoint."
    )


def replicas(
    reference: ModelReference,
    gpus: int,
    *,
    gpu_memory_bytes: int | None,
    tensor_parallel: int | None,
    gpu_memory_utilization: float,
    quantization: str | None = None,
) -> int:
    """Say how many copies of the model a job with ``gpus`` devices can hold side by side.

    With ``tensor_parallel`` that decides. Without, there is one copy for each device if the weights fit one;
    one copy for all of them if they do not, or if that cannot be told: the caller then spreads it.
    """
    if gpus <= 1:
        return 1
    if tensor_parallel is not None:
        return max(1, gpus // tensor_parallel)
    needed = estimate_weight_bytes(reference, quantization=quantization)
    if needed is None or not gpu_memory_bytes:
        return 1
    return gpus if needed <= gpu_memory_bytes * gpu_memory_utilization else 1


def _from_name(name: str) -> int | None:
    """Read the number of weights and their width out of a name such as ``Qwen2.5-VL-7B-Instruct-AWQ``."""
    name = name.rpartition("/")[2].lower()
    if "gguf" in name:
        return None
    count = next(
        (count for known, count in _EXACT.items() if re.match(rf"{re.escape(known)}(?![a-z0-9])", name)), None
    )
    if count is None:
        if not (found := _COUNT.search(name)):
            return None
        experts, number, unit = found.groups()
        count = int(experts or 1) * float(number) * (1e9 if unit == "b" else 1e6)
    width = _BYTES_4 if _FOUR_BITS.search(name) else 1.0 if _EIGHT_BITS.search(name) else 2.0
    return round(count * width)
