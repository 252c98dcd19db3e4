"""One video through fsspec, which speaks to object stores and to the Hugging Face hub."""

from __future__ import annotations

from typing import Any, BinaryIO

from ytcurate.errors import UsageError
from ytcurate.sources.addresses import scheme_of, shown
from ytcurate.sources.download import PIECE_BYTES, Attempts


def fetch_fsspec(address: str, file: BinaryIO, attempts: Attempts) -> None:
    """Write a whole video to a file.

    Raises:
        UnreadableVideo: it cannot be had, or costs more than the limits.
        OSError: the file cannot be written.
    """
    done = 0
    try:
        filesystem, path = open_filesystem(address)
    except UsageError as error:
        raise attempts.failure(str(error).partition(": ")[2]) from None
    while True:
        attempts.require_time()
        pieces = _pieces(filesystem, path, done, attempts)
        try:
            for piece in pieces:
                file.write(piece)
                done += len(piece)
            return
        except _Broken as broken:
            attempts.wait(f"{broken} after {done} bytes")


class _Broken(Exception):
    """A driver failed in a way that another try may mend."""


def _pieces(filesystem: Any, path: str, start: int, attempts: Attempts) -> Any:
    """Read a file from ``start`` on, piece by piece.

    Raises:
        UnreadableVideo, _Broken: as it says.
    """
    from ytcurate.errors import VideoError

    done = start
    try:
        with filesystem.open(path, "rb") as remote:
            size = getattr(remote, "size", None)
            if size is not None:
                attempts.require_size(int(size))
            remote.seek(start)
            while piece := remote.read(PIECE_BYTES):
                done += len(piece)
                attempts.count_piece(done)
                yield piece
    except VideoError:
        raise
    except FileNotFoundError:
        raise attempts.failure("there is no such file") from None
    except PermissionError:
        raise attempts.failure("you may not read this file; check your token or keys") from None
    except IsADirectoryError:
        raise attempts.failure("this is a folder") from None
    except Exception as error:  # noqa: BLE001 - each driver has errors of its own, and they quote addresses
        raise _Broken(f"reading it failed ({type(error).__name__})") from None
    if size is not None and done < int(size):
        raise _Broken("the connection broke off")


def open_filesystem(address: str) -> tuple[Any, str]:
    """Find the driver of an address.

    Returns:
        The file system, and the path in it.

    Raises:
        UsageError: no driver is known or installed, or it cannot be set up.
    """
    import fsspec

    name = shown(address)
    try:
        filesystem, path = fsspec.url_to_fs(address)
    except ImportError as error:
        raise UsageError(f"{name}: {missing_driver(address, error)}") from None
    except ValueError:
        raise UsageError(f"{name}: nothing here reads {scheme_of(address)}:// addresses.") from None
    except Exception as error:  # noqa: BLE001 - keys that are not there, in the words of each driver
        raise UsageError(
            f"{name}: {scheme_of(address)}:// cannot be used ({type(error).__name__}); check your keys."
        ) from None
    return filesystem, str(path)


def require_driver(name: str, scheme: str) -> None:
    """See to it that addresses of a scheme can be read here, before anything is started.

    Raises:
        UsageError: the package that does it is not installed, or there is none.
    """
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise UsageError(f"{name}: {missing_driver(f'{scheme}://', error)}") from None
    except ValueError:
        raise UsageError(f"{name}: nothing here reads {scheme}:// addresses.") from None


def missing_driver(address: str, error: ImportError) -> str:
    """Say which package is needed."""
    from fsspec.registry import known_implementations

    scheme = scheme_of(address) or ""
    hint = known_implementations.get(scheme, {}).get("err") or str(error)
    return f"{scheme}:// addresses need a package that is not installed. {hint.rstrip('.')}."


def reading_errors() -> tuple[type[Exception], ...]:
    """Give what reading tables may raise: of Arrow, of the hub's client, and of broken files."""
    import sys
    import tarfile
    import zlib

    import pyarrow as pa

    known: list[type[Exception]] = [OSError, ValueError, TypeError, EOFError, pa.ArrowException]
    known += [tarfile.TarError, zlib.error]
    # Only what was imported can have raised; the hub's client changed from one of these to the other.
    known += [sys.modules[name].HTTPError for name in ("httpx", "httpx2") if name in sys.modules]
    if "datasets" in sys.modules:
        known.append(sys.modules["datasets"].exceptions.DatasetsError)
    return tuple(known)
