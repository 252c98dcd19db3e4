"""Which rows are exported, in which order, and how they are cut into shards. Keys and numbers, no videos."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ytcurate.errors import TableError

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

UNKNOWN = -1
_UNKNOWN_VIDEO_BYTES = 8 << 20
"""What a video of unknown size is counted as, where rows are cut into shards."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportPlan:
    """The rows to export, in the order of source and time. Arrays are of shape (N,), int64 or as said."""

    ds_index: Numbers
    segment_index: Numbers
    places: Numbers
    """Numbers of their rows in the curated table."""
    start_frames: Numbers
    """Number of a clip's first picture in its source; ``UNKNOWN`` where it has no times."""
    is_kept: Numbers
    """bool."""
    video_bytes: Numbers
    """``UNKNOWN`` where nothing says."""
    video_places: Numbers | None = None
    """Numbers of their rows in the table of clips. None: videos are not exported."""

    def __len__(self) -> int:
        return len(self.places)

    def weights(self, row_bytes: int) -> Numbers:
        """About how many bytes each row takes, given what it takes without its video."""
        import numpy as np

        if self.video_places is None:
            return np.full(len(self), row_bytes, np.int64)
        known = self.video_bytes != UNKNOWN
        return np.where(known, self.video_bytes, _UNKNOWN_VIDEO_BYTES) + row_bytes


def plan_rows(client: Any, node: str, table: str, *, kept_only: bool) -> ExportPlan:
    """Read the keys of a curated table and put its rows in order.

    Args:
        client: of the cluster.
        node: to read from: the table, or its id.
        table: what messages call it.
        kept_only: leave out rows that are not kept.

    Raises:
        TableError: it has no rows, two rows for one clip, or none that is kept.
    """
    import numpy as np

    integers = {name: array("q") for name in ("ds_index", "segment_index", "frame_count", "bytes", "kept")}
    doubles = {name: array("d") for name in ("start_s", "length", "fps")}
    has_bytes = any(column["name"] == "bytes" for column in client.get(f"{node}/@schema"))
    columns = (
        [*integers, *doubles] if has_bytes else [name for name in (*integers, *doubles) if name != "bytes"]
    )
    for row in _rows(client, node, columns):
        for name, numbers in integers.items():
            value = row.get(name)
            numbers.append(UNKNOWN if value is None else int(value))
        for name, values in doubles.items():
            value = row.get(name)
            values.append(float("nan") if value is None else float(value))
    ds_index, segment_index, frames, sizes, kept = (
        np.frombuffer(each, np.int64) for each in integers.values()
    )
    start_s, length, fps = (np.frombuffer(each, np.float64) for each in doubles.values())
    if not len(ds_index):
        raise TableError(f"{table} has no rows: there is nothing to export.")
    order = np.lexsort((segment_index, ds_index))
    _require_distinct(ds_index[order], segment_index[order], table)
    firsts = start_frames(ds_index[order], start_s[order], length[order], fps[order], frames[order])
    chosen = kept[order] == 1 if kept_only else np.ones(len(order), bool)
    if not chosen.any():
        raise TableError(
            f"{table}: none of its {len(order)} clips is kept. Export the rejected ones, too (--all), or "
            f"loosen the rules; the column reason says what each failed."
        )
    rows = order[chosen]
    return ExportPlan(
        ds_index=ds_index[rows],
        segment_index=segment_index[rows],
        places=rows,
        start_frames=firsts[chosen],
        is_kept=kept[rows] == 1,
        video_bytes=sizes[rows],
    )


