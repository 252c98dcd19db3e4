import io

import av
import numpy as np
import pytest

from tests.support.videos import gray_level, make_sound_only, make_video
from ytcurate.config import Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.cut import cut_clips
from ytcurate.media.poster import make_poster


def decode(poster):
    with av.open(io.BytesIO(poster)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_the_poster_is_the_first_picture():
    picture = decode(make_poster(make_video(seconds=2)))
    assert picture.shape == (48, 64, 3)
    assert abs(picture.mean() - gray_level(0)) < 3


@pytest.mark.parametrize(("width", "height", "shape"), [(640, 360, (180, 320, 3)), (360, 640, (320, 180, 3))])
def test_a_large_picture_is_reduced_to_320_px(width, height, shape):
    assert decode(make_poster(make_video(seconds=0.2, width=width, height=height))).shape == shape


def test_even_noise_is_below_100_kb():
    noise = np.random.default_rng(0).integers(0, 256, (320, 320, 3), np.uint8)
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=1)
        stream.width, stream.height, stream.pix_fmt = 320, 320, "yuv420p"
        stream.options = {"crf": "1"}
        container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    assert 30_000 < len(make_poster(file.getvalue())) < 100_000


def test_what_is_no_video_has_no_poster():
    with pytest.raises(UnreadableVideo, match="no video stream"):
        make_poster(make_sound_only())


QUADRANTS = np.kron(
    np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]]), np.ones((24, 32, 1))
)
UPRIGHT = {
    # Degrees against the clock, mirrored: the colours as a player shows them, row by row.
    (90, False): "GYRB",
    (180, False): "YBGR",
    (-90, False): "BRYG",
    (0, True): "GRYB",
    (90, True): "YGBR",
}


@pytest.mark.parametrize(("degrees", "is_mirrored"), UPRIGHT)
def test_posters_are_upright_as_players_show_them(degrees, is_mirrored):
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(degrees, hflip=is_mirrored)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(QUADRANTS.astype(np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    (clip,) = cut_clips(file.getvalue(), preview="every")

    for poster in (clip.preview, make_poster(clip.video), make_poster(file.getvalue())):
        assert colours(decode(poster)) == UPRIGHT[degrees, is_mirrored]


def colours(picture):
    names = {(1, 0, 0): "R", (0, 1, 0): "G", (0, 0, 1): "B", (1, 1, 0): "Y"}
    height, width, _ = picture.shape
    corners = picture[height // 4 :: height // 2, width // 4 :: width // 2] > 128
    return "".join(names[tuple(map(int, corner))] for row in corners for corner in row)


@pytest.mark.parametrize(
    ("preview", "has_poster"), [("every", [1, 1, 1]), ("first", [1, 0, 0]), ("none", [0, 0, 0])]
)
def test_posters_are_made_of_the_clips_asked_for(preview, has_poster):
    clips = list(cut_clips(make_video(seconds=3), Segmenting(clip_seconds=1), preview=preview))

    assert [clip.preview is not None for clip in clips] == has_poster
    levels = [decode(clip.preview).mean() for clip in clips if clip.preview]
    assert all(abs(level - gray_level(30 * index)) < 3 for index, level in enumerate(levels))
