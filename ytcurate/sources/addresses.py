"""Addresses of videos: what they are, and how they are shown without what is secret in them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

VIDEO_SUFFIXES = frozenset(
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split()
)
"""Files of a folder that are taken for videos. A file named by itself is always taken for one."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_SECRET_KEY = re.compile(
    r"^sig$|signature|token|secret|passw|pwd|credential|policy|session|jwt|expires|^x-(amz|goog)-"
    r"|(^|[-_])auth([-_]|$)|authoriz|api.?key|access.?key|key.?(pair.?)?id|^key$"
    r"|^(se|st|sp|sv|sr|skoid|sktid|ske|sks|skt|skv)$",  # of Azure's shared access signatures
    re.IGNORECASE,
)
_HUB_COMMIT = re.compile(r"(hf://(?:datasets/|models/|spaces/)?[^/@]+/[^/@]+)@[^/]+")
MASK = "***"


def scheme_of(address: str) -> str | None:
    """``https`` of ``https://...``, in small letters; None of a path."""
    match = _SCHEME.match(address)
    return match[1].lower() if match else None


def suffix_of(address: str) -> str:
    """File ending of an address or a path, in small letters with its dot; empty if there is none."""
    if scheme_of(address) not in ("http", "https"):
        return PurePosixPath(address).suffix.lower()
    try:
        return PurePosixPath(unquote(urlsplit(address).path)).suffix.lower()
    except ValueError:  # of what is no address
        return ""


def shown(address: str) -> str:
    """Write an address as rows and messages may show it, always as valid UTF-8.

    User and password are left out, and so is the hub's commit; values of the query that look like
    signatures or tokens are masked. The rest of the query is kept: it may tell which video it is.
    """
    scheme = scheme_of(address)
    if scheme is None:
        return clean_text(address)
    if scheme == "hf":
        return clean_text(_HUB_COMMIT.sub(r"\1", address))
    try:
        parts = urlsplit(address)
    except ValueError:
        return f"{scheme}://{MASK}"
    # Object stores may have "?" in their keys, but then nothing in front of it is lost.
    host = parts.netloc.rpartition("@")[2]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(_SECRET_KEY.search(key) for key, _ in pairs):
        query = parts.query
    else:
        masked = [(key, MASK if _SECRET_KEY.search(key) else value) for key, value in pairs]
        query = urlencode(masked, safe="*", quote_via=quote)
    return clean_text(f"{scheme}://{host}{parts.path}{'?' if query else ''}{query}")


def clean_text(text: str) -> str:
    """Write what is no valid Unicode, such as bytes of odd file names, with backslashes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def first_line(error: BaseException) -> str:
    """Shorten what another library says to a line, without its last full stop."""
    return clean_text((str(error).strip() or type(error).__name__).splitlines()[0].rstrip("."))