def start_frames(
    ds_index: Numbers, start_s: Numbers, length: Numbers, fps: Numbers, frames: Numbers
) -> Numbers:
    """Number the first picture of each clip in its source.

    Where a clip begins as the one before ends, within half a picture, its number is that of the one before
    plus the pictures of that one: exact, whatever the rate does. Elsewhere (the first clip, after a gap,
    overlapping clips) it is ``start_s`` times ``fps``, rounded: exact for constant rates only.

    Args:
        ds_index: shape (N,), sorted; within a source clips are in the order of time.
        start_s: seconds; NaN: not known.
        length: seconds; NaN: not known.
        fps: average pictures per second of each clip; NaN: not known.
        frames: pictures of each clip; ``UNKNOWN``: not known.

    Returns:
        int64, shape (N,); ``UNKNOWN`` where a clip has no times.
    """
    import numpy as np

    count = len(ds_index)
    known = np.isfinite(start_s) & np.isfinite(length) & (fps > 0) & (frames != UNKNOWN)
    guess = np.where(known, np.rint(np.where(known, start_s * fps, 0)), 0).astype(np.int64)
    gap = start_s[1:] - (start_s[:-1] + length[:-1])
    touches = (ds_index[1:] == ds_index[:-1]) & known[1:] & known[:-1]
    touches &= np.abs(np.where(touches, gap, 0)) <= 0.5 / np.where(known, fps, 1)[1:]
    is_head = np.concatenate([np.ones(min(1, count), bool), ~touches])
    head = np.maximum.accumulate(np.where(is_head, np.arange(count), 0))
    before = np.concatenate([[0], np.cumsum(np.where(known, frames, 0))])[:-1].astype(np.int64)
    return np.where(known, guess[head] + before - before[head], UNKNOWN)


def with_videos(plan: ExportPlan, client: Any, node: str, clips: str) -> ExportPlan:
    """Find each row's clip in the table of clips, and how large it is.

    Args:
        plan: whose rows need videos.
        client: of the cluster.
        node: to read from: the table of clips, or its id.
        clips: what messages call it.

    Raises:
        TableError: a row's clip is not there.
    """
    import numpy as np

    keys, sizes = array("q"), array("q")
    for row in _rows(client, node, ["ds_index", "segment_index", "bytes"]):
        keys.append(_key(int(row["ds_index"]), int(row["segment_index"])))
        sizes.append(UNKNOWN if row.get("bytes") is None else int(row["bytes"]))
    there, video_bytes = np.frombuffer(keys, np.int64), np.frombuffer(sizes, np.int64)
    wanted = _key(plan.ds_index, plan.segment_index)
    order = np.argsort(there, kind="stable")
    at = np.searchsorted(there[order], wanted)
    found = at < len(there)
    found[found] = there[order[at[found]]] == wanted[found]
    if not found.all():
        first = int(np.argmin(found))
        raise TableError(
            f"{clips} has no row for clip {plan.segment_index[first]} of source {plan.ds_index[first]}, one "
            f"of {int((~found).sum())} that are missing. Name the table that they were cut into (--clips)."
        )
    places = order[at]
    return replace(plan, video_places=places, video_bytes=video_bytes[places])


def split(weights: Numbers, most_bytes: int, most_rows: int | None = None, start: int = 0) -> Iterator[range]:
    """Cut rows into runs of at most so many bytes and rows; a row heavier than that is a run of its own.

    Args:
        weights: bytes of each row.
        most_bytes: of a run.
        most_rows: of a run; None: any number.
        start: what the first row is numbered as.
    """
    import numpy as np

    ends = np.cumsum(weights)
    first = 0
    while first < len(weights):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + most_bytes, "right")))
        if most_rows is not None:
            last = min(last, first + most_rows)
        yield range(start + first, start + last)
        first = last


def _key(ds_index: Any, segment_index: Any) -> Any:
    """Both numbers as one; a source has far fewer than 2^24 clips."""
    return ds_index * (1 << 24) + segment_index


def _require_distinct(ds_index: Numbers, segment_index: Numbers, table: str) -> None:
    import numpy as np

    same = (ds_index[1:] == ds_index[:-1]) & (segment_index[1:] == segment_index[:-1])
    if same.any():
        at = int(np.argmax(same))
        raise TableError(
            f"{table} has two rows for clip {segment_index[at]} of source {ds_index[at]}; a curated table "
            f"has one for each clip. Make it anew."
        )


def _rows(client: Any, node: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    import yt.wrapper as yt

    yield from client.read_table(yt.TablePath(node, columns=columns, client=client))
