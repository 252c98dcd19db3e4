"""What is the transformers describer's own: positions in time, and what it does not do."""

import sys

import pytest

from tests.describers.conftest import LABEL, SAMPLING, settings
from ytcurate.config import FrameSampling
from ytcurate.demo.sample import MODEL
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.reply_schema import ReplySchema
from ytcurate.describers.transformers import TransformersDescriber
from ytcurate.errors import EngineUnavailable, UsageError
from ytcurate.media.frames import sample_frames


def start(question=DESCRIBE, **changed):
    engine = settings(describer="transformers", **changed)
    return TransformersDescriber(str(MODEL), questions=[question], sampling=SAMPLING, engine=engine)


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 4.0, 8.0])
def test_the_model_is_told_the_seconds_between_pictures(transformers_describer, videos, fps):
    frames = sample_frames(videos[0], FrameSampling(fps=fps))
    inputs = transformers_describer._inputs(frames, transformers_describer._prompts[0])
    assert inputs["second_per_grid_ts"].tolist() == pytest.approx([2 * float(frames.seconds_per_frame)])


def test_words_after_a_video_are_numbered_from_behind_its_last_moment(transformers_describer, unseen):
    inputs = transformers_describer._inputs(unseen[0][1], transformers_describer._prompts[0])
    positions, delta = transformers_describer._model.model.get_rope_index(
        **{
            name: inputs[name]
            for name in ("input_ids", "mm_token_type_ids", "video_grid_thw", "second_per_grid_ts")
        }
    )
    # 15 tokens of text, then ten moments of 4x4 tokens, two positions apart: 15, 17, ... 33.
    assert positions[:, 0, 14].tolist() == [14, 14, 14]
    assert positions[:, 0, 15].tolist() == [15, 15, 15]
    assert positions[:, 0, 174].tolist() == [33, 18, 18]
    assert positions[:, 0, 175].tolist() == [34, 34, 34]
    assert delta.tolist() == [[44 - 185]]


def test_a_schema_without_xgrammar_is_refused_before_the_first_clip(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgrammar", None)
    with pytest.raises(EngineUnavailable, match="xgrammar, which enforces it, cannot be imported"):
        start(Prompt("Label this video.", schema=LABEL))


def test_a_schema_that_xgrammar_would_enforce_by_half_is_refused():
    text = {"type": "string", "pattern": "^a+$", "maxLength": 3}
    schema = ReplySchema.of({"type": "object", "properties": {"code": text}})
    with pytest.raises(UsageError, match=r"schema\.code has a pattern and a length"):
        start(Prompt("Label this video.", schema=schema))


def test_what_only_vllm_does_is_refused():
    with pytest.raises(UsageError, match="tensor_parallel 2: the transformers describer runs one copy"):
        start(tensor_parallel=2)
