"""Reads what is exported: rows of the curated table joined with their videos, a batch at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from ytcurate.config import MIB
from ytcurate.connection import setting
from ytcurate.errors import TableError
from ytcurate.exporting.columns import Field, kind_of, outside_row, plain_value
from ytcurate.exporting.plan import UNKNOWN, ExportPlan, split

if TYPE_CHECKING:
    from ytcurate.exporting.video_ids import VideoIds

BATCH_BYTES = 64 * MIB
"""Of the rows that are in memory at once, videos included; one heavy clip may be more."""
_ROW_BYTES = 4 << 10
_ROW_BYTES_WITH_KEYFRAME = 32 << 10
"""About what a row takes without its video."""
_MAX_RANGES = 100
"""Runs of rows in one request: they travel in its headers."""
_GAP_ROWS = 8
"""Rows between two that are wanted are read along if they are that few, and hold no videos."""
_EXTENSIONS = {"mp4": "mp4", "webm": "webm", "mkv": "mkv", "matroska": "mkv", "mov": "mov"}
_VIDEO_COLUMNS = (
    "ds_index",
    "segment_index",
    "clip_id",
    "video",
    "video_path",
    "file_type",
    "outcome",
    "detail",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class ClipVideo:
    """The video of one clip: bytes of a row, or a file of Cypress that is read when it is needed."""

    size: int
    """Bytes."""
    extension: str
    """``mp4``, ``webm``, ``mkv``, ``mov``; ``bin`` for what is none of them."""
    open: Callable[[], BinaryIO]
    """Gives something with ``read(size)``, from the first byte on."""


@dataclass(frozen=True)
class ExportClip:
    """One clip as it leaves."""

    ds_index: int
    segment_index: int
    values: Row
    """By the names of the exported fields, in their order."""
    video: ClipVideo | None
    """None: videos are not exported, or this clip has none."""

    @property
    def key(self) -> str:
        """A name made of numbers only, in the order of the clips."""
        return f"{self.ds_index:08d}_{self.segment_index:05d}"


@dataclass(frozen=True, kw_only=True)
class ExportTables:
    """Where rows are read from. Nodes are ids of tables that are locked as they are."""

    table: str
    """The curated table, as messages call it."""
    node: str
    schema: Sequence[Mapping[str, Any]]
    clips: str | None = None
    """The table of clips, as messages call it."""
    clips_node: str | None = None


class ExportReader:
    """Gives clips in the order of source and time.

    Args:
        client: of the cluster, in the transaction that holds the tables.
        tables: to read.
        plan: which rows.
        fields: what leaves of a row.
        video_ids: names of sources.
        shard_bytes: of a shard, about.
        shard_rows: of a shard; None: any number.
        on_batch: called with the number of clips of each batch, when it has been taken.
    """

    def __init__(
        self,
        client: Any,
        tables: ExportTables,
        plan: ExportPlan,
        fields: tuple[Field, ...],
        video_ids: VideoIds,
        *,
        shard_bytes: int,
        shard_rows: int | None,
        on_batch: Callable[[int], None],
    ) -> None:
        self.fields = fields
        self.has_videos = plan.video_places is not None
        self.rows = len(plan)
        self._client = client
        self._tables = tables
        self._plan = plan
        self._video_ids = video_ids
        self._on_batch = on_batch
        self._kinds = {
            str(column["name"]): kind_of(column.get("type_v3") or column.get("type"))
            for column in tables.schema
        }
        clip_columns = (
            {str(c["name"]) for c in client.get(f"{tables.clips_node}/@schema")} if self.has_videos else set()
        )
        self._clip_columns = [name for name in _VIDEO_COLUMNS if name in clip_columns]
        row_bytes = _ROW_BYTES_WITH_KEYFRAME if "keyframe" in self._kinds else _ROW_BYTES
        self._weights = plan.weights(row_bytes)
        self.shards = tuple(split(self._weights, shard_bytes, shard_rows))
        """Rows of each shard; known before the first is written."""

    def batches(self, shard: range) -> Iterator[list[ExportClip]]:
        """Read a shard, at most ``BATCH_BYTES`` or one clip at a time.

        Raises:
            TableError: a clip has no video, or is another than was curated.
        """
        for batch in split(self._weights[shard.start : shard.stop], BATCH_BYTES, None, shard.start):
            yield self._read(batch)
            self._on_batch(len(batch))

    def _read(self, batch: range) -> list[ExportClip]:
        plan, at = self._plan, slice(batch.start, batch.stop)
        rows = self._rows(self._tables.node, plan.places[at].tolist(), list(self._kinds), _GAP_ROWS)
        videos: dict[int, Row] = {}
        if plan.video_places is not None:
            assert self._tables.clips_node is not None
            # Videos come as they are: packing and unpacking them costs more than it saves.
            with setting(self._client, "proxy", "accept_encoding", "identity"):
                videos = self._rows(
                    self._tables.clips_node, plan.video_places[at].tolist(), self._clip_columns, 0
                )
        return [self._clip(number, rows, videos) for number in batch]

    def _rows(self, node: str, places: list[int], columns: list[str], gap: int) -> dict[int, Row]:
        """Read rows by their numbers; strings are bytes."""
        import yt.wrapper as yt

        wanted, found = set(places), {}
        ranges = list(_ranges(sorted(wanted), gap))
        for first in range(0, len(ranges), _MAX_RANGES):
            some = ranges[first : first + _MAX_RANGES]
            limits = [
                {"lower_limit": {"row_index": each.start}, "upper_limit": {"row_index": each.stop}}
                for each in some
            ]
            path = yt.TablePath(node, ranges=limits, columns=columns, client=self._client)
            numbers = (number for each in some for number in each)
            rows = self._client.read_table(path, format=yt.YsonFormat(encoding=None))
            for number, row in zip(numbers, rows, strict=True):
                if number in wanted:
                    found[number] = {name.decode(): value for name, value in row.items()}
        return found

    def _clip(self, number: int, rows: dict[int, Row], videos: dict[int, Row]) -> ExportClip:
        plan = self._plan
        read = rows[int(plan.places[number])]
        row = {name: plain_value(kind, read.get(name)) for name, kind in self._kinds.items()}
        ds_index, start_frame = int(plan.ds_index[number]), int(plan.start_frames[number])
        values = outside_row(
            self.fields,
            row,
            video_id=self._video_ids.get(ds_index, row["clip_id"]),
            start_frame=None if start_frame == UNKNOWN else start_frame,
        )
        video = None
        if plan.video_places is not None:
            video = self._video(row, videos[int(plan.video_places[number])])
        return ExportClip(ds_index, int(plan.segment_index[number]), values, video)

    def _video(self, row: Row, clip: Row) -> ClipVideo | None:
        name = f"{self._tables.clips}: clip {row['segment_index']} of source {row['ds_index']}"
        clip_id = _text(clip.get("clip_id"))
        if row["clip_id"] and clip_id and clip_id != row["clip_id"]:
            raise TableError(
                f"{name} is {clip_id}, the curated one is {row['clip_id']}: it was cut anew since. Curate "
                f"again, or name the table that the clips were cut into (--clips)."
            )
        extension = _EXTENSIONS.get(_text(clip.get("file_type")) or "mp4", "bin")
        content = clip.get("video")
        if content is not None:
            return ClipVideo(len(content), extension, lambda: io.BytesIO(content))
        path = _text(clip.get("video_path"))
        if path:
            return self._file(path, extension, name)
        if row["kept"] or _text(clip.get("outcome")) in ("ok", ""):
            raise TableError(
                f"{name} has no video (outcome {_text(clip.get('outcome')) or 'ok'}). Make the table of "
                f"clips anew, or export without videos (--no-videos)."
            )
        return None

    def _file(self, path: str, extension: str, name: str) -> ClipVideo:
        if not self._client.exists(path):
            raise TableError(f"{name} is kept in {path}, which is not there any more.")
        size = int(self._client.get(f"{path}/@uncompressed_data_size"))
        return ClipVideo(size, extension, lambda: self._client.read_file(path))


def _ranges(places: Sequence[int], gap: int) -> Iterator[range]:
    """Runs of sorted numbers; small gaps are filled."""
    start = end = places[0]
    for place in places:
        if place > end + gap:
            yield range(start, end)
            start = place
        end = place + 1
    yield range(start, end)


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value or "")
