"""Small videos, made in memory with PyAV, each with one thing that is odd about it."""

from __future__ import annotations

import io
import random
import shlex
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def make_video(
    *,
    fps: Fraction = Fraction(30),
    seconds: float = 5,
    gop: int = 30,
    b_frames: int = 0,
    width: int = 64,
    height: int = 48,
    codec: str = "libx264",
    file_format: str = "mp4",
    sound: bool = False,
    options: dict[str, str] | None = None,
) -> bytes:
    """A video whose picture number i is a gray of level 16 + i mod 200: a picture tells its number."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=file_format) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.gop_size = gop
        stream.max_b_frames = b_frames
        if codec == "libx264":
            fixed = {"sc_threshold": "0", "crf": "10", "threads": "1", "bf": str(b_frames)}
            stream.options = fixed | (options or {})
        audio = container.add_stream("aac", rate=48000) if sound else None
        for index in range(round(seconds * fps)):
            picture = np.full((height, width, 3), gray_level(index), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            frame.time_base = 1 / fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
            )
            silence.rate = 48000
            for index in range(round(seconds * 48000 / 1024)):
                silence.pts = index * 1024
                container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
    return file.getvalue()


def gray_level(index: int) -> int:
    return 16 + index % 200


def make_sound_only(seconds: float = 1) -> bytes:
    """An MP4 file with sound and no video stream."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.rate = 48000
        for index in range(round(seconds * 48000 / 1024)):
            frame.pts = index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def keyframe_times(video: bytes | Path) -> list[Fraction]:
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else str(video)) as container:
        stream = container.streams.video[0]
        return [
            packet.pts * stream.time_base
            for packet in container.demux(stream)
            if packet.pts is not None and packet.is_keyframe
        ]


def packet_sizes(video: bytes | Path) -> list[int]:
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else str(video)) as container:
        return [packet.size for packet in container.demux(video=0) if packet.size]


def display_times(video: bytes) -> list[Fraction]:
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        return [frame.pts * stream.time_base for frame in container.decode(stream)]


