"""Troublesome videos: each gives right clips or a reason, nothing hangs, and nothing it names is opened."""

import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest

from tests.support.corpus import CLIP_SECONDS, SECRET, corpus, write_corpus
from tests.support.cutting import cut_all

ENTRIES = corpus()
LISTS = [entry for entry in ENTRIES if entry.name.startswith("list-")]
IDS = [entry.name.encode("unicode_escape").decode()[:40] for entry in ENTRIES]


@pytest.fixture(scope="module")
def calls():
    """Connections to a port of this machine that some files of the corpus name, and that port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = []

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                seen.append(connection.getpeername())
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, calls):
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, port=calls[0])
    return folder


@pytest.fixture(scope="module")
def attempts(folder, calls):
    """What became of each file: by its name in ``ENTRIES``, and whether it was given as bytes."""
    names = [entry.name for entry in corpus(port=calls[0])]
    half = len(names) // 2
    lists = [entry.name for entry in LISTS]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cut_all, folder, names[:half], clip_seconds=CLIP_SECONDS)
        second = pool.submit(cut_all, folder, names[half:], clip_seconds=CLIP_SECONDS)
        of_paths = first.result() + second.result()
    of_bytes = cut_all(folder, lists, as_bytes=True)
    found = {(entry.name, False): attempt for entry, attempt in zip(ENTRIES, of_paths, strict=True)} | {
        (name, True): attempt for name, attempt in zip(lists, of_bytes, strict=True)
    }
    return found


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_a_troublesome_file_gives_right_clips_or_a_reason(entry, attempts):
    attempt = attempts[entry.name, False]
    frames = [clip["frames"] for clip in attempt.clips]
    told = f"{entry.trouble}: {frames}, {attempt.error}: {attempt.reason}"
    assert attempt.ended is None, told
    assert attempt.error in (None, "ytcurate.errors.UnreadableVideo"), told
    assert frames or attempt.reason, told
    if entry.may_fail:
        if attempt.reason is None:
            assert entry.min_clips <= len(frames) <= entry.max_clips, told
        return
    assert entry.min_clips <= len(frames) <= entry.max_clips, told
    assert entry.frames in (None, tuple(frames)), told
    assert (attempt.reason is None) == (entry.reason is None), told
    assert attempt.reason is None or re.search(entry.reason, attempt.reason), told


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_every_clip_of_a_troublesome_file_opens_decodes_and_begins_at_0(entry, attempts):
    for index, clip in enumerate(attempts[entry.name, False].clips):
        told = f"{entry.trouble}, clip {index}: {clip}"
        assert "problem" not in clip, told
        assert clip["first_pts"] == 0, told
        if entry.whole and not clip["is_large"]:
            assert (clip["decoded"], clip["first_frame_pts"]) == (clip["frames"], 0), told


@pytest.mark.parametrize("entry", LISTS, ids=[entry.name for entry in LISTS])
def test_a_list_of_other_files_is_no_video_when_it_comes_as_bytes_either(entry, attempts):
    attempt = attempts[entry.name, True]
    assert (attempt.ended, attempt.clips, attempt.error) == (None, [], "ytcurate.errors.UnreadableVideo")
    assert re.search(entry.reason, attempt.reason), attempt.reason
    assert attempt.took_s < 5


def test_no_file_makes_a_connection(attempts, calls):
    port, seen = calls
    assert seen == []
    socket.create_connection(("127.0.0.1", port)).close()  # it would have been seen
    for _ in range(100):
        if seen:
            break
        threading.Event().wait(0.01)
    assert len(seen) == 1


def test_the_samples_of_an_mp4_are_not_looked_for_in_another_file(folder, attempts):
    path = folder / "dref.mp4"
    allowed = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(str(path), options=allowed) as container:  # such files are followed where that is asked for
        read = b"".join(bytes(packet) for packet in container.demux(video=0))
    assert read[:16]
    assert read[:16] in Path("/etc/passwd").read_bytes()
    assert attempts["dref.mp4", False].clips == []


def test_the_file_that_lists_name_would_give_clips(attempts):
    assert len(attempts[SECRET, False].clips) == 3


def test_no_file_takes_more_than_its_share(attempts):
    slow = {name: attempt.took_s for (name, _), attempt in attempts.items() if attempt.took_s > 20}
    assert slow == {}
