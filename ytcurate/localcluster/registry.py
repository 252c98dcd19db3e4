"""The commands the local cluster has: the source of `/api/v4` and of the supported-commands page."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster.parameters import PARAMETERS, Parameters

if TYPE_CHECKING:
    from ytcurate.localcluster.context import Call

NOTHING = object()
"""Returned by a command that answers no value."""


@dataclass(frozen=True)
class Command:
    """A command and what a client must know to call it (the keys of its descriptor)."""

    name: str
    input_type: str
    output_type: str
    is_volatile: bool
    is_heavy: bool
    handler: Callable[[Call], Any]
    parameters: Parameters
    detached: bool = False
    """Runs without holding the state for its whole length; opens its own sessions."""

    def descriptor(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "input_type": self.input_type,
            "output_type": self.output_type,
            "is_volatile": self.is_volatile,
            "is_heavy": self.is_heavy,
        }

    @property
    def method(self) -> str:
        """The HTTP method the client derives from the descriptor."""
        if self.input_type != "null":
            return "PUT"
        return "POST" if self.is_volatile else "GET"


COMMANDS: dict[str, Command] = {}


def command(
    name: str,
    input_type: str = "null",
    output_type: str = "structured",
    *,
    volatile: bool = False,
    heavy: bool = False,
    detached: bool = False,
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Register a handler under a command's name; it sees only calls whose parameters are implemented."""
    takes = PARAMETERS[name]

    def register(handler: Callable[[Call], Any]) -> Callable[[Call], Any]:
        @functools.wraps(handler)
        def checked(call: Call) -> Any:
            call.params = takes.take(name, call.params)
            call.check_prerequisites()
            return handler(call)

        COMMANDS[name] = Command(
            name, input_type, output_type, volatile, heavy, checked, takes, detached or heavy
        )
        return handler

    return register
