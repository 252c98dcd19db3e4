import pytest

from ytcurate.config import (
    Buffering,
    EngineSettings,
    FrameSampling,
    Sampling,
    Segmenting,
    read_row_range,
)
from ytcurate.curating.settings import SourceSection
from ytcurate.errors import UsageError

WRONG = [
    (Segmenting, {"clip_seconds": 0}, "clip_seconds must be above 0, it is 0. The default is 10"),
    (FrameSampling, {"fps": 0}, "fps must be above 0"),
    (FrameSampling, {"min_frames": 8, "max_frames": 4}, "they are 8 and 4"),
    (FrameSampling, {"min_pixels": 0}, "it is 0"),
    (FrameSampling, {"total_pixels": 1}, r"at least min_pixels \(12544\), it is 1"),
    (Sampling, {"temperature": -1}, "temperature must be 0 or more, it is -1"),
    (Sampling, {"top_p": 0}, "top_p must be above 0 and at most 1, it is 0"),
    (Sampling, {"max_tokens": 0}, "max_tokens must be 1 or more"),
    (EngineSettings, {"tensor_parallel": 0}, "tensor_parallel must be 1 or more, it is 0"),
    (EngineSettings, {"max_clips_in_flight": -1}, "max_clips_in_flight must be 0 or more"),
    (Buffering, {"max_ahead_bytes": 0}, "max_ahead_bytes must be 1 MiB or more"),
]


@pytest.mark.parametrize(("settings", "values", "message"), WRONG)
def test_a_wrong_value_is_refused_with_what_was_found(settings, values, message):
    with pytest.raises(UsageError, match=message):
        settings(**values)


def test_the_defaults_are_the_seed_notebooks():
    sampling, frames = Sampling(), FrameSampling()
    assert (sampling.temperature, sampling.top_p, sampling.repetition_penalty) == (0.1, 0.001, 1.05)
    assert sampling.max_tokens == 256
    assert (frames.fps, frames.total_pixels, frames.min_pixels) == (2.0, 20480 * 28**2, 16 * 28**2)


def test_the_context_holds_the_largest_clip_that_the_pixels_allow():
    assert FrameSampling().max_visual_tokens == 20480
    assert FrameSampling(total_pixels=20480 * 784, max_frames=4).max_visual_tokens == 20480
    # Very long clips: each picture has a floor of 1.05 x min_pixels, however small its share.
    assert FrameSampling(total_pixels=16 * 784).max_visual_tokens == 384 * 13171 // 784


@pytest.mark.parametrize(
    ("text", "rows"), [("0:100", (0, 100)), (":5", (0, 5)), ("100:", (100, None)), (":", (0, None))]
)
def test_a_range_of_rows_may_leave_out_either_end(text, rows):
    assert read_row_range(text, otherwise="no range") == rows
    assert SourceSection(rows=text).bounds == rows


@pytest.mark.parametrize("text", ["", "7", "a:b", "1:2:3"])
def test_what_is_no_range_of_rows_is_refused_with_the_message_of_its_place(text):
    with pytest.raises(UsageError, match=r"^no range$"):
        read_row_range(text, otherwise="no range")
    with pytest.raises(UsageError, match=f"source.rows {text}: START:STOP is expected, such as 0:100"):
        _ = SourceSection(rows=text).bounds
