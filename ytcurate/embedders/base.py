"""What every embedder is given and gives back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class Embedder(Protocol):
    """Turns the pictures of clips, and texts, into vectors of one space.

    Vectors are float32 and of length 1, so that a dot product is the cosine. ``prepare`` may be called from
    several threads at once, everything else from one at a time.
    """

    @property
    def name(self) -> str:
        """What rows say of the model."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    def prepare(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Bring the pictures of one clip to the size of the model; at most one is held at full size.

        Args:
            pictures: each uint8, shape (H, W, 3), RGB; of any size, and not all of one.

        Returns:
            uint8, shape (N, S, S, 3) for N pictures.

        Raises:
            UnreadableVideo: there is no picture, or one cannot be resized.
        """
        ...

    def embed_prepared(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Embed clips whose pictures are prepared.

        Returns:
            float32, shape (len(clips), dimension), in their order.
        """
        ...

    def embed_pictures(self, clips: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """Embed the pictures of clips: ``prepare`` and ``embed_prepared`` in one."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts, each as a whole; what is longer than the model's context is cut off.

        Returns:
            float32, shape (len(texts), dimension), in their order.
        """
        ...
