import io
import sys
from fractions import Fraction
from itertools import accumulate, pairwise

import av
import numpy as np
import pytest

from tests.support.corpus.bombs import bombs
from tests.support.videos import make_sound_only, make_two_sizes, make_video, run_ffmpeg
from ytcurate.config import Segmenting
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.probe import probe
from ytcurate.media.scenes import find_scenes, require_scene_detector

cv2 = pytest.importorskip("cv2")
scenedetect = pytest.importorskip("scenedetect")

SCENES = Segmenting(split="scenes")
LENGTHS = [40, 25, 62, 33, 48]
"""Pictures in each planted scene."""
CUTS = list(accumulate(LENGTHS))[:-1]


_OPTIONS = {
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "veryfast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
}


def draw_scenes(lengths=LENGTHS, *, width=192, height=108):
    """Pictures, RGB: in each scene a texture of its own moves, with a little noise."""
    rng = np.random.default_rng(7)
    for length in lengths:
        texture = cv2.resize(
            rng.integers(30, 226, (7, 11, 3)).astype(np.uint8), (2 * width, 2 * height), interpolation=3
        )
        for step in range(length):
            x, y = step * 2 % width, step % height
            noise = rng.integers(-6, 7, (height, width, 1))
            yield np.clip(texture[y : y + height, x : x + width] + noise, 0, 255).astype(np.uint8)


def encode(
    pictures, *, pts=None, fps=30, file_format="mp4", codec="libx264", pix_fmt="yuv420p", turn=0, offset=0
):
    """A video of these pictures; ``pts`` and ``offset`` are in ticks of 1/fps."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=file_format) as container:
        stream = container.add_stream(codec, rate=fps, options=_OPTIONS.get(codec, {}))
        stream.time_base = stream.codec_context.time_base = 1 / Fraction(fps)
        stream.pix_fmt, stream.max_b_frames = pix_fmt, 2
        if turn:
            stream.set_display_rotation(turn)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = offset + (number if pts is None else pts[number])
            frame.time_base = 1 / Fraction(fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def blank(video):
    """An MP4 file with nothing but zeros where its packets were."""
    begin, end = video.index(b"mdat") + 4, video.index(b"moov") - 4
    return video[:begin] + bytes(end - begin) + video[end:]


def starts(segments):
    return [segment.start_s for segment in segments]


def fade(pictures, centres):
    """The same pictures, black around some of them."""
    for number, picture in enumerate(pictures):
        light = min([1.0, *(max(0, abs(number - centre) - 4) / 10 for centre in centres)])
        yield (picture * light).astype(np.uint8)


DETECTORS = {
    "adaptive": "AdaptiveDetector",
    "content": "ContentDetector",
    "hash": "HashDetector",
    "histogram": "HistogramDetector",
    "threshold": "ThresholdDetector",
}


@pytest.fixture(scope="module", params=[(30, "mp4"), (Fraction(30000, 1001), "matroska")], ids=str)
def eventful(request, tmp_path_factory):
    """A video with cuts, some closer than PySceneDetect's 15 pictures, and with fades; and its rate."""
    fps, file_format = request.param
    pictures = fade(draw_scenes([*LENGTHS, 9, 30, 5, 4, 40], width=384, height=216), [20, 150, 180])
    path = tmp_path_factory.mktemp("eventful") / "video"
    path.write_bytes(encode(pictures, fps=fps, file_format=file_format))
    return path, fps


@pytest.mark.parametrize("detector", DETECTORS)
def test_scenes_are_those_that_pyscenedetect_finds(detector, eventful):
    path, fps = eventful
    theirs = scenedetect.detect(str(path), getattr(scenedetect, DETECTORS[detector])(), start_in_scene=True)

    ours = find_scenes(path, Segmenting(split="scenes", detector=detector))

    assert [round(segment.start_s * fps) for segment in ours] == [start.frame_num for start, _ in theirs]
    assert len(ours) >= 3


