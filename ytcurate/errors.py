"""Every error a caller may catch.

YtcurateError
├─ UsageError          a flag, a spec file or a call is wrong; nothing was started
├─ VideoError          one video is at fault                (also a ValueError)
│  ├─ UnreadableVideo  no pictures can be had from it
│  └─ EmptySegment     no picture is displayed inside the segment
├─ TableError          a table is not what the step needs
│  ├─ TableExists      it is there and neither overwriting nor appending was asked
│  ├─ TableMissing     it is not there
│  └─ SchemaMismatch   its columns are others than the step reads or writes
├─ UploadInterrupted   the cluster or another upload is in the way; what was committed stays
├─ OperationFailed     carries operation_id, state and the first failed job's stderr
├─ TooManyBadRows      more rows ended badly than --max-bad allows
├─ OperationExists     one of the same alias runs already; in operations.submit
├─ EngineUnavailable   the engine or the model cannot be loaded; concerns every clip
└─ ClusterUnreachable  carries the proxy                    (also a ConnectionError)

Each message says where, what was expected, what was found, and what to do.
"""

from __future__ import annotations


class YtcurateError(Exception):
    """Root of the errors raised on purpose by this package."""


class UsageError(YtcurateError):
    """A flag, a spec file or a call is wrong; nothing was started."""


class VideoError(YtcurateError, ValueError):
    """One video is at fault; others are not concerned."""


class UnreadableVideo(VideoError):
    """No pictures can be had from this video."""


class EmptySegment(VideoError):
    """No picture is displayed inside this segment."""


class TableError(YtcurateError):
    """A table is not what the step needs."""


class TableExists(TableError):
    """The table to write is there already, and neither overwriting nor appending was asked."""


class TableMissing(TableError):
    """The table to read is not there."""


class SchemaMismatch(TableError):
    """The columns of a table are others than the step reads or writes."""


class UploadInterrupted(YtcurateError):
    """An upload cannot go on. What was committed stays; the same command goes on from there."""


class OperationFailed(YtcurateError):
    """An operation ended as failed or aborted.

    ``operation_id``, ``state`` and ``stderr`` (of the first failed job, possibly empty) are attributes.
    """

    def __init__(self, message: str, *, operation_id: str, state: str, stderr: str = "") -> None:
        super().__init__(message)
        self.operation_id = operation_id
        self.state = state
        self.stderr = stderr


class TooManyBadRows(YtcurateError):
    """More rows ended with a bad outcome than the caller allows; the message names the usual reason."""


class EngineUnavailable(YtcurateError):
    """The engine or the model cannot be loaded. Concerns every clip, so it is raised before the first."""


class ClusterUnreachable(YtcurateError, ConnectionError):
    """The proxy does not answer. ``proxy`` is the address that was tried."""

    def __init__(self, message: str, *, proxy: str) -> None:
        super().__init__(message)
        self.proxy = proxy
