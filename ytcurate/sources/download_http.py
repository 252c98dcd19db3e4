"""One video over HTTP, with ``requests``: ranges, redirects, and what servers say when they refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO

from ytcurate.sources.download import PIECE_BYTES, Attempts

if TYPE_CHECKING:
    import requests

_REFUSED_TYPE = re.compile(r"text/(?!vnd\.trolltech)|image/|application/(json|xml|xhtml|pdf|zip)")
_PLAYLIST = re.compile(r"mpegurl|dash\+xml")
_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")


@dataclass
class _Held:
    """What is known of the video between two answers."""

    size: int = 0
    """Bytes that are in the file."""
    total: int | None = None
    """Of the whole video; None if the server does not say."""
    mark: str | None = None
    """Tells whether the server still has the same video: its ETag or date."""


def fetch_http(address: str, file: BinaryIO, attempts: Attempts) -> None:
    """Write a whole video to a file.

    Raises:
        UnreadableVideo: it cannot be had, or costs more than the limits.
        OSError: the file cannot be written.
    """
    import requests

    held = _Held()
    with requests.Session() as session:
        while True:
            attempts.require_time()
            try:
                response = session.get(
                    address, headers=_headers(address, held), stream=True, timeout=attempts.timeout_s
                )
            except _lasting_failures() as error:
                raise attempts.failure(_in_words(error)) from None
            except requests.RequestException as error:
                attempts.wait(_in_words(error))
                continue
            with response:
                if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and held.size:
                    _start_over(file, held)  # the video is another one now, and shorter
                    attempts.wait("the server's video changed")
                    continue
                if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                    _refuse_or_wait(response, attempts)
                    continue
                broken = _take_body(response, file, held, attempts)
            if broken is None:
                return
            attempts.wait(broken)


def _headers(address: str, held: _Held) -> dict[str, str]:
    # A packed body could not be gone on with in the middle; videos do not shrink anyway.
    headers = {"Accept-Encoding": "identity", "Accept": "video/*, */*;q=0.5", **_hub_token(address)}
    if held.size:
        headers["Range"] = f"bytes={held.size}-"
        if held.mark:
            headers["If-Range"] = held.mark
    return headers


def _hub_token(address: str) -> dict[str, str]:
    """The user's token for files of the Hugging Face hub; ``requests`` drops it when sent elsewhere."""
    if "/resolve/" not in address:
        return {}
    from huggingface_hub import constants, get_token

    token = get_token()
    is_hub = address.startswith(f"{constants.ENDPOINT}/")
    return {"Authorization": f"Bearer {token}"} if token and is_hub else {}


def _refuse_or_wait(response: requests.Response, attempts: Attempts) -> None:
    code = response.status_code
    reason = f"{_status_words(code)} (HTTP {code})"
    if code not in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) and code < 500:
        raise attempts.failure(reason)
    if code in (HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED):
        raise attempts.failure(reason)
    attempts.wait(reason, wished_s=attempts.wished_s(response.raw))


def _take_body(response: requests.Response, file: BinaryIO, held: _Held, attempts: Attempts) -> str | None:
    """Append a body to the file.

    Returns:
        None if the video is whole now, else what broke.
    """
    import urllib3

    _place(response, file, held, attempts)
    if held.total is not None:
        attempts.require_size(held.total)
    try:
        for piece in _pieces(response, attempts):
            attempts.count_piece(held.size + len(piece))
            file.write(piece)
            held.size += len(piece)
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
        return _in_words(error) + _how_far(held)
    if held.total is not None and held.size < held.total:
        return "the connection broke off" + _how_far(held)
    return None


def _place(response: requests.Response, file: BinaryIO, held: _Held, attempts: Attempts) -> None:
    """Look where the body belongs in the file: behind what is there, or at the start."""
    _require_video(response, attempts)
    span = _RANGE.match(response.headers.get("Content-Range", ""))
    if response.status_code == HTTPStatus.PARTIAL_CONTENT and span and int(span[1]) == held.size:
        held.total = held.total if span[2] == "*" else int(span[2])
        return
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        raise attempts.failure("the server answers with another part of the video than was asked for")
    _start_over(file, held)
    length = response.headers.get("Content-Length", "")
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    held.total = int(length) if length.isdigit() and not packed else None
    tag = response.headers.get("ETag", "")
    # A weak tag may stand for other bytes, so it cannot vouch for a part of them.
    held.mark = tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _start_over(file: BinaryIO, held: _Held) -> None:
    file.seek(0)
    file.truncate()
    held.size, held.total, held.mark = 0, None, None


def _require_video(response: requests.Response, attempts: Attempts) -> None:
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if _PLAYLIST.search(content_type):
        raise attempts.failure(
            f"this is a playlist ({content_type}), not a video; give the video's own address"
        )
    if _REFUSED_TYPE.match(content_type):
        raise attempts.failure(f"this is no video, it is {content_type}; give the video's own address")


def _pieces(response: requests.Response, attempts: Attempts) -> Iterator[bytes]:
    # read1 gives what is there: a body that drips is looked at as it comes.
    while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
        yield piece


def _how_far(held: _Held) -> str:
    return f" after {held.size} of {'?' if held.total is None else held.total} bytes"


def _status_words(code: int) -> str:
    try:
        return HTTPStatus(code).phrase.lower()
    except ValueError:
        return "the server answers in a way that is not known"


def _lasting_failures() -> tuple[type[Exception], ...]:
    """Give the errors that another try would not mend."""
    from requests import exceptions
    from urllib3.exceptions import LocationParseError

    return (
        exceptions.InvalidURL,
        exceptions.InvalidSchema,
        exceptions.MissingSchema,
        exceptions.TooManyRedirects,
        exceptions.SSLError,
        exceptions.InvalidHeader,
        LocationParseError,
        UnicodeError,  # a host name that cannot be one
    )


def _in_words(error: BaseException) -> str:
    """Say what went wrong without quoting the error: it may hold the address, and that a secret."""
    from requests import exceptions

    text = f"{type(error).__name__} {error}"
    words = {
        "NameResolution": "there is no such host",
        "refused": "the server refuses the connection",
        "Timeout": "the server does not answer",
        "timed out": "the server does not answer",
        "IncompleteRead": "the connection broke off",
        "reset": "the connection broke off",
        "RemoteDisconnected": "the server closed the connection",
        "unreachable": "the network cannot be reached",
        "Certificate": "its certificate is not trusted",
        "CERTIFICATE": "its certificate is not trusted",
    }
    if isinstance(error, exceptions.TooManyRedirects):
        return "it is redirected without end"
    if isinstance(error, exceptions.InvalidURL | exceptions.InvalidSchema | UnicodeError):
        return "this is not a valid address"
    known = next((meaning for sign, meaning in words.items() if sign in text), None)
    return known or f"the connection failed ({type(error).__name__})"
