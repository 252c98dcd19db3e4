"""Free TCP ports for jobs that ask for some (`port_count`), as a node hands them out."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import threading
from collections.abc import Mapping
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError

FIRST, LAST = 20_000, 32_767
"""Below the ports that Linux gives to outgoing connections."""
MOST = 65_535
"""That a job may ask for."""


class FreePorts:
    """Hands out ports in turn, so that one comes again only after all the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        ports = range(FIRST, LAST + 1)
        # Another cluster on this machine should not begin where this one does.
        offset = random.randrange(len(ports))
        self._turn = itertools.cycle([*ports[offset:], *ports[:offset]])

    def take(self, count: int) -> list[int]:
        """Different ports nobody listens on.

        Raises:
            YtError: there are not so many.
        """
        with self._lock:
            tried = itertools.islice(self._turn, LAST - FIRST + 1)
            found = list(itertools.islice(filter(_is_free, tried), count))
        if len(found) < count:
            raise YtError(
                f"Not enough free ports: {count} asked for, {len(found)} found between {FIRST} and {LAST}"
            )
        return found


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        # As servers do: a port that was in use a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


_ports = FreePorts()


def count_of(job: Mapping[str, Any]) -> int:
    """How many ports the options of a job ask for.

    Raises:
        YtError: that many no machine has.
    """
    count = int(job.get("port_count") or 0)
    if not 0 <= count <= MOST:
        raise errors.option_out_of_bounds("port_count", count, 0, MOST)
    return count


def environment(count: int) -> dict[str, str]:
    """The variables in which a job finds `count` ports of its own."""
    return {f"YT_PORT_{number}": str(port) for number, port in enumerate(_ports.take(count))}
