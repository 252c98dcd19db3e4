"""The commands, one module per family. Importing a module registers its commands."""

from __future__ import annotations

import importlib

FAMILIES = (
    "cypress",
    "setting",
    "objects",
    "copying",
    "concatenation",
    "transactions",
    "tables",
    "partitions",
    "blobs",
    "files",
    "batch",
    "operations",
    "jobs",
    "job_data",
    "job_control",
    "information",
)


def load_all() -> None:
    """Register every command."""
    for name in FAMILIES:
        importlib.import_module(f"{__name__}.{name}")
