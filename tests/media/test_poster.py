import io

import av
import numpy as np
import pytest

from tests.support.videos import gray_level, make_sound_only, make_video
from ytcurate.errors import UnreadableVideo
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
