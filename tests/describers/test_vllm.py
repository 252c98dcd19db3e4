"""What is the vLLM describer's own: several copies, its death, what it says when it cannot start."""

import shutil
import time

import psutil
import pytest

from tests.describers.conftest import SAMPLING, settings
from tests.support.describing import describe
from ytcurate.config import FrameSampling
from ytcurate.demo.sample import MODEL
from ytcurate.describers.prompts import DESCRIBE
from ytcurate.describers.vllm import VllmDescriber
from ytcurate.errors import EngineUnavailable
from ytcurate.media.frames import sample_frames


def start(model, **changed):
    return VllmDescriber(str(model), questions=[DESCRIBE], sampling=SAMPLING, engine=settings(**changed))


def collect_for(describer, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        describer.collect(0.2)


def variant(tmp_path, edit):
    """A copy of the checkpoint with something wrong."""
    copy = shutil.copytree(MODEL, tmp_path / "model")
    edit(copy)
    return copy


def test_it_says_the_same_as_transformers(vllm_describer, transformers_describer, unseen):
    clips = [frames for _, frames in unseen]
    assert [d.text for d in describe(vllm_describer, clips)] == [
        d.text for d in describe(transformers_describer, clips)
    ]


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 4.0, 8.0])
def test_the_model_is_told_the_seconds_between_pictures(vllm_describer, videos, fps):
    frames = sample_frames(videos[0], FrameSampling(fps=fps))
    rendered = vllm_describer._render(vllm_describer._request(frames, 0))
    (video,) = rendered["mm_kwargs"]["video"]
    assert video["second_per_grid_ts"].data.item() == pytest.approx(2 * float(frames.seconds_per_frame))


def test_questions_about_one_clip_share_its_name_and_other_clips_have_others(vllm_describer, unseen):
    names = [
        vllm_describer._request(frames, question)["multi_modal_uuids"]["video"][0]
        for _, frames in unseen[:2]
        for question in (0, 1)
    ]
    assert names[0] == names[1] != names[2] == names[3]


def test_two_copies_share_the_clips_and_the_death_of_one_ends_all(unseen):
    before = set(psutil.Process().children(recursive=True))
    describer = start(MODEL, data_parallel=2)
    try:
        descriptions = describe(describer, [frames for _, frames in unseen])
        assert (
            sum(d.text == scene.sentence() for (scene, _), d in zip(unseen, descriptions, strict=True)) >= 19
        )
        mine = [p for p in psutil.Process().children(recursive=True) if p not in before]
        cores = [p for p in mine if "EngineCore" in p.name()]
        assert len(cores) == 2

        for key in range(4):
            describer.submit(key, unseen[key][1])
        cores[0].kill()
        killed = time.monotonic()
        with pytest.raises(EngineUnavailable, match="the engine died with"):
            collect_for(describer, 60)
        assert time.monotonic() - killed < 10
        with pytest.raises(EngineUnavailable, match="the engine died"):
            describer.submit(99, unseen[0][1])
    finally:
        closing = time.monotonic()
        describer.close()
        describer.close()
    assert time.monotonic() - closing < 15
    # Not multiprocessing's own helper, which serves this whole process.
    left = [p for p in mine if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert [p.name() for p in left if p.name().startswith("VLLM")] == []


def test_missing_weights_are_named_before_the_first_clip(tmp_path):
    model = variant(tmp_path, lambda copy: (copy / "model.safetensors").unlink())
    with pytest.raises(EngineUnavailable, match=r"vLLM does not start \(.*model weights.*\)\. Check that"):
        start(model)


def test_a_model_that_takes_no_video_is_refused_before_it_is_loaded(tmp_path):
    def text_only(copy):
        path = copy / "config.json"
        path.write_text(path.read_text().replace('"model_type": "qwen2_5_vl",', '"model_type": "qwen2",'))

    with pytest.raises(
        EngineUnavailable, match=r"type 'qwen2' is not known to take video; known are qwen2_vl"
    ):
        start(variant(tmp_path, text_only))


def test_a_chat_template_without_a_place_for_the_video_is_refused(tmp_path):
    template = "{% for message in messages %}{{ message.role }}{% endfor %}"
    model = variant(tmp_path, lambda copy: (copy / "chat_template.jinja").write_text(template))
    with pytest.raises(EngineUnavailable, match="its chat template has no place for the video"):
        start(model)


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(EngineUnavailable, match="no such directory on the machine that runs the job"):
        start(tmp_path / "nothing")
