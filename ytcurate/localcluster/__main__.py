"""`python -m ytcurate.localcluster [serve|start|status|stop|commands]`; without a word it serves."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from ytcurate.localcluster import lifecycle
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.page import page
from ytcurate.localcluster.server import serve, tell
from ytcurate.localcluster.settings import (
    POOL_TREES,
    ROW_WEIGHT_CAPS,
    Settings,
    default_data_dir,
    default_user,
    parse_pool_tree,
)

WORDS = ("serve", "start", "status", "stop", "commands")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m ytcurate.localcluster",
        description="A YTsaurus-compatible cluster on this machine.",
    )
    made.add_argument(
        "action", nargs="?", choices=WORDS, default="serve",
        help="serve: in the foreground (the default); start: in the background; commands: print what it has",
    )  # fmt: skip
    made.add_argument("--data-dir", type=Path, default=None, help="where its state lives")
    made.add_argument("--port", type=int, default=None, help="0 takes any free port")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (loopback by default)")
    made.add_argument(
        "--profile", choices=sorted(ROW_WEIGHT_CAPS), default="tracto",
        help="which cluster's cap on row weight: tracto 1 GiB, ytsaurus 128 MiB",
    )  # fmt: skip
    made.add_argument(
        "--pool-trees",
        default=",".join(POOL_TREES),
        help="comma-separated names; the first is the default tree; they share the whole machine",
    )
    made.add_argument(
        "--pool-tree", action="append", default=[], metavar="NAME={cpu=8;memory=...;gpu=2;user_slots=8}",
        help="a tree with resources of its own, which a job has to fit into; may be given several times",
    )  # fmt: skip
    made.add_argument("--slots", type=int, default=None, help="jobs without a GPU at once (default: cores)")
    made.add_argument("--user", default=None, help="the one user of the cluster (default: yours)")
    made.add_argument("--foreground", action="store_true", help="with start: stay in the foreground")
    made.add_argument(
        "--token-file",
        type=Path,
        default=None,
        metavar="FILE",
        help="ask every request for the token in FILE",
    )
    return made


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    if options.action == "commands":
        print(page(), end="")
        return 0
    data_dir = (options.data_dir or default_data_dir()).expanduser().absolute()
    try:
        if options.action == "status":
            return show_status(data_dir)
        if options.action == "stop":
            stopped = lifecycle.stop(data_dir)
            tell("stopped" if stopped else f"no local cluster is running on {data_dir}")
            return 0
        if options.action == "start" and (not options.foreground or lifecycle.is_running(data_dir)):
            return start(data_dir, options)
    except lifecycle.LifecycleError as error:
        tell(str(error))
        return 1
    try:
        own_trees = dict(parse_pool_tree(text) for text in options.pool_tree)
    except YtError as error:
        tell(f"--pool-tree: {': '.join([error.message, *(each.message for each in error.inner)])}")
        return 2
    names = [name for name in options.pool_trees.split(",") if name]
    if not names and not own_trees:
        tell("--pool-trees: a cluster needs one at least")
        return 2
    return serve(
        Settings(
            data_dir=data_dir,
            host=options.host,
            port=options.port,
            profile=options.profile,
            pool_trees=tuple(dict.fromkeys([*names, *own_trees])),
            tree_resources=own_trees,
            slots=options.slots or os.cpu_count() or 1,
            user=options.user or default_user(),
            token_file=_token_file(options),
        )
    )


def _token_file(options: argparse.Namespace) -> Path | None:
    return options.token_file.expanduser().absolute() if options.token_file else None


def start(data_dir: Path, options: argparse.Namespace) -> int:
    arguments = ["--host", options.host, "--profile", options.profile, "--pool-trees", options.pool_trees]
    for text in options.pool_tree:
        arguments += ["--pool-tree", text]
    for name in ("port", "slots", "user"):
        if getattr(options, name) is not None:
            arguments += [f"--{name}", str(getattr(options, name))]
    up, new = lifecycle.start(data_dir, arguments, _token_file(options))
    print(f"proxy {up.proxy}", flush=True)
    if up.profile != options.profile:
        tell(f"it runs with profile {up.profile}, not {options.profile}; stop it first to change that")
    tell(f"{'started' if new else 'already running'}: pid {up.pid}, data in {data_dir}")
    return 0


def show_status(data_dir: Path) -> int:
    found = lifecycle.status(data_dir)
    if found is None:
        tell(f"No local cluster is running on {data_dir}.")
        return 1
    # `status | head -1` is not an error. Only here: a server must not end when a client hangs up.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    print(f"proxy {found.proxy}")
    print(f"data dir {found.data_dir}")
    print(f"pid {found.pid}")
    print(f"uptime {found.uptime_s:.0f} s")
    print(f"profile {found.profile}")
    print(f"pool trees {', '.join(found.pool_trees)}")
    print(f"running operations {', '.join(found.running_operations) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
