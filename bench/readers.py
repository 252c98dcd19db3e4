"""The plain way to read a clip: qwen-vl-utils with one of its readers."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
from pathlib import Path
from typing import Any

from ytcurate.config import FrameSampling


class PlainReader:
    """qwen-vl-utils' ``process_vision_info`` for one video, as its documentation shows it."""

    def __init__(self, reader: str, *, threads: int | None = None) -> None:
        """Choose a reader.

        Args:
            reader: ``torchcodec`` or ``decord``.
            threads: of the decoder, torchcodec only. None: its default, 8.
        """
        self.name = reader if threads is None else f"{reader}, {threads} thread"
        self._reader = reader
        self._threads = threads

    @staticmethod
    def available() -> list[PlainReader]:
        """Every reader that is installed, as qwen-vl-utils sets it up."""
        ways = [PlainReader("torchcodec"), PlainReader("decord")]
        return [way for way in ways if importlib.util.find_spec(way._reader)]

    def read(self, path: Path) -> tuple[Any, dict[str, Any]]:
        """Read the frames of a clip.

        Returns:
            Frames as float32 (N, 3, H, W), and their metadata.

        Raises:
            Exception: whatever the reader raises where it cannot read the clip.
        """
        from qwen_vl_utils import process_vision_info, vision_process

        sampling = FrameSampling()
        vision_process.FORCE_QWENVL_VIDEO_READER = self._reader
        vision_process.get_video_reader_backend.cache_clear()
        os.environ["TORCHCODEC_NUM_THREADS"] = str(self._threads or 8)
        content = {
            "type": "video",
            "video": str(path),
            "fps": sampling.fps,
            "min_pixels": sampling.min_pixels,
            "total_pixels": sampling.total_pixels,
        }
        messages = [{"role": "user", "content": [content]}]
        with contextlib.redirect_stderr(io.StringIO()):  # it names its reader each time
            _, videos, _ = process_vision_info(messages, return_video_kwargs=True, return_video_metadata=True)
        frames, metadata = videos[0]
        return frames, dict(metadata)
