"""One clip's row → the columns with its scores and keyframes.

Light to import, for processes that cut use it, too. The mapper of tables of clips is in ``score_mapper``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ytcurate.config import Scoring
from ytcurate.describers.base import Outcome
from ytcurate.errors import EngineUnavailable, VideoError

SCORE_COLUMNS = (
    ("quality_brightness", "double"),
    ("quality_contrast", "double"),
    ("quality_sharpness", "double"),
    ("quality_motion", "double"),
    ("quality_motion_rate", "double"),
    ("quality_black", "double"),
    ("quality_frozen", "double"),
    ("quality_text", "double"),
    ("keyframe", "string"),
    ("keyframes", "list<string>"),
    ("quality_outcome", "utf8"),
    ("quality_detail", "utf8"),
)
"""What scoring adds to a row, with YT types; ``quality_outcome`` alone is never None."""

_EMPTY: dict[str, Any] = dict.fromkeys(name for name, _ in SCORE_COLUMNS)


def require_scoring() -> None:
    """See to what every clip needs.

    Raises:
        EngineUnavailable: the image lacks it.
    """
    for name in ("av", "cv2"):
        try:
            import_module(name)
        except ImportError as error:
            raise EngineUnavailable(
                f"the job's image cannot import {name} ({error}); scoring needs PyAV and OpenCV "
                "(pip install 'ytcurate[scenes]')."
            ) from error


def score_columns(row: Mapping[str, Any], scoring: Scoring) -> dict[str, Any]:
    """Score one clip. OpenCV is set to one thread in this process: clips are scored side by side.

    Args:
        row: of a clip: ``video``, or ``video_path`` of a file in the job's sandbox; ``outcome`` and
            ``detail`` where it brings them.
        scoring: what to look at.

    Returns:
        ``SCORE_COLUMNS``. Where there is nothing to score they are None but for the outcome, which is the one
        the row brings, ``unreadable`` or ``failed``, and its reason. Nothing that is wrong with one clip is
        raised.
    """
    brought = str(row.get("outcome") or Outcome.OK)
    if brought != Outcome.OK:
        known = brought in list(Outcome)
        reason = _text(row.get("detail"))
        detail = reason if known else f"the row came with outcome {brought!r}: {reason or 'no detail'}"
        return _without_scores(Outcome(brought) if known else Outcome.FAILED, detail)
    try:
        video = _video(row)
        return _scores(video, scoring)
    except (VideoError, OSError) as error:
        return _without_scores(Outcome.UNREADABLE, str(error))
    except MemoryError:
        return _without_scores(Outcome.FAILED, "its pictures do not fit into memory")
    except Exception as error:  # noqa: BLE001 - decoders meet hostile bytes; it stays this clip's affair
        return _without_scores(Outcome.FAILED, f"scoring failed ({type(error).__name__}: {error})")


def _scores(video: bytes | Path, scoring: Scoring) -> dict[str, Any]:
    import cv2

    from ytcurate.media.examine import examine_clip

    cv2.setNumThreads(1)
    found = examine_clip(video, scoring)
    return {
        **{f"quality_{name}": score for name, score in vars(found.quality).items()},
        "keyframe": found.keyframe,
        "keyframes": list(found.keyframes),
        "quality_outcome": str(Outcome.OK),
        "quality_detail": None,
    }


def _without_scores(outcome: Outcome, detail: str | None) -> dict[str, Any]:
    return _EMPTY | {"quality_outcome": str(outcome), "quality_detail": detail}


def _video(row: Mapping[str, Any]) -> bytes | Path:
    video = row.get("video")
    if isinstance(video, bytes):
        return video
    # The client's own types are heavy to import, and come from tables only.
    from yt.yson import get_bytes

    from ytcurate.mappers.clip_files import clip_file

    if video is not None:
        return bytes(get_bytes(video))
    file = clip_file(row)
    if file is None:
        raise VideoError("the row has no video")
    if not file.is_file():
        raise VideoError(f"the job has no file {file.name}: give it {_text(row['video_path'])} in file_paths")
    return file


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    from yt.yson import get_bytes

    text: str = get_bytes(value).decode("utf-8", "backslashreplace")
    return text
