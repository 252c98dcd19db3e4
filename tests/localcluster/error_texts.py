"""Errors of the cluster, as far as tests compare them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from yt.wrapper.errors import YtError, YtResponseError

ID = re.compile(r"\b[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+\b")


def spelled(error: YtError) -> tuple[int, list[str]]:
    """An error's code, and its text with those of the errors inside it; ids made alike."""
    from_server = isinstance(error, YtResponseError)
    found = error.inner_errors[0] if from_server else {"code": error.code, "message": error.message}
    code, texts = int(found["code"]), []
    while found:
        texts.append(ID.sub("ID", str(found["message"])))
        found = (found.get("inner_errors") or [None])[0]
    return code, texts


def refusal(call: Callable[[], Any]) -> tuple[int, list[str]]:
    """Code and texts of the error that a call ends with."""
    with pytest.raises(YtError) as caught:
        call()
    return spelled(caught.value)
