import shutil

import pytest

from tests.support.videos import make_video
from ytcurate.config import Encoding, Segmenting
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.encoder_table import ENCODERS
from ytcurate.media.encoders import choose_encoder, chosen_encoder, require_encoder
from ytcurate.media.exact_cut import exact_clips


@pytest.mark.parametrize(
    ("encoder", "options"),
    [
        ("libx264", {"crf": "18"}),
        ("libx265", {"crf": "22"}),
        ("h264_nvenc", {"rc": "vbr", "cq": "18", "b:v": "0"}),
        ("hevc_qsv", {"global_quality": "18"}),
        ("h264_vaapi", {"rc_mode": "CQP", "qp": "18"}),
        ("h264_videotoolbox", {"q:v": "65"}),
    ],
)
def test_each_encoder_is_told_the_quality_in_its_own_words(encoder, options):
    assert options.items() <= ENCODERS[encoder].options(18).items()


def test_a_software_encoder_is_always_among_those_that_are_tried():
    assert choose_encoder(Segmenting(cut="encode"), "h264").codec == "h264"
    assert choose_encoder(Segmenting(cut="encode"), "hevc").codec == "hevc"
    assert choose_encoder(Segmenting(cut="encode"), "vp9").codec == "h264"


def test_the_encoder_that_is_asked_for_is_taken():
    segmenting = Segmenting(cut="encode", encoding=Encoding(encoder="libx264", preset="veryfast"))
    require_encoder(segmenting)
    assert chosen_encoder(segmenting, "hevc") == "libx264"


@pytest.mark.parametrize(
    ("segmenting", "name"),
    [
        (Segmenting(), None),
        (Segmenting(codec="h264", encoding=Encoding(encoder="libx264")), None),
        (Segmenting(cut="smart"), "libx264"),
        (Segmenting(codec="hevc", encoding=Encoding(encoder="libx265")), "libx265"),
    ],
)
def test_what_encodes_an_h264_source(segmenting, name):
    require_encoder(segmenting)
    assert chosen_encoder(segmenting, "h264") == name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoding": Encoding(encoder="libxyz")}, "encoder 'libxyz': there are h264_nvenc"),
        ({"encoding": Encoding(encoder="libx265"), "codec": "h264"}, "libx265 makes hevc"),
        ({"encoding": Encoding(encoder="libx264", preset="quickly")}, "libx264: .*quickly"),
        ({"encoding": Encoding(preset="quickly"), "cut": "smart"}, "does not take preset 'quickly'"),
    ],
    ids=["unknown", "of another codec", "preset", "preset of edges"],
)
def test_what_cannot_work_is_said_before_anything_starts(settings, message):
    with pytest.raises(UsageError, match=message):
        require_encoder(Segmenting(**{"cut": "encode", **settings}))


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="needs a machine without an NVIDIA GPU")
def test_an_encoder_that_does_not_work_here_says_so_in_ffmpegs_words():
    with pytest.raises(UsageError, match=r"h264_nvenc: .*FFmpeg.*\S"):
        require_encoder(Segmenting(cut="encode", encoding=Encoding(encoder="h264_nvenc")))


def test_without_the_ffmpeg_program_the_error_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt install"):
        require_encoder(Segmenting(cut="encode"))
    require_encoder(Segmenting(cut="smart"))
    require_encoder(Segmenting())


def test_smart_cutting_without_the_ffmpeg_program_refuses_only_what_must_be_encoded(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    smart = Segmenting(cut="smart", clip_seconds=0.7)
    assert len(list(exact_clips(make_video(seconds=1), smart, None, preview="none"))) == 2
    vp8 = make_video(seconds=1, codec="libvpx", file_format="webm")
    with pytest.raises(UnreadableVideo, match=r"vp8 in yuv420p, must be encoded: .*apt install"):
        list(exact_clips(vp8, smart, None, preview="none"))
