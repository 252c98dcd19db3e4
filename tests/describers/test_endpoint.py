"""What is the endpoint describer's own: how pictures travel, and what it says of servers it cannot use."""

import numpy as np
import pytest

import ytcurate
from tests.describers.conftest import API_KEY, SAMPLING, settings
from tests.support.describing import describe
from ytcurate.config import EngineSettings, FrameSampling
from ytcurate.demo.sample import count_true
from ytcurate.describers.base import Outcome
from ytcurate.describers.endpoint import EndpointDescriber
from ytcurate.describers.endpoint_messages import PicturesAs, chat_request
from ytcurate.describers.prompts import DESCRIBE
from ytcurate.errors import EngineUnavailable, UsageError
from ytcurate.media.frames import sample_frames


def start(url, model="tiny", key=API_KEY, **more):
    engine = settings(describer="endpoint", endpoint_url=url)
    return EndpointDescriber(
        model, questions=[DESCRIBE], sampling=SAMPLING, engine=engine, api_key=key, **more
    )


@pytest.mark.parametrize("fps", [0.5, 2.0, 8.0])
def test_vllm_opens_exactly_our_pictures_and_their_times(videos, fps):
    from transformers.video_utils import VideoMetadata
    from vllm.multimodal.media.image import ImageMediaIO
    from vllm.multimodal.media.video import VideoMediaIO

    frames = sample_frames(videos[0], FrameSampling(fps=fps))
    messages, told = chat_request(frames, DESCRIBE, PicturesAs.VIDEO)
    url = messages[1]["content"][0]["video_url"]["url"]
    opener = VideoMediaIO(ImageMediaIO(), **told["media_io_kwargs"]["video"])
    pixels, metadata = opener.load_base64("video/jpeg", url.removeprefix("data:video/jpeg;base64,")).media

    np.testing.assert_array_equal(pixels, frames.pixels)
    del metadata["do_sample_frames"]
    assert 1 / VideoMetadata(**metadata).sampled_fps == pytest.approx(float(frames.seconds_per_frame))


def test_a_server_without_video_gets_images_with_their_times(unseen):
    messages, told = chat_request(unseen[0][1], DESCRIBE, PicturesAs.IMAGES)
    content = messages[1]["content"]
    assert [part["type"] for part in content[:4]] == ["text", "text", "image_url", "text"]
    assert [part["text"] for part in content[1:-1:2]][:3] == ["0.0 s:", "0.5 s:", "1.0 s:"]
    assert content[-1]["text"] == DESCRIBE.text
    assert told == {}


def test_images_are_answered_too(endpoint_url, unseen):
    """That the server takes them; the tiny model was taught videos only, so what it says means nothing."""
    describer = start(endpoint_url, pictures=PicturesAs.IMAGES)
    try:
        (description,) = describe(describer, [unseen[0][1]])
    finally:
        describer.close()
    assert description.outcome in (Outcome.OK, Outcome.TRUNCATED)
    assert description.text
    assert description.prompt_tokens > 320  # images are not merged in pairs


def test_a_wrong_key_is_refused_and_not_repeated(endpoint_url):
    with pytest.raises(EngineUnavailable, match=r"401.*Set OPENAI_API_KEY") as raised:
        start(endpoint_url, key="not-the-key")
    assert "not-the-key" not in str(raised.value)


def test_the_key_may_come_from_the_environment(endpoint_url, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", API_KEY)
    start(endpoint_url, key=None).close()


def test_a_model_the_server_has_not_is_named_with_those_it_has(endpoint_url):
    with pytest.raises(EngineUnavailable, match="it has no model other; it has tiny"):
        start(endpoint_url, model="other")


def test_a_url_without_the_version_is_told(endpoint_url):
    with pytest.raises(EngineUnavailable, match=r"404.*base URL with its version"):
        start(endpoint_url.replace("/v1", "/v2"))


def test_a_server_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("ytcurate.describers.endpoint._TRIES", 1)
    with pytest.raises(EngineUnavailable, match=r"Connection error.*tried 2 times"):
        start("http://127.0.0.1:1/v1")


def test_a_url_is_needed():
    with pytest.raises(UsageError, match=r"needs engine\.endpoint_url"):
        EndpointDescriber("tiny", questions=[DESCRIBE])


def test_a_table_is_described_by_asking_a_server(client, workdir, sample_video, endpoint_url, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", API_KEY)
    clips, result = f"{workdir}/clips", f"{workdir}/result"
    ytcurate.upload(sample_video, clips, client=client)
    engine = EngineSettings(describer="endpoint", endpoint_url=endpoint_url)

    done = ytcurate.describe(clips, result, model="tiny", engine=engine, client=client)

    assert done.outcomes == {"ok": 6}
    assert count_true(ytcurate.show(result, client=client).rows) == 6
    spec = client.get_operation(done.operation_id, attributes=["spec"])["spec"]
    assert (spec["mapper"]["gpu_limit"], spec["pool_trees"]) == (0, ["cpu"])
    assert API_KEY not in str(spec)
