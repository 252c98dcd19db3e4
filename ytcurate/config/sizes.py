"""Units of size, and sizes that are given: by the model, by the cluster."""

from __future__ import annotations

MIB = 2**20
GIB = 2**30

PATCH_AREA_PX = 28 * 28
"""Pixels that become one visual token of Qwen2.5-VL: a patch of 14x14, merged 2x2."""

DEFAULT_ROW_WEIGHT_BYTES = 16 * MIB
"""What a table writer takes when nothing is said (upstream default of ``max_row_weight``)."""

PORTABLE_ROW_WEIGHT_BYTES = 128 * MIB
"""The most that an upstream cluster lets ``max_row_weight`` be; Tracto accepts 800 MiB and more."""
