"""Which describer runs, by its name in the settings. Only that one is imported."""

from __future__ import annotations

from collections.abc import Sequence

from ytcurate.config import EngineSettings, FrameSampling, Sampling
from ytcurate.describers.base import Describer
from ytcurate.describers.prompts import Prompt


def start_describer(
    model: str,
    *,
    questions: Sequence[Prompt],
    sampling: Sampling | None = None,
    frames: FrameSampling | None = None,
    engine: EngineSettings | None = None,
) -> Describer:
    """Start the describer that ``engine.describer`` names; takes as long as its model takes to load.

    Args:
        model: a Hugging Face id, or the directory of a checkpoint; at an endpoint, the name the server uses.
        questions: what can be asked about a clip, numbered from 0.
        sampling: how words are chosen.
        frames: the pixel budget that clips will respect.
        engine: which describer, and how its engine is run.

    Raises:
        EngineUnavailable: the model or the engine cannot be had.
    """
    settings = engine or EngineSettings()
    if settings.describer == "transformers":
        from ytcurate.describers.transformers import TransformersDescriber

        return TransformersDescriber(
            model, questions=questions, sampling=sampling, frames=frames, engine=settings
        )
    if settings.describer == "endpoint":
        from ytcurate.describers.endpoint import EndpointDescriber
        from ytcurate.describers.endpoint_messages import PicturesAs

        return EndpointDescriber(
            model,
            questions=questions,
            sampling=sampling,
            frames=frames,
            engine=settings,
            pictures=PicturesAs(settings.endpoint_pictures),
        )
    from ytcurate.describers.vllm import VllmDescriber

    return VllmDescriber(model, questions=questions, sampling=sampling, frames=frames, engine=settings)