ODD = {
    "constant rate": {},
    "ntsc rate": {"fps": Fraction(30000, 1001)},
    "10 bit": {"codec": "libx265", "pix_fmt": "yuv420p10le"},
    "turned": {"turn": 90},
    "first picture after 0": {"file_format": "matroska", "offset": 41},
    "transport stream": {"file_format": "mpegts"},
    "webm": {"codec": "libvpx", "file_format": "webm"},
    "avi without presentation times": {"file_format": "avi"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_every_planted_cut_is_found_and_no_other(odd):
    video = encode(draw_scenes(), **odd)

    segments = find_scenes(video, SCENES)

    tick = {"matroska": 1000, "webm": 1000, "mpegts": 90000}.get(odd.get("file_format"), 10**9)
    wanted = [0, *(cut / Fraction(odd.get("fps", 30)) for cut in CUTS)]
    # To the tick of the container, which rounds.
    assert len(segments) == len(wanted)
    assert all(abs(s.start_s - at) <= Fraction(1, tick) for s, at in zip(segments, wanted, strict=True))
    assert segments[-1].end_s == pytest.approx(float(sum(LENGTHS) / Fraction(odd.get("fps", 30))), abs=0.002)


def test_borders_are_the_times_of_pictures_where_the_rate_varies():
    steps = np.random.default_rng(3).choice([1, 2, 3, 20], sum(LENGTHS), p=[0.6, 0.2, 0.15, 0.05])
    pts = [0, *np.cumsum(steps).tolist()][:-1]

    segments = find_scenes(encode(draw_scenes(), pts=pts, fps=90), SCENES)

    assert starts(segments) == [0, *(Fraction(pts[cut], 90) for cut in CUTS)]
    assert segments[-1].end_s >= Fraction(pts[-1] + 1, 90)


def test_a_source_whose_sound_comes_first_keeps_its_clock(tmp_path):
    (tmp_path / "pictures.mp4").write_bytes(encode(draw_scenes()))
    late = ("-itsoffset", "1.5", "-i", str(tmp_path / "pictures.mp4"))
    sound = ("-f", "lavfi", "-i", "sine=duration=3")
    run_ffmpeg(*sound, *late, "-map", "0", "-map", "1", "-c:v", "copy", str(tmp_path / "late.mkv"))

    segments = find_scenes(tmp_path / "late.mkv", SCENES)

    found = [float(start) for start in starts(segments)]
    assert found == pytest.approx([0, *(1.5 + cut / 30 for cut in CUTS)], abs=0.03)


def test_segments_abut_and_cover_the_source():
    video = encode(draw_scenes())

    segments = find_scenes(video, SCENES)

    assert segments[0].start_s == 0
    assert all(a.end_s == b.start_s for a, b in pairwise(segments))
    assert segments[-1].end_s == probe(video).duration_s


@pytest.mark.parametrize("length", [60, 2, 1])
def test_a_video_without_cuts_is_one_segment(length):
    video = encode(draw_scenes([length]))

    (segment,) = find_scenes(video, SCENES)

    assert (segment.start_s, segment.end_s) == (0, probe(video).duration_s)


def test_min_and_max_seconds_are_kept():
    rules = Segmenting(split="scenes", min_seconds=1, max_seconds=2)

    segments = find_scenes(encode(draw_scenes()), rules)

    # 25 pictures are joined to the 40 before; the 65 and the 62 are halved.
    assert [start * 30 for start in starts(segments)] == [0, 33, 65, 96, 127, 160]


def test_min_seconds_takes_the_place_of_the_detectors_own_minimum():
    video = encode(draw_scenes([40, 10, 40]))

    assert [at * 30 for at in starts(find_scenes(video, SCENES))] == [0, 40]
    segmenting = Segmenting(split="scenes", min_seconds=0.2)
    assert [at * 30 for at in starts(find_scenes(video, segmenting))] == [0, 40, 50]


def test_a_threshold_takes_the_place_of_the_detectors_own():
    video = encode(draw_scenes())

    assert len(find_scenes(video, Segmenting(split="scenes", detector="content", threshold=200))) == 1
    assert len(find_scenes(video, Segmenting(split="scenes", threshold=254))) == 1


@pytest.mark.parametrize("min_seconds", [0, 0.3])
def test_a_flash_of_one_picture_never_makes_a_scene_of_its_own(min_seconds):
    pictures = list(draw_scenes([90]))
    pictures[45] = np.full_like(pictures[45], 250)

    segments = find_scenes(encode(pictures), Segmenting(split="scenes", min_seconds=min_seconds))

    # Among pictures that move little, the adaptive detector takes a flash for one border.
    assert [at * 30 for at in starts(segments)] == [0, 45 if min_seconds == 0 else 46]


def test_pictures_before_the_damage_give_borders(tmp_path):
    path = tmp_path / "whole.mp4"
    path.write_bytes(encode(draw_scenes()))
    run_ffmpeg("-i", str(path), "-c", "copy", "-movflags", "faststart", str(tmp_path / "cut.mp4"))
    whole = (tmp_path / "cut.mp4").read_bytes()

    segments = find_scenes(whole[: len(whole) * 3 // 4], SCENES)

    assert [at * 30 for at in starts(segments)][:3] == [0, *CUTS[:2]]
    assert Fraction(CUTS[1], 30) < segments[-1].end_s < probe(whole).duration_s


def test_pictures_that_change_their_size_are_compared_all_the_same(tmp_path):
    segments = find_scenes(make_two_sizes(tmp_path), SCENES)

    assert segments[-1].end_s == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"this is a text", "not a video"),
        (make_sound_only(), "no video stream"),
        (blank(make_video(seconds=1)), r"no picture can be decoded \(Invalid data"),
    ],
    ids=["empty", "text", "sound only", "packets of zeros"],
)
def test_a_video_without_pictures_says_what_was_found(content, message):
    with pytest.raises(UnreadableVideo, match=message):
        find_scenes(content, SCENES)


def test_huge_pictures_are_refused_before_decoding(tmp_path):
    next(entry for entry in bombs() if entry.name == "bomb-h264.mp4").write(tmp_path / "huge.mp4")
    with pytest.raises(UnreadableVideo, match="16000x16000 are over the limit of 35651584 pixels"):
        find_scenes(tmp_path / "huge.mp4", SCENES)


def test_a_header_that_claims_huge_pictures_is_not_believed():
    assert len(find_scenes(make_huge(), SCENES)) == 1


def make_huge():
    """A Matroska file whose header states 16000x9000."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="matroska") as container:
        stream = container.add_stream("libvpx", rate=30)
        stream.width, stream.height, stream.pix_fmt = 512, 288, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(512, 288, "yuv420p")))
        container.mux(stream.encode(None))
    size = {b"\xb0\x82\x02\x00": b"\xb0\x82\x3e\x80", b"\xba\x82\x01\x20": b"\xba\x82\x23\x28"}
    video = file.getvalue()
    for old, new in size.items():
        video = video.replace(old, new)
    return video


def test_a_missing_pyscenedetect_is_said_before_anything_starts(monkeypatch):
    monkeypatch.setitem(sys.modules, "scenedetect", None)

    with pytest.raises(UsageError, match=r"pip install 'ytcurate\[scenes\]'"):
        require_scene_detector(SCENES)
    require_scene_detector(Segmenting())


@pytest.mark.parametrize(
    ("detector", "threshold", "message"),
    [("hash", 27, "at most 1, it is 27"), ("threshold", 0.5, "a whole number, it is 0.5")],
)
def test_a_threshold_that_the_detector_cannot_have_is_refused(detector, threshold, message):
    with pytest.raises(UsageError, match=message):
        require_scene_detector(Segmenting(split="scenes", detector=detector, threshold=threshold))
