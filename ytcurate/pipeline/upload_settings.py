"""What may be said about an upload, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ytcurate.config import Scoring, Segmenting, SourceLimits
from ytcurate.operations.resources import JobResources, Placement, ResourceChanges


class UploadSettings(TypedDict, total=False):
    """All of it is optional."""

    segmenting: Segmenting
    """Where to cut, and how."""
    scoring: Scoring | None
    """Also score the clips and take their keyframes; see ``ScoreMapper``. None (the default): not."""
    columns: Sequence[str]
    """Of the source, to carry into the table; ``["*"]`` for all."""
    rows: tuple[int, int | None] | None
    """Of the source: the first, and the first no longer taken."""
    title_column: str | None
    """Of the source; ``title`` if it has one."""
    overwrite: bool
    """Replace the rows that are there, once the new ones are complete."""
    append: bool
    """Add to rows of other uploads; ``ds_index`` goes on from theirs."""
    resume: bool
    """Go on with an upload of the same source, or take its new videos (the default). False: rows that are
    there are an error."""
    retry: bool
    """Try sources again that ended badly; they get a ``ds_index`` of their own."""
    duplicates: str
    """``skip`` (the default), or ``keep`` to take videos of the same bytes each time."""
    store: str
    """What becomes of clips that are too heavy for a row. ``row`` (the default): they are refused. ``file``:
    they are kept as files in Cypress (``<table>_files``), with their path in ``video_path``."""
    preview: str | None
    """Which clips get a poster: ``every``, ``first`` (of each source) or ``none``. None: ``every`` where that
    is cheap (a small upload, or four cores), else ``first``."""
    processes: int
    """That cut side by side. 0: as many as cores, at most 16."""
    transaction_bytes: int
    """Source video that is written in one transaction, at least: what a kill may cost, and the size of the
    table's chunks. A source is never divided. 0: 24 to 512 MiB, by how much there is."""
    limits: SourceLimits
    """Of one source."""
    on_cluster: bool
    """Cut in jobs of the cluster. Videos that are not in a table of it already are first uploaded whole, to
    ``<table>_videos``. What follows is for that only; see ``ClusterJobs``."""
    preset: str
    """Name of a preset, or a file; ``cpu``."""
    resources: JobResources | ResourceChanges | None
    """All of what a job gets, or the fields that win over the preset's."""
    placement: Placement | None
    """Pool and pool trees; what is set wins over the preset."""
    job_minutes: float | None
    """How long a job should take. None: as the preset says."""
    job_bytes: int | None
    """Source video of one job. None: what takes it ``job_minutes``."""
    wave_bytes: int | None
    """Source video of one operation. None: as much as 192 jobs take."""
    keep_videos: bool
    """Leave the whole videos in ``<table>_videos``: to cut them again in another way."""
    spec: Mapping[str, Any]
    """Your own part of the spec, merged last."""
    ship_anyway: bool
    """Send more than 20 MiB of code to jobs."""
