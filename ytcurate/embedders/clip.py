"""CLIP by transformers. Imported when it is built."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ytcurate.embedders.clip_checkpoint import open_clip
from ytcurate.errors import EngineUnavailable, UnreadableVideo, UsageError

if TYPE_CHECKING:
    import torch

_MOST_AT_ONCE = 128
"""Pictures, or texts, in one pass of the model: bounds its memory whatever clips bring."""


class ClipEmbedder:
    """Any CLIPModel checkpoint, on a GPU or a CPU.

    The features of a clip's pictures are brought to length 1 and averaged, and the mean is brought to length
    1 again.
    """

    def __init__(
        self,
        model: str,
        *,
        name: str | None = None,
        revision: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        threads: int = 0,
        renormalise: bool = True,
    ) -> None:
        """Load the model.

        Args:
            model: the directory of a checkpoint, or a Hugging Face id; without a network, one in the cache.
            name: what rows say of it; ``model`` unless given.
            revision: commit, tag or branch, with a Hugging Face id.
            device: torch's word: ``cpu``, ``cuda``, ``cuda:1``. None: the first GPU, or else the CPU.
            dtype: of the weights: ``float32``, ``float16``, ``bfloat16``. None: ``float16`` on a GPU,
                ``float32`` on a CPU.
            threads: that compute on a CPU, for all of torch in this process. 0: as torch has it.
            renormalise: False leaves the mean of a clip as it is: shorter than 1, the more its pictures
                differ.

        Raises:
            EngineUnavailable: the model or the device cannot be had, or the model is not CLIP.
            UsageError: a setting is wrong.
        """
        if threads < 0:
            raise UsageError(f"threads must be 0 or more, it is {threads}.")
        checkpoint = open_clip(model, revision)
        import torch

        self._device = _device(device)
        self._dtype = _dtype(dtype, self._device)
        if threads:
            torch.set_num_threads(threads)
        self._checkpoint = checkpoint
        self._preparation = checkpoint.preparation
        self._name = name or model
        self._renormalise = renormalise
        self._model = checkpoint.load(self._device, self._dtype)
        self._tokenizer: Any = None
        self._scaling = tuple(
            torch.tensor(values, dtype=torch.float32, device=self._device).view(1, 3, 1, 1)
            for values in (self._preparation.mean, self._preparation.std)
        )

    @property
    def name(self) -> str:
        """What rows say of the model."""
        return self._name

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._checkpoint.dimension

    def prepare(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Resize pictures of one clip, and cut their middles out. See ``Embedder.prepare``."""
        prepared = [self._preparation.prepare(picture) for picture in pictures]
        if not prepared:
            raise UnreadableVideo("the clip has no pictures")
        return np.stack(prepared)

    def embed_prepared(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Embed clips whose pictures are prepared. See ``Embedder.embed_prepared``."""
        import torch

        if not clips:
            return np.empty((0, self.dimension), np.float32)
        counts = [len(clip) for clip in clips]
        pictures = itertools.chain.from_iterable(clips)
        with torch.inference_mode():
            features = torch.cat(
                [self._features_of(np.stack(part)) for part in _parts(pictures, _MOST_AT_ONCE)]
            )
            means = torch.stack([part.mean(dim=0) for part in features.split(counts)])
            return _to_numpy(_unit(means) if self._renormalise else means)

    def embed_pictures(self, clips: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """Embed the pictures of clips. See ``Embedder.embed_pictures``."""
        return self.embed_prepared([self.prepare(clip) for clip in clips])

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts. See ``Embedder.embed_texts``.

        Raises:
            EngineUnavailable: the checkpoint has no tokenizer.
        """
        import torch

        if self._tokenizer is None:
            self._tokenizer = self._checkpoint.tokenizer()
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        parts = []
        with torch.inference_mode():
            for part in _parts(texts, _MOST_AT_ONCE):
                inputs = self._tokenizer(
                    part,
                    padding=True,
                    truncation=True,
                    max_length=self._checkpoint.context_tokens,
                    return_tensors="pt",
                ).to(self._device)
                parts.append(_pooled(self._model.get_text_features(**inputs)))
            return _to_numpy(_unit(torch.cat(parts)))

    def _features_of(self, pictures: np.ndarray) -> torch.Tensor:
        """Features of length 1, float32, of pictures of shape (N, S, S, 3)."""
        import torch

        mean, std = self._scaling
        # Bytes go to the device and become numbers there: a quarter of the traffic.
        pixels = torch.from_numpy(pictures).to(self._device).permute(0, 3, 1, 2).to(torch.float32)
        pixels = (pixels * self._preparation.scale - mean) / std
        return _unit(_pooled(self._model.get_image_features(pixel_values=pixels.to(self._dtype))))


def _pooled(output: Any) -> torch.Tensor:
    """The vectors: transformers 5 gives them with more around them, 4 alone."""
    vectors: torch.Tensor = getattr(output, "pooler_output", output)
    return vectors


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(vectors.float(), dim=-1)


def _to_numpy(vectors: torch.Tensor) -> np.ndarray:
    return np.asarray(vectors.cpu().numpy(), np.float32)


def _parts(items: Iterable[Any], size: int) -> Iterable[list[Any]]:
    left = iter(items)
    while part := list(itertools.islice(left, size)):
        yield part


def _device(device: str | None) -> str:
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UsageError(f"device {device}: torch knows no such device; cpu and cuda are two.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise EngineUnavailable(
            f"device {device}: torch finds no GPU here. Give the job one (gpu_limit), or take device cpu."
        )
    return device


def _dtype(dtype: str | None, device: str) -> torch.dtype:
    import torch

    known = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    if dtype is None:
        return torch.float16 if device.startswith("cuda") else torch.float32
    if dtype not in known:
        raise UsageError(f"dtype {dtype!r}: there are {', '.join(known)}.")
    return known[dtype]
