"""Reading //sys/scheduler/orchid, which is made when it is read."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.commands.values import at
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.scheduler import orchid

PLACE = ["sys", "scheduler", "orchid"]


def covers(path: RichPath) -> bool:
    return not path.root and path.attribute is None and [step.key for step in path.steps[:3]] == PLACE


def value(call: Call, path: RichPath) -> Any:
    """
    Raises:
        YtError: code 500, there is nothing.
    """
    return at(orchid.build(call.cluster.scheduler.slots), [step.key for step in path.steps[3:]])


def names(call: Call, path: RichPath) -> list[str]:
    """
    Raises:
        YtError: what is there has no children.
    """
    found = value(call, path)
    if not isinstance(found, dict):
        raise YtError(f"{path.text} is not a map")
    return list(found)
