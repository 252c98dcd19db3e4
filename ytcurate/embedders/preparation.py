"""Picture → the square that CLIP sees, as a checkpoint's preprocessor_config.json says.

The arithmetic is that of CLIPImageProcessorPil in transformers 5 (CLIPImageProcessor in 4): Pillow's
resize with its antialiasing, crop of the middle. Scaling to numbers is left to the model's device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ytcurate.config import ClipLimits
from ytcurate.errors import EngineUnavailable, UnreadableVideo

_BICUBIC = 3
"""Pillow's number for it, as it stands in the file."""
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
"""OpenAI's, for a file that does not say."""
_SWITCHES = ("do_resize", "do_rescale", "do_normalize")


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How one checkpoint wants its pictures."""

    side_px: int
    """Of the square that the model sees."""
    shorter_px: int | None = None
    """What the shorter side becomes before the middle is cut out. None: it is squeezed to a square."""
    resample: int = _BICUBIC
    """Pillow's number of the filter."""
    scale: float = 1 / 255
    mean: tuple[float, float, float] = _MEAN
    std: tuple[float, float, float] = _STD
    """What the model gets is ``(picture * scale - mean) / std``."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], model: str) -> Preparation:
        """Read the content of preprocessor_config.json; what it leaves out is as OpenAI's models have it.

        Raises:
            EngineUnavailable: it asks for something else than CLIP's preparation.
        """
        size = config.get("size", {"shortest_edge": 224})
        # Files of 2021 hold a number.
        size = {"shortest_edge": size} if isinstance(size, int) else dict(size)
        shorter = size.get("shortest_edge")
        side = _square(config.get("crop_size", 224) if config.get("do_center_crop", True) else size, model)
        off = [name for name in _SWITCHES if not config.get(name, True)]
        if off:
            raise _unusual(model, f"{off[0]} is false")
        if shorter is None and _square(size, model) != side:
            raise _unusual(model, f"size is {size} and crop_size {config.get('crop_size')}")
        if shorter is not None and int(shorter) < side:
            raise _unusual(model, f"size is {shorter}, less than the {side} that are cut out")
        return cls(
            side_px=side,
            shorter_px=None if shorter is None else int(shorter),
            resample=int(config.get("resample", _BICUBIC)),
            scale=float(config.get("rescale_factor", 1 / 255)),
            mean=_three(config.get("image_mean") or _MEAN, model),
            std=_three(config.get("image_std") or _STD, model),
        )

    def prepare(self, picture: np.ndarray) -> np.ndarray:
        """Resize one picture and cut its middle out.

        Args:
            picture: uint8, shape (H, W, 3), RGB.

        Returns:
            uint8, shape (side_px, side_px, 3).

        Raises:
            UnreadableVideo: it is so narrow that it would become too large.
        """
        from PIL import Image

        height, width = picture.shape[:2]
        if self.shorter_px is None:
            new_height = new_width = self.side_px
        else:
            shorter, longer = min(height, width), max(height, width)
            new_longer = int(self.shorter_px * longer / shorter)
            new_height, new_width = (
                (self.shorter_px, new_longer) if height <= width else (new_longer, self.shorter_px)
            )
        if new_height * new_width > ClipLimits.max_source_pixels:
            raise UnreadableVideo(
                f"a picture of {width}x{height} is too narrow: at the size of the model it would be "
                f"{new_width}x{new_height}, over the limit of {ClipLimits.max_source_pixels} pixels"
            )
        resized = Image.fromarray(picture).resize((new_width, new_height), Image.Resampling(self.resample))
        top, left = (new_height - self.side_px) // 2, (new_width - self.side_px) // 2
        return np.asarray(resized.crop((left, top, left + self.side_px, top + self.side_px)))


def _square(size: Any, model: str) -> int:
    if isinstance(size, int):
        return size
    height, width = size.get("height"), size.get("width")
    if height is None or height != width:
        raise _unusual(model, f"a size is {size}, which is no square")
    return int(height)


def _three(values: Any, model: str) -> tuple[float, float, float]:
    if len(values) != 3:
        raise _unusual(model, f"it has {len(values)} colours")
    red, green, blue = map(float, values)
    return red, green, blue


def _unusual(model: str, what: str) -> EngineUnavailable:
    return EngineUnavailable(
        f"model {model}: its preprocessor_config.json asks for what CLIP does not do: {what}. "
        "Take the file from the model's page."
    )
