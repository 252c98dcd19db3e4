"""Fetching a video by its address: over HTTP, or through fsspec (``s3://``, ``gs://``, ``hf://``, ...).

It happens in the process that cuts the video. Nothing that is raised here shows what is secret in an
address, so other libraries' errors, which quote addresses, are put into words of our own.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.errors import UnreadableVideo
from ytcurate.media.progress import report_progress
from ytcurate.sources.addresses import VIDEO_SUFFIXES, scheme_of, shown, suffix_of
from ytcurate.sources.options import DownloadLimits

if TYPE_CHECKING:
    from urllib3.util import Retry

PIECE_BYTES = 2**20
_BACKOFF_S = 0.5
_HUB_FILE = re.compile(r"hf://datasets/(?P<id>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?/(?P<file>.+)$")
_BACKOFF_MAX_S = 30.0


@dataclass(frozen=True)
class RemoteVideo:
    """A video at an address. Is fetched whole, into a file.

    What breaks off is gone on with where the server can; what fails for a while (no connection, HTTP 429
    and 5xx) is tried again, later each time, or when the server says.
    """

    address: str = field(repr=False)
    """May hold secrets: shown nowhere."""
    limits: DownloadLimits = field(default_factory=DownloadLimits)

    @property
    def name(self) -> str:
        """The address without its secrets."""
        return shown(self.address)

    def __repr__(self) -> str:
        return f"RemoteVideo({self.name!r})"

    def fetch(self, folder: Path) -> Path:
        """Fetch the whole video into a file in ``folder``.

        Raises:
            UnreadableVideo: it cannot be had, or costs more than the limits.
            OSError: the file cannot be written.
        """
        suffix = suffix_of(self.address)
        path = folder / f"source{suffix if suffix in VIDEO_SUFFIXES else ''}"
        attempts = Attempts(self.name, self.limits)
        address = hub_url(self.address) or self.address
        with path.open("wb") as file:
            if scheme_of(address) in ("http", "https"):
                from ytcurate.sources.download_http import fetch_http

                fetch_http(address, file, attempts)
            else:
                from ytcurate.sources.download_fsspec import fetch_fsspec

                fetch_fsspec(address, file, attempts)
        return path


@dataclass(frozen=True)
class MissingVideo:
    """A video of which it is known beforehand that it cannot be had: it becomes a row that says why."""

    reason: str

    def fetch(self, folder: Path) -> Path:
        """Raise the reason.

        Raises:
            UnreadableVideo: always.
        """
        raise UnreadableVideo(self.reason)


def hub_url(address: str) -> str | None:
    """Make a URL of a file's address in a data set of the hub; None of another address."""
    match = _HUB_FILE.match(address)
    if match is None:
        return None
    from huggingface_hub import hf_hub_url

    return hf_hub_url(match["id"], match["file"], repo_type="dataset", revision=match["revision"])


class Attempts:
    """Counts the tries of one download, waits between them, and ends it when it costs too much."""

    def __init__(self, name: str, limits: DownloadLimits) -> None:
        self.name = name
        self.limits = limits
        self._deadline = time.monotonic() + limits.max_seconds
        self._retry = self._fresh()

    def _fresh(self) -> Retry:
        from urllib3.util import Retry

        return Retry(
            total=self.limits.tries - 1,
            backoff_factor=_BACKOFF_S,
            backoff_max=_BACKOFF_MAX_S,
            backoff_jitter=_BACKOFF_S,
            status_forcelist=(500, 502, 503, 504),
        )

    def failure(self, reason: str) -> UnreadableVideo:
        """Put a reason into the error that ends the download."""
        return UnreadableVideo(f"{self.name}: {reason}")

    def count_piece(self, size: int) -> None:
        """See to it that so many bytes in all are not too many, and the time is not up.

        Raises:
            UnreadableVideo: they are, or it is.
        """
        report_progress()
        self._retry = self._fresh() if self._retry.history else self._retry
        self.require_size(size)
        self.require_time()

    def require_size(self, size: int) -> None:
        """See to it that a video of this size may be fetched."""
        if size > self.limits.max_bytes:
            raise self.failure(
                f"the video has at least {size} bytes; a download may have {self.limits.max_bytes} "
                "(max_source_bytes)"
            )

    def require_time(self) -> None:
        """See to it that the time is not up."""
        if time.monotonic() > self._deadline:
            raise self.failure(f"the download takes longer than {self.limits.max_seconds:g} s (max_seconds)")

    @property
    def timeout_s(self) -> float:
        """How long to wait for the next bytes."""
        return max(0.001, min(self.limits.stall_seconds, self._deadline - time.monotonic()))

    def wait(self, reason: str, *, wished_s: float | None = None) -> None:
        """Wait before the next try: as long as the server wishes, else longer each time.

        Raises:
            UnreadableVideo: with the reason, if there is no next try, or no time for it.
        """
        from urllib3.exceptions import MaxRetryError

        try:
            self._retry = self._retry.increment(method="GET", url=self.name)
        except MaxRetryError:
            raise self.failure(f"{reason}, {self.limits.tries} times in a row") from None
        seconds = wished_s if wished_s is not None else self._retry.get_backoff_time() or _BACKOFF_S
        if time.monotonic() + seconds > self._deadline:
            raise self.failure(f"{reason}; there is no time left for another try (max_seconds)")
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            report_progress()  # to wait as told is no stall
            time.sleep(min(left, 1.0))

    def wished_s(self, response: Any) -> float | None:
        """Seconds after which a server wants to be asked again (Retry-After); None if it does not say."""
        try:
            return self._retry.get_retry_after(response)
        except ValueError:  # urllib3's InvalidHeader is one: the header says nothing that can be used
            return None
