"""Our frames against qwen-vl-utils itself, reading with torchcodec, on videos that are odd in one way each.

All are also compared with a plain decode from the first packet to the last, which leaves nothing out and
never seeks: it is right where the reader fails or contradicts itself. The reader is then expected to stay
wrong; a test fails when it no longer is.
"""

import logging

import av
import numpy as np
import pytest
from qwen_vl_utils import process_vision_info

from tests.support.videos import (
    CHANGED_VIDEOS,
    ODD_VIDEOS,
    make_changed_video,
    make_odd_video,
    make_two_sizes,
    make_video,
)
from ytcurate.config import FrameSampling, Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.cut import cut_clips
from ytcurate.media.frames import sample_frames
from ytcurate.media.resize import Resizer

SAME_DB = 50.0
"""Peak signal-to-noise ratio from which two pictures are the same but for rounding."""

READER_FAILS = {
    "intra refresh without keyframes": "it needs a keyframe to go to",
    "transport stream": "it searches by time in a container without an index",
    "transport stream with open gops": "the same",
    "mpeg-2": "the same",
    "cut off in the middle": "it scans to the end first; we sample the pictures that are there",
}
READER_SHOWS_OTHERS = {
    "hevc in a transport stream": "searching by time without an index ends elsewhere",
    "edit list starting behind a keyframe": "it goes to that keyframe, which is not shown",
    "bits flipped, 2": "FFmpeg patches damage from neighbours, and what is at hand depends on the seeking",
}
COLOURS_DEPEND_ON_FFMPEG = {
    "10 bit": "releases of FFmpeg interpolate the colour of more than 8 bits differently; lightness agrees",
    "bt.2020 with hlg": "the same",
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(autouse=True)
def quiet_reference(caplog):
    caplog.set_level(logging.ERROR)


def read_reference(path):
    """What qwen-vl-utils gives: indices, and pictures as float32 (N, H, W, 3)."""
    sampling = FrameSampling()
    video = {
        "type": "video",
        "video": str(path),
        "fps": sampling.fps,
        "min_pixels": sampling.min_pixels,
        "total_pixels": sampling.total_pixels,
    }
    _, [(pixels, metadata)], _ = process_vision_info(
        [{"role": "user", "content": [video]}], return_video_kwargs=True, return_video_metadata=True
    )
    assert metadata["video_backend"] == "torchcodec"
    return [int(index) for index in metadata["frames_indices"]], pixels.permute(0, 2, 3, 1).numpy()


def decode_everything(path, frames):
    """The pictures at the indices of ``frames``, from a plain decode of the whole file.

    A picture that is lost is replaced by the next one in time, as the reference does.
    """
    resizer = Resizer(frames.pixels.shape[2], frames.pixels.shape[1])
    times, shown = [], []
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.thread_type = "NONE"
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                times.append(packet.pts)
            try:
                shown.extend(packet.decode())
            except av.error.FFmpegError:
                continue
    if None not in times and len(times) == frames.info.frame_count:
        due = [sorted(times)[index] for index in frames.indices]
        chosen = [next(frame for frame in shown if frame.pts >= pts) for pts in due]
    else:
        chosen = [shown[index] for index in frames.indices]
    pixels = np.empty_like(frames.pixels)
    for target, frame in zip(pixels, chosen, strict=True):
        resizer.resize_into(target, frame)
    return pixels


def psnr(one, other):
    """Of each picture, dB."""
    error = np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2, axis=(1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(error, 1e-9))


def luma(pixels):
    return (pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]


def check(name, path):
    frames = sample_frames(path.read_bytes())
    assert np.array_equal(frames.pixels, decode_everything(path, frames))
    if name in READER_FAILS:
        with pytest.raises(AttributeError, match="read_video"):  # its broken way out of any failure
            read_reference(path)
        return
    indices, pixels = read_reference(path)
    assert frames.indices == indices
    assert frames.pixels.shape == pixels.shape
    if name in COLOURS_DEPEND_ON_FFMPEG:
        assert psnr(luma(frames.pixels), luma(pixels)).min() >= 45
    elif name in READER_SHOWS_OTHERS:
        assert psnr(frames.pixels, pixels).min() < SAME_DB
    else:
        assert psnr(frames.pixels, pixels).min() >= SAME_DB


@pytest.mark.parametrize("name", ODD_VIDEOS)
def test_frames_are_those_of_qwen_vl_utils(name, folder):
    check(name, make_odd_video(name, folder))


@pytest.mark.parametrize("name", CHANGED_VIDEOS)
def test_frames_of_changed_files_are_those_of_qwen_vl_utils(name, folder):
    check(name, make_changed_video(name, folder))


@pytest.mark.parametrize(
    "name",
    [
        "b-pyramid",
        "h264 open gops",
        "hevc open gops",
        "vp9 in webm",
        "av1",
        "transport stream with open gops",
        "first picture after 0",
    ],
)
def test_frames_of_clips_that_we_cut_are_those_of_qwen_vl_utils(name, folder):
    for clip in cut_clips(make_odd_video(name, folder), Segmenting(clip_seconds=1)):
        path = folder / f"clip.{clip.file_type}"
        path.write_bytes(clip.video)
        check("clip", path)


def test_pictures_that_change_size_in_the_middle_all_come_out_at_one_size(folder):
    frames = sample_frames(make_two_sizes(folder))

    assert frames.indices == [0, 20, 39, 59]
    assert frames.pixels.shape == (4, 112, 168, 3)


def test_one_picture_is_an_error_as_it_is_for_qwen_vl_utils(folder):
    path = folder / "one.mp4"
    path.write_bytes(make_video(seconds=1 / 30))
    with pytest.raises(UnreadableVideo, match="at least 2 pictures are needed, the clip has 1"):
        sample_frames(path)
    with pytest.raises(AttributeError, match="read_video"):
        read_reference(path)


def test_bytes_and_paths_give_the_same(folder):
    path = make_odd_video("b-pyramid", folder)
    assert np.array_equal(sample_frames(path).pixels, sample_frames(path.read_bytes()).pixels)
