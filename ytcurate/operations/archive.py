"""What is sent to jobs along with the mapper: code, and little of it.

Left to itself the YT client packs every module that this process has imported: the standard library, and
torch after a look at a tensor. That is slow, and worse than slow: what is sent comes first on a job's path,
so half a package from here hides the whole one of the image. Sent are

- ytcurate, whole, but for what never runs in a job: parts that a job imports late are there, too;
- the YT client and what it cannot be imported without, whole: an image may lack them;
- your own modules of plain Python that lie outside any ``site-packages``.

All else is the image's: Python itself, and everything installed. A ``pickling/module_filter`` of your own in
the client's configuration takes the place of the last two rules. Where the cluster says that its jobs have
installed packages (``pickling/ignore_system_modules``, as on a local cluster) the client is not sent either.
"""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ytcurate.config import MIB
from ytcurate.connection import setting
from ytcurate.errors import UsageError

MAX_ARCHIVE_BYTES = 20 * MIB
"""Compressed. More is a mistake: something heavy was caught. Every job unpacks it before it starts."""
_NEVER_IN_JOBS = frozenset({"cli", "demo", "localcluster", "__pycache__"})
_CLIENT = {
    "yt": (".py", ".pem"),
    # Compiled, for this machine's Linux: jobs on another one throw it away and need the image's.
    "yt_yson_bindings": (".py", ".so"),
    "decorator": (".py",),
    "simplejson": (".py",),
    "charset_normalizer": (".py",),
    "tqdm": (".py",),
    "distro": (".py",),
}
"""The YT client and what ``import yt.wrapper`` fails without, with the kinds of files that are sent."""
_PYTHON = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
_COMPRESSION = 3
"""Times that gzip shrinks such an archive; 3.0 to 3.1 measured, with and without installed packages."""

Files = list[tuple[str, str]]
"""Where each lies, and its path in the archive: as the client takes them."""


@dataclass(frozen=True)
class ArchiveSize:
    """How large the archive is that jobs get."""

    packages: Mapping[str, int]
    """Bytes of files by package, not compressed."""

    @property
    def raw_bytes(self) -> int:
        """Bytes of all files, as they lie in a job."""
        return sum(self.packages.values())

    @property
    def sent_bytes(self) -> int:
        """Bytes that are sent, estimated; a cluster that has the same archive already gets nothing."""
        return self.raw_bytes // _COMPRESSION

    def require_at_most(self, limit: int) -> None:
        """Refuse a larger archive.

        Raises:
            UsageError: it is larger; the message names what makes it so.
        """
        if self.sent_bytes <= limit:
            return
        largest = sorted(self.packages.items(), key=lambda item: -item[1])[:4]
        listed = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in largest)
        raise UsageError(
            f"the code to send to jobs is {self.sent_bytes / 1e6:.0f} MB compressed, the limit is "
            f"{limit / 1e6:.0f} MB. The largest packages are {listed}. Leave them to the image (the client's "
            "pickling/module_filter), or send them all the same with --ship-anyway (max_archive_bytes=None)."
        )

    def __str__(self) -> str:
        return f"{self.sent_bytes / 1e6:.0f} MB ({self.raw_bytes / 1e6:.0f} MB unpacked)"


@contextmanager
def shipping(client: Any, mapper: object = None) -> Iterator[None]:
    """Make a client send to jobs what this module says, for the operations started inside.

    Args:
        client: of the cluster; its settings are put back afterwards.
        mapper: what will run. One of ytcurate's own does not need the program that started it: without
            this the client would have every job import that program and all it imports.
    """
    pickling = client.config["pickling"]
    wanted: dict[str, Any] = {
        # Unpacked into the sandbox: a tmpfs for it would be added to the memory that was asked for.
        "enable_tmpfs_archive": False,
        "additional_files_to_archive": [
            *(pickling["additional_files_to_archive"] or ()),
            *_files(pickling),
        ],
    }
    if pickling["module_filter"] is None:
        wanted["module_filter"] = is_users_own
        # The compiled YSON needs nothing but libc, and this machine's would be put before the image's.
        wanted["dynamic_libraries"] = {**pickling["dynamic_libraries"], "enable_auto_collection": False}
    with ExitStack() as changes:
        for name, value in wanted.items():
            changes.enter_context(setting(client, "pickling", name, value))
        if type(mapper).__module__.partition(".")[0] == "ytcurate":
            changes.enter_context(_without_main_file())
        yield


def measure_archive(client: Any = None) -> ArchiveSize:
    """Measure what would be sent now, from the sizes of the files; nothing is packed.

    Args:
        client: whose settings hold. None: as for a cluster that nothing is known of.
    """
    pickling: Mapping[str, Any] = client.config["pickling"] if client is not None else {}
    files = {place: inside.partition("/")[0] for place, inside in _files(pickling)}
    keep = pickling.get("module_filter") or is_users_own
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)
        if place and keep(module) and Path(place).is_file():
            files.setdefault(place, name.partition(".")[0])
    sizes: Counter[str] = Counter()
    for place, package in files.items():
        sizes[package] += Path(place).stat().st_size
    return ArchiveSize(dict(sizes))


def is_users_own(module: ModuleType) -> bool:
    """Say whether a module of this process is the user's own plain Python."""
    top = (getattr(module, "__name__", None) or "").partition(".")[0]
    # The program itself the client sends in its own way, where a job needs it.
    if top in ("", "__main__", "__mp_main__", "ytcurate", *_CLIENT):
        return False
    file = getattr(module, "__file__", None)
    places = [file] if file else _folders(module)
    return bool(places) and all(map(_is_outside_python, places))


def _files(pickling: Mapping[str, Any]) -> Files:
    """List what is sent whole, whatever was imported here."""
    # Not kept between calls: whoever edits ytcurate beside a running notebook wants the edit in the jobs.
    files = _package_files("ytcurate", None)
    # A filter decides on the client's packages, too. The other setting may come from the cluster when read.
    is_left_to_others = pickling.get("module_filter") is not None or pickling.get("ignore_system_modules")
    return files if is_left_to_others else files + _client_files()


@cache
def _client_files() -> Files:
    return [file for package, kinds in _CLIENT.items() for file in _package_files(package, kinds)]


def _package_files(package: str, kinds: tuple[str, ...] | None) -> Files:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    if not spec.submodule_search_locations:
        return [(str(origin), origin.name)]
    files = []
    for path in sorted(origin.parent.rglob("*")):
        inside = path.relative_to(origin.parent)
        of_kind = kinds is None or path.suffix in kinds
        skipped = _NEVER_IN_JOBS if kinds is None else {"__pycache__", "tests"}
        if of_kind and not skipped.intersection(inside.parts) and path.is_file():
            files.append((str(path), (Path(package) / inside).as_posix()))
    return files


def _folders(module: ModuleType) -> list[str]:
    """Folders of a package without an ``__init__.py``."""
    try:
        return list(getattr(module, "__path__", ()))
    except TypeError:  # objects in sys.modules that only look like modules
        return []


def _is_outside_python(place: str) -> bool:
    if not Path(place).is_absolute():
        return False  # torch names modules after files that are nowhere
    path = Path(place).resolve()
    if {"site-packages", "dist-packages"}.intersection(path.parts) or path.suffix not in ("", ".py"):
        return False
    return not any(path.is_relative_to(folder) for folder in _PYTHON)


@contextmanager
def _without_main_file() -> Iterator[None]:
    """Keep the client from having jobs run the program that this process was started with."""
    main = vars(sys.modules["__main__"])
    file = main.pop("__file__", None)
    try:
        yield
    finally:
        if file is not None:
            main["__file__"] = file
