"""Errors as tests compare them: code and text, from the outermost inwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yt.wrapper.errors import YtOperationFailedError


def chain(error: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Code and message of an error and of its first inner errors."""
    found = [(int(error["code"]), str(error["message"]))]
    inner = error.get("inner_errors") or []
    return found + (chain(inner[0]) if inner else [])


def operation_chain(error: YtOperationFailedError) -> list[tuple[int, str]]:
    """The same of what ended an operation."""
    return chain(error.inner_errors[0])
