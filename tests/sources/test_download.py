import pickle

import fsspec
import pytest

from tests.sources.video_server import VIDEO, video_server
from ytcurate.config import SourceLimits
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.progress import listen_to_progress
from ytcurate.sources import download
from ytcurate.sources.download import RemoteVideo
from ytcurate.sources.find import find_source
from ytcurate.sources.options import DownloadLimits


@pytest.fixture
def server():
    with video_server() as running:
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(download, "_BACKOFF_S", 0.01)


@pytest.fixture
def fetch(server, tmp_path):
    def fetch(path, **limits):
        return RemoteVideo(f"{server.url}/{path}", DownloadLimits(**{"tries": 3, **limits})).fetch(tmp_path)

    return fetch


def test_a_video_comes_whole_into_a_file_with_its_ending(fetch, tmp_path):
    path = fetch("good.webm?id=7")
    assert (path, path.read_bytes()) == (tmp_path / "source.webm", VIDEO)


def test_a_remote_video_is_sent_to_another_process_and_fetched_there(server, tmp_path):
    sent = pickle.loads(pickle.dumps(RemoteVideo(f"{server.url}/good.mp4")))
    assert sent.fetch(tmp_path).read_bytes() == VIDEO


def test_a_body_that_breaks_off_is_gone_on_with_where_it_stopped(fetch, server):
    assert fetch("breaks.mp4").read_bytes() == VIDEO
    third = len(VIDEO) // 3
    assert [span for _, span in server.asked] == [None, f"bytes={third}-", f"bytes={2 * third}-"]


def test_a_video_that_changed_meanwhile_is_fetched_from_its_start(fetch):
    assert fetch("changes.mp4").read_bytes() == VIDEO[::-1]


def test_a_server_without_ranges_is_asked_for_all_again(fetch):
    assert fetch("unranged.mp4").read_bytes() == VIDEO


def test_a_body_in_chunks_that_breaks_off_is_fetched_again(fetch, server):
    assert fetch("chunked.mp4").read_bytes() == VIDEO
    assert len(server.asked) == 2


def test_a_busy_server_is_asked_again(fetch, server):
    assert fetch("busy.mp4").read_bytes() == VIDEO
    assert len(server.asked) == 3


def test_a_server_that_says_when_to_ask_again_is_obeyed(fetch):
    signs = []
    listen_to_progress(lambda: signs.append(1))
    try:
        assert fetch("limited.mp4").read_bytes() == VIDEO
    finally:
        listen_to_progress(lambda: None)
    assert signs


def test_a_server_that_wants_to_be_asked_after_the_time_is_up_is_given_up_at_once(fetch):
    with pytest.raises(UnreadableVideo, match=r"too many requests \(HTTP 429\); there is no time left"):
        fetch("limited.mp4", max_seconds=0.5)


def test_redirects_are_followed(fetch):
    assert fetch("moved").read_bytes() == VIDEO


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone.mp4", r"not found \(HTTP 404\)$"),
        ("forbidden.mp4", r"forbidden \(HTTP 403\)$"),
        ("down.mp4", r"internal server error \(HTTP 500\), 3 times in a row"),
        ("page", "this is no video, it is text/html"),
        ("playlist.m3u8", "this is a playlist"),
        ("circle", "it is redirected without end"),
    ],
)
def test_what_is_no_video_says_what_it_is(fetch, path, message):
    with pytest.raises(UnreadableVideo, match=message):
        fetch(path)


def test_a_video_that_is_too_large_is_refused_before_its_body(fetch, server, tmp_path):
    with pytest.raises(UnreadableVideo, match=r"at least 1048576 bytes; a download may have 1000"):
        fetch("good.mp4", max_bytes=1000)
    assert (tmp_path / "source.mp4").stat().st_size == 0


def test_a_body_without_end_stops_at_the_limit(fetch, tmp_path):
    with pytest.raises(UnreadableVideo, match="a download may have 1000000"):
        fetch("endless", max_bytes=1_000_000)
    assert (tmp_path / "source").stat().st_size <= 1_000_000


def test_a_body_that_drips_ends_with_the_time(fetch):
    with pytest.raises(UnreadableVideo, match=r"takes longer than 0.3 s"):
        fetch("drip", max_seconds=0.3)


def test_a_server_that_falls_silent_is_given_up(fetch):
    with pytest.raises(UnreadableVideo, match=r"the server does not answer after 0 of 1000 bytes, 2 times"):
        fetch("silent", stall_seconds=0.2, tries=2)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:9/a.mp4", "the server refuses the connection, 2 times in a row"),
        ("http://no-such-host.invalid/a.mp4", "there is no such host"),
        ("http://[::1/a.mp4", "this is not a valid address"),
        ("http://" + "a" * 80 + ".org/", "."),
    ],
)
def test_a_server_that_cannot_be_reached_says_why(address, reason, tmp_path):
    with pytest.raises(UnreadableVideo, match=reason):
        RemoteVideo(address, DownloadLimits(tries=2)).fetch(tmp_path)


def test_secrets_of_an_address_are_shown_nowhere(server, tmp_path):
    host = server.url.removeprefix("http://")
    address = f"http://user:secret1@{host}/gone.mp4?id=7&X-Amz-Signature=secret2&token=secret3"
    remote = RemoteVideo(address)
    with pytest.raises(UnreadableVideo) as caught:
        remote.fetch(tmp_path)
    assert str(caught.value).startswith(
        f"http://{host}/gone.mp4?id=7&X-Amz-Signature=***&token=***: not found"
    )
    (video,) = find_source(address)
    assert video.name == f"http://{host}/gone.mp4?id=7&X-Amz-Signature=***&token=***"
    assert "secret" not in repr(remote) + repr(video)


def test_a_file_of_an_object_store_is_fetched_with_fsspec(tmp_path):
    fsspec.filesystem("memory").pipe("/bucket/a.mp4", VIDEO)
    assert RemoteVideo("memory://bucket/a.mp4").fetch(tmp_path).read_bytes() == VIDEO
    with pytest.raises(UnreadableVideo, match=r"memory://bucket/b.mp4: there is no such file"):
        RemoteVideo("memory://bucket/b.mp4").fetch(tmp_path)
    with pytest.raises(UnreadableVideo, match="a download may have 1000"):
        RemoteVideo("memory://bucket/a.mp4", DownloadLimits(max_bytes=1000)).fetch(tmp_path)


def test_an_address_that_nothing_reads_is_its_own_fault(tmp_path):
    with pytest.raises(UnreadableVideo, match=r"^foo://bucket/a\.mp4: nothing here reads foo:// addresses"):
        RemoteVideo("foo://bucket/a.mp4").fetch(tmp_path)


def test_a_download_may_cost_what_a_source_video_may():
    limits = DownloadLimits.of(SourceLimits(stall_seconds=1, max_seconds=2, max_source_bytes=3))
    assert (limits.stall_seconds, limits.max_seconds, limits.max_bytes) == (1, 2, 3)
    with pytest.raises(UsageError, match="tries must be above 0, it is 0"):
        DownloadLimits(tries=0)


def test_a_driver_that_is_not_installed_is_named_before_anything_starts():
    with pytest.raises(UsageError, match=r"gs:// addresses need a package that is not installed.*gcsfs"):
        find_source("gs://bucket/video.mp4")
    with pytest.raises(UsageError, match="nothing here reads foo:// addresses"):
        find_source("foo://bucket/video.mp4")