ODD_VIDEOS = {
    # What is odd about it: (ffmpeg's options for the source, those for the encoder, file ending).
    "no b-frames": ("", "-c:v libx264 -bf 0 -g 30", "mp4"),
    "b-frames without pyramid": ("", "-c:v libx264 -bf 3 -b_strategy 0 -x264-params b-pyramid=none", "mp4"),
    "b-pyramid": ("", "-c:v libx264 -bf 8 -b_strategy 0 -g 40", "mp4"),
    "several reference pictures": ("", "-c:v libx264 -preset slow -refs 6", "mp4"),
    "h264 open gops": ("", "-c:v libx264 -bf 3 -g 20 -x264-params open-gop=1", "mp4"),
    "intra refresh without keyframes": ("", "-c:v libx264 -x264-params intra-refresh=1:keyint=20", "mp4"),
    "one long gop": ("", "-c:v libx264 -g 999 -sc_threshold 0", "mp4"),
    "gops of four": ("", "-c:v libx264 -g 4 -bf 2", "mp4"),
    "h264 all intra": ("", "-c:v libx264 -g 1", "mp4"),
    "constrained baseline": ("", "-c:v libx264 -profile:v baseline", "mp4"),
    "transport stream": ("", "-c:v libx264 -g 20 -bf 3", "ts"),
    "transport stream with open gops": ("", "-c:v libx264 -g 20 -bf 3 -x264-params open-gop=1", "ts"),
    "matroska": ("", "-c:v libx264 -g 20 -bf 3", "mkv"),
    "hevc with b-frames": ("", "-c:v libx265 -g 20 -bf 4 -tag:v hvc1", "mp4"),
    "hevc open gops": ("", "-c:v libx265 -x265-params open-gop=1:keyint=20:bframes=4:log-level=none", "mp4"),
    "hevc temporal layers": (
        "",
        "-c:v libx265 -x265-params temporal-layers=1:bframes=4:log-level=none",
        "mp4",
    ),
    "hevc in a transport stream": ("", "-c:v libx265 -x265-params keyint=20:log-level=none", "ts"),
    "vp8": ("", "-c:v libvpx -g 20 -auto-alt-ref 1 -lag-in-frames 10 -b:v 300k", "webm"),
    "vp9 in webm": ("", "-c:v libvpx-vp9 -g 20 -cpu-used 8 -deadline realtime", "webm"),
    "vp9 in mp4": ("", "-c:v libvpx-vp9 -g 20 -auto-alt-ref 1 -lag-in-frames 12 -cpu-used 5", "mp4"),
    "vp9 in webm at 59.94": ("rate=60000/1001", "-c:v libvpx-vp9 -cpu-used 8 -deadline realtime", "webm"),
    "av1": ("", "-c:v libsvtav1 -preset 10 -g 20", "mp4"),
    "av1 in webm": ("", "-c:v libaom-av1 -cpu-used 8 -lag-in-frames 19 -g 20 -usage realtime", "webm"),
    "mpeg-4 part 2 in avi": ("", "-c:v mpeg4 -q:v 3", "avi"),
    "mpeg-4 part 2 with b-frames in mp4": ("", "-c:v mpeg4 -bf 2 -q:v 3", "mp4"),
    "mpeg-2": ("", "-c:v mpeg2video -bf 2 -q:v 3", "ts"),
    "motion jpeg": ("", "-c:v mjpeg -q:v 3 -pix_fmt yuvj420p", "avi"),
    "variable frame rate": (
        "",
        "-c:v libx264 -bf 3 -vf select='not(mod(n\\,7))+lt(mod(n\\,11)\\,6)' -vsync vfr",
        "mp4",
    ),
    "23.976 fps": ("rate=24000/1001", "-c:v libx264", "mp4"),
    "59.94 fps": ("rate=60000/1001", "-c:v libx264", "mp4"),
    "first picture after 0": ("", "-c:v libx264 -output_ts_offset 1.37", "mkv"),
    "odd sides": ("size=161x119", "-c:v libx264 -pix_fmt yuv444p", "mp4"),
    "sides that are no multiple of 16": ("size=150x130", "-c:v libx264", "mp4"),
    "portrait": ("size=120x214", "-c:v libx264", "mp4"),
    "tiny": ("size=40x30", "-c:v libx264", "mp4"),
    "exactly the size the model sees": ("size=168x112", "-c:v libx264", "mp4"),
    "10 bit": ("", "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none", "mp4"),
    "full range": ("", "-c:v libx264 -vf scale=out_range=full -pix_fmt yuvj420p -color_range pc", "mp4"),
    "bt.709": ("", "-c:v libx264 -colorspace bt709 -color_primaries bt709 -color_trc bt709", "mp4"),
    "bt.2020 with hlg": (
        "",
        "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none"
        " -colorspace bt2020nc -color_primaries bt2020 -color_trc arib-std-b67",
        "mp4",
    ),
    "4:2:2": ("", "-c:v libx264 -pix_fmt yuv422p", "mp4"),
    "4:4:4": ("", "-c:v libx264 -pix_fmt yuv444p", "mp4"),
    "interlaced": ("", "-c:v libx264 -vf tinterlace=interleave_top -flags +ilme+ildct", "mp4"),
    "non-square pixels": ("", "-c:v libx264 -vf setsar=4/3", "mp4"),
    "two pictures": ("", "-c:v libx264 -frames:v 2", "mp4"),
    "three pictures": ("", "-c:v libx264 -frames:v 3", "mp4"),
    "fragmented mp4": ("", "-c:v libx264 -g 20 -movflags frag_keyframe+empty_moov", "mp4"),
}
"""Videos as ffmpeg makes them, by what is odd about each."""


