"""Files that would lead a reader astray: lists that name other files, and names that are addresses.

A user's video may come from anybody. What it names must never be opened, and no connection be made.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.support.corpus.entry import Entry, clips, either, good, made, reason

SECRET = "secret.ts"
"""A good video that lies beside the lists, under this name; only lists name it."""
PIPE = "pipe.mp4"
NO_VIDEO = r"not a video|no video stream|no known codec|names other"


def traps(port: int) -> list[Entry]:
    """All entries of this module; those that name an address name this port of this machine."""
    return [*_lists(port), *_names(port), *_no_files()]


def _lists(port: int) -> list[Entry]:
    address = f"http://127.0.0.1:{port}"
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n"
    end = "#EXT-X-ENDLIST\n"
    session = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    lists = {
        "concat-passwd": (
            "a list for concat that names /etc/passwd",
            "ffconcat version 1.0\nfile '/etc/passwd'\n",
        ),
        "concat-beside": (
            "a list for concat that names the file beside it",
            f"ffconcat version 1.0\nfile {SECRET}\n",
        ),
        "concat-http": (
            "a list for concat that names an address",
            f"ffconcat version 1.0\nfile '{address}/a.mp4'\n",
        ),
        "concat-pipe": (
            "a list for concat that names a pipe to which nobody writes",
            f"ffconcat version 1.0\nfile {PIPE}\n",
        ),
        "hls-pipe": (
            "a playlist that names a pipe to which nobody writes",
            f"{head}#EXTINF:10,\n{PIPE}\n{end}",
        ),
        "hls-passwd": ("a playlist that names /etc/passwd", f"{head}#EXTINF:10,\nfile:///etc/passwd\n{end}"),
        "hls-beside": ("a playlist that names the file beside it", f"{head}#EXTINF:10,\n{SECRET}\n{end}"),
        "hls-http": ("a playlist that names an address", f"{head}#EXTINF:10,\n{address}/a.ts\n{end}"),
        "hls-list": (
            "a playlist of playlists",
            f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{address}/a.m3u8\n",
        ),
        "hls-key": (
            "a playlist whose key lies at an address",
            f'{head}#EXT-X-KEY:METHOD=AES-128,URI="{address}/key"\n#EXTINF:10,\n{SECRET}\n{end}',
        ),
        "session": (
            "a session description: pictures are to come over the network",
            f"{session}m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
        ),
        "dash": (
            "a DASH manifest",
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
            '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" width="64" height="48">'
            f"<BaseURL>{address}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
        ),
        "asx": (
            "a list of Windows Media",
            f'<ASX version="3.0"><Entry><Ref href="{address}/a"/></Entry></ASX>',
        ),
        "reference": ("a QuickTime reference", f"[Reference]\r\nRef1={address}/a\r\n"),
        "rtsp": ("an address and nothing else", f"rtsp://127.0.0.1:{port}/a\n"),
        "svg": (
            "a drawing that names a file",
            '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
        ),
    }
    entries = []
    for kind, (trouble, text) in lists.items():
        # Readers look at the name, too: FFmpeg follows a playlist only under an ending of its own.
        for ending in (
            ".mp4",
            *{"hls": (".m3u8",), "session": (".sdp",), "dash": (".mpd",)}.get(kind.split("-")[0], ()),
        ):
            entries.append(reason(f"list-{kind}{ending}", trouble, _text(text), NO_VIDEO))
    entries.append(clips(SECRET, "nothing: the file that lists name", made(partial(good, "mpegts"))))
    return entries


def _text(text: str) -> Callable[[Path], None]:
    return made(text.encode)


def _names(port: int) -> list[Entry]:
    names = {
        "new\nline.mp4": "a line break in its name",
        "quotes 'one' \"two\" `three` $HOME.mp4": "quotes in its name",
        os.fsdecode(b"latin-\xe9\xff.mp4"): "bytes in its name that are not UTF-8",
        "emoji-\N{CLAPPER BOARD}.mp4": "an emoji in its name",
        "long-" + "n" * 246 + ".mp4": "a name of 255 bytes",
        "-y.mp4": "a name that begins with a dash",
        "%03d-%s.mp4": "a pattern as its name",
        "12:30 at noon.mp4": "a colon in its name, as in an address",
        "pipe:0.mp4": "a name that FFmpeg takes for its standard input",
        "concat:secret.ts|secret.ts#.mp4": "a name that FFmpeg takes for two other files",
        "subfile,,start,0,end,9,,:secret.ts#.mp4": "a name that FFmpeg takes for a part of another file",
        f"http:/127.0.0.1:{port}/a.mp4": "folders that FFmpeg takes for an address",
    }
    return [clips(name, trouble, made(good)) for name, trouble in names.items()]


def _no_files() -> list[Entry]:
    def loop(path: Path) -> None:
        path.symlink_to(path.name)

    def unreadable(path: Path) -> None:
        path.write_bytes(good())
        path.chmod(0)

    no_file = r"cannot read .*(symbolic links|No such file)"
    return [
        reason("loop.mp4", "a link to itself", loop, no_file),
        reason("dangling.mp4", "a link to nothing", lambda path: path.symlink_to("nothing"), no_file),
        reason(PIPE, "a named pipe that nobody writes to", lambda path: os.mkfifo(path), "is a named pipe"),
        reason("folder.mp4", "a folder", lambda path: path.mkdir(), "is a folder"),
        reason(
            "endless.mp4", "a link to /dev/zero", lambda path: path.symlink_to("/dev/zero"), "is a device"
        ),
        either("unreadable.mp4", "may not be read (but by root)", unreadable, whole=True),
    ]
