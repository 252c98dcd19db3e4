"""Positions of the words after a video, for transformers: counted as in training, and as vLLM counts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any


def count_positions_as_trained(model: Any) -> None:
    """Make a loaded model number the words after a video from behind the video's last moment.

    Qwen2.5-VL gives every picture a position in time, seconds times ``tokens_per_second``. Its authors' code,
    and vLLM, go on after the largest position used. transformers 5 goes on after the larger side of a picture
    instead (``get_rope_index`` in 5.19), which puts the question in the midst of a video longer than that.
    Nothing happens to models without such positions, nor once transformers counts alike.
    """
    inner = getattr(model, "model", None)
    original = getattr(inner, "get_rope_index", None)
    if inner is None or original is None:
        return

    def counted(input_ids: Any, mm_token_type_ids: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        positions, _ = original(input_ids, mm_token_type_ids, *args, **kwargs)
        positions = positions.clone()
        for row, kinds in enumerate(mm_token_type_ids.tolist()):
            _close_up(positions[:, row], kinds)
        deltas = positions.amax(dim=(0, 2)) + 1 - input_ids.shape[1]
        return positions, deltas.unsqueeze(1)

    inner.get_rope_index = counted


def _close_up(positions: Any, kinds: list[int]) -> None:
    """Shift each stretch of one kind of token, in place, to begin right after the largest position so far.

    Args:
        positions: time, height and width, shape (3, tokens); no padding.
        kinds: 0 for text, 1 for an image, 2 for a video, by token.
    """
    bounds = [0, *(at for at in range(1, len(kinds)) if kinds[at] != kinds[at - 1]), len(kinds)]
    following = 0
    for start, end in pairwise(bounds):
        stretch = positions[:, start:end]
        stretch += following - stretch.min()
        following = int(stretch.max()) + 1
