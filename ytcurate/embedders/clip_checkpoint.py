"""A CLIP checkpoint: read, checked, and its model loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytcurate.embedders.preparation import Preparation
from ytcurate.errors import EngineUnavailable


@dataclass(frozen=True, kw_only=True)
class ClipCheckpoint:
    """A checkpoint that was found and is CLIP."""

    model: str
    revision: str | None
    preparation: Preparation
    dimension: int
    """Numbers in a vector."""
    context_tokens: int
    """The longest text, with its first and last token."""

    def load(self, device: str, dtype: Any) -> Any:
        """Load the weights.

        Returns:
            A CLIPModel, for inference.

        Raises:
            EngineUnavailable: they cannot be read, do not make up the model, or the device has no room.
        """
        from transformers import CLIPModel

        try:
            model, found = CLIPModel.from_pretrained(
                self.model, revision=self.revision, output_loading_info=True
            )
            # transformers only warns of them, and makes them up.
            if missing := sorted(found["missing_keys"]):
                raise EngineUnavailable(
                    f"model {self.model}: its weights lack {missing[0]}"
                    + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
                    + ". Download the checkpoint again."
                )
            return model.to(device=device, dtype=dtype).eval()
        except EngineUnavailable:
            raise
        except Exception as error:
            raise _cannot(self.model, self.revision, "its weights cannot be loaded", error) from error

    def tokenizer(self) -> Any:
        """Load the tokenizer; only texts need it.

        Raises:
            EngineUnavailable: its files are missing or wrong.
        """
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.model, revision=self.revision)
            # Without a vocabulary transformers makes an empty one up.
            if len(tokenizer) <= len(tokenizer.all_special_tokens):
                raise ValueError("it has no vocabulary")
        except Exception as error:
            raise _cannot(
                self.model,
                self.revision,
                "its tokenizer cannot be loaded",
                error,
                "Texts need tokenizer.json, or vocab.json and merges.txt.",
            ) from error
        return tokenizer


def open_clip(model: str, revision: str | None) -> ClipCheckpoint:
    """Read a checkpoint's configuration and preprocessing; no weights yet.

    Args:
        model: the directory of a checkpoint, or a Hugging Face id; without a network, one in the cache.
        revision: of a Hugging Face id.

    Raises:
        EngineUnavailable: transformers is missing, the checkpoint cannot be had, or it is not CLIP.
    """
    if Path(model).is_absolute() and not Path(model).is_dir():
        raise EngineUnavailable(f"model {model}: no such directory on the machine that runs the job.")
    try:
        from transformers import AutoConfig
        from transformers.image_processing_base import ImageProcessingMixin
    except ImportError as error:
        raise EngineUnavailable(
            f"transformers cannot be imported ({error}); CLIP needs torch, transformers and Pillow."
        ) from error
    try:
        config = AutoConfig.from_pretrained(model, revision=revision)
        preprocessing, _ = ImageProcessingMixin.get_image_processor_dict(model, revision=revision)
    except Exception as error:
        raise _cannot(model, revision, "cannot be loaded", error) from error
    if config.model_type != "clip":
        raise EngineUnavailable(
            f"model {model}: its config.json says model_type {config.model_type!r}; embed takes clip, such "
            "as openai/clip-vit-base-patch32."
        )
    preparation = Preparation.from_config(preprocessing, model)
    side = int(config.vision_config.image_size)
    if preparation.side_px != side:
        raise EngineUnavailable(
            f"model {model}: its model takes pictures of {side}x{side}, its preprocessor_config.json makes "
            f"them {preparation.side_px}x{preparation.side_px}. Take both files from the model's page."
        )
    return ClipCheckpoint(
        model=model,
        revision=revision,
        preparation=preparation,
        dimension=int(config.projection_dim),
        context_tokens=int(config.text_config.max_position_embeddings),
    )


def _cannot(
    model: str,
    revision: str | None,
    what: str,
    error: BaseException,
    hint: str = "Check its name and revision, and that config.json, preprocessor_config.json and its weights "
    "are whole.",
) -> EngineUnavailable:
    at = f" at revision {revision}" if revision else ""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:500]
    return EngineUnavailable(f"model {model}{at}: {what} ({reason}). {hint}")