def make_odd_video(name: str, folder: Path) -> Path:
    """Make one of ``ODD_VIDEOS`` with the ffmpeg program: 160x120, 30 fps, 3 s unless it says otherwise.

    The picture is FFmpeg's moving test chart with a little noise: pictures differ from their neighbours.
    """
    source, encoder, ending = ODD_VIDEOS[name]
    settings = {"size": "160x120", "rate": "30"} | dict(
        pair.split("=", 1) for pair in source.split(":") if pair
    )
    chart = "testsrc2=" + ":".join(f"{key}={value}" for key, value in settings.items())
    path = folder / f"{name.replace(' ', '-').replace(':', '')}.{ending}"
    run_ffmpeg("-f", "lavfi", "-i", chart, "-t", "3", "-pix_fmt", "yuv420p", *shlex.split(encoder), str(path))
    return path


def make_changed_video(name: str, folder: Path) -> Path:
    """Make one of ``CHANGED_VIDEOS``: packets of a good video copied into an odd container."""
    source = make_odd_video("b-pyramid", folder)
    path = folder / f"{name.replace(' ', '-').replace(',', '')}.mp4"
    copied, chart = ("-i", str(source)), ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=1")
    match CHANGED_VIDEOS[name]:
        case ("turn", degrees):
            _turn(source, path, int(degrees))
        case ("cut", *arguments):
            run_ffmpeg(*arguments, *copied, "-c", "copy", str(path))
        case ("add", *arguments):
            run_ffmpeg(*copied, *chart, "-map", "0", "-map", "1", *arguments, str(path))
        case ("shorten", share):
            run_ffmpeg(*copied, "-c", "copy", "-movflags", "faststart", str(path))
            path.write_bytes(path.read_bytes()[: int(path.stat().st_size * float(share))])
        case ("flip", seed):
            video = bytearray(source.read_bytes())
            rng = random.Random(int(seed))
            for _ in range(3):
                # Behind the first keyframe, before the index at the end.
                video[rng.randrange(len(video) // 4, len(video) * 9 // 10)] ^= 1 << rng.randrange(8)
            path.write_bytes(bytes(video))
    return path


CHANGED_VIDEOS = {
    "edit list starting behind a keyframe": ("cut", "-ss", "1.334"),
    "edit list starting inside a gop": ("cut", "-ss", "1.1"),
    "edit list starting inside a gop, short": ("cut", "-ss", "1.1", "-t", "1.5"),
    "turned by 90 degrees": ("turn", "90"),
    "turned by 180 degrees": ("turn", "180"),
    "turned by -90 degrees": ("turn", "-90"),
    "with a cover picture": (
        *("add", "-c:v:0", "copy", "-c:v:1", "mjpeg", "-frames:v:1", "1", "-disposition:v:1"),
        "attached_pic",
    ),
    "with a second, larger stream": ("add", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
    "cut off in the middle": ("shorten", "0.6"),
    "bits flipped, 0": ("flip", "0"),
    "bits flipped, 1": ("flip", "1"),
    "bits flipped, 2": ("flip", "2"),
}
"""What is odd: how a good video is changed."""


def make_two_sizes(folder: Path) -> Path:
    """A Matroska file whose pictures grow from 160x120 to 176x144 after a second."""
    parts = []
    for size in ("160x120", "176x144"):
        part = folder / f"{size}.ts"
        chart = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30:duration=1")
        run_ffmpeg(*chart, "-c:v", "libx264", "-pix_fmt", "yuv420p", str(part))
        parts.append(str(part))
    run_ffmpeg("-i", "concat:" + "|".join(parts), "-c", "copy", str(folder / "two-sizes.mkv"))
    return folder / "two-sizes.mkv"


def _turn(source: Path, target: Path, degrees: int) -> None:
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        copy.set_display_rotation(degrees)
        for packet in old.demux(stream):
            if packet.size:
                packet.stream = copy
                new.mux(packet)


def run_ffmpeg(*arguments: str) -> None:
    command = ["ffmpeg", "-y", "-nostdin", "-v", "error", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
