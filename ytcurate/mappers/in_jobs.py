"""What mappers need to run in jobs: all parts sent along, and standard streams that libraries may use."""

from __future__ import annotations

import os
import pkgutil
import sys
from importlib import import_module
from types import ModuleType


def import_parts(*packages: ModuleType) -> None:
    """Import all modules of packages, so that jobs get those, too, that are imported late.

    For the ``__getstate__`` of mappers: the YT client packs modules that this process has imported, and
    pickles the mapper before that.

    Args:
        packages: each with its modules; packages inside them are imported without theirs.
    """
    for package in packages:
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)


def leave_standard_streams() -> None:
    """Let libraries print in a job: to standard error.

    The client replaces ``sys.stdout`` in jobs by an object that raises when used, and vLLM prints.
    """
    sys.stdout = sys.stderr
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - for the life of the job
