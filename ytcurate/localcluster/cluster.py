"""The parts of one local cluster, put together, and its housekeeping."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import threading
import time
from pathlib import Path
from typing import IO, Any

import yt.yson as yson

from ytcurate.localcluster import memory
from ytcurate.localcluster.answers import Answers
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import pool_nodes, ypath
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.expiration import remove_expired
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.model.locks import Locks
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.store import Store
from ytcurate.localcluster.model.transactions import Transactions
from ytcurate.localcluster.scheduler.revival import revive_all
from ytcurate.localcluster.scheduler.scheduler import Scheduler
from ytcurate.localcluster.settings import Settings

log = logging.getLogger(__name__)

LOCK_FILE = "lock"
LOCK_PATIENCE_S = 2.0
HOUSEKEEPING_S = 1.0
COLLECT_EVERY_S = 20.0
TRIM_EVERY_S = 10.0


def _hold(data_dir: Path) -> IO[str]:
    """Lock the data directory for this process and leave its id there for `stop`.

    Raises:
        YtError: another process has it.
    """
    file = (data_dir / LOCK_FILE).open("a+")
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Somebody asking for the status holds it for an instant.
            if time.monotonic() > deadline:
                raise YtError(f"{data_dir} is in use by another local cluster") from None
            time.sleep(0.05)
        else:
            break
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


class Cluster:
    """Owns the data directory; one process at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock_file = _hold(settings.data_dir)
        self.started = time.time()
        self.state = State(Store(settings.data_dir / "state.sqlite"))
        self.answers = Answers(self.state)
        self.files = ChunkFiles(settings.data_dir / "chunks")
        self.state.store.make_room = self.files.discard_abandoned
        self.locks = Locks(self.state)
        self.cypress = Cypress(self.state, self.locks)
        self.transactions = Transactions(self.state, self.cypress)
        self.scheduler = Scheduler(self)
        with self.state.session():
            self._abort_uploads()
            self._plant()
        gone = self.files.collect(set(self.state.chunks))
        if gone:
            log.info("removed %d chunk files nothing refers to", gone)
        self.refresh_pools()
        self.transactions.on_abort = self.scheduler.transaction_aborted
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="housekeeping", daemon=True)

    def start(self) -> None:
        revive_all(self.scheduler)
        self._keeper.start()

    def close(self) -> None:
        self._stop.set()
        self.scheduler.close()
        with self.state.session():
            self.state.store.close()

    def status(self) -> dict[str, Any]:
        """What `status` of the command line prints."""
        return {
            "pid": os.getpid(),
            "data_dir": str(self.settings.data_dir),
            "uptime_s": time.time() - self.started,
            "profile": self.settings.profile,
            "pool_trees": list(self.settings.pool_trees),
            "running_operations": self.scheduler.running(),
        }

    def _abort_uploads(self) -> None:
        """Uploads end with the process that ran them; transactions of clients and operations live on."""
        kept = {
            each
            for record in self.scheduler.unfinished()
            for each in (*record.transactions, record.debug_transaction)
        }
        for transaction in list(self.state.transactions.values()):
            if transaction.timeout_ms or transaction.id in kept:
                continue
            if transaction.id in self.state.transactions:
                self.transactions.abort(transaction.id)

    def _plant(self) -> None:
        """Make the nodes every YT cluster has."""
        user, trees = self.settings.user, self.settings.pool_trees
        if "root" not in self.state.nodes:
            at = now()
            root = Node("root", "map_node", "", "", "", at, at, at, 1, 1, "root")
            self.state.nodes["root"] = root
            self.state.put("nodes", "root", root)
        for key in ("tmp", "home", "sys"):
            self._ensure(f"//{key}")
        for name in dict.fromkeys((user, "root")):
            self._ensure(f"//home/{name}")
            node = self._ensure(f"//sys/users/{name}", "user")
            self.cypress.set_attr(node, "user_info", {"home_path": f"//home/{name}"}, "")
        self.cypress.set_attr(self._ensure("//sys/pool_trees"), "default_tree", trees[0], "")
        pool_nodes.plant(self.cypress, trees, "root")
        disk = shutil.disk_usage(self.settings.data_dir).total
        limits = {"disk_space_per_medium": {"default": disk}, "node_count": 10**6, "chunk_count": 10**6}
        for name in ("tmp", "default"):
            self.cypress.set_attr(
                self._ensure(f"//sys/accounts/{name}", "account"), "resource_limits", limits, ""
            )
        self._ensure("//sys/groups/users", "group")
        for path in ("operations", "scheduler/orchid", "transactions", "topmost_transactions", "locks"):
            self._ensure(f"//sys/{path}")
        self._ensure("//sys/controller_agents/config", "document")
        self.cypress.set_attr(self._ensure("//sys"), "cluster_name", "local", "")
        patch = self._ensure("//sys/client_config/default", "document")
        self.cypress.set_attr(
            patch,
            "value",
            {
                "enable_proxy_discovery": False,
                "operation_link_template": "{operation_id}",
                # Jobs run under this very interpreter, so its installed packages need not travel.
                "python_pickling_ignore_system_modules": True,
                "python_pickling_dynamic_libraries_enable_auto_collection": False,
            },
            "",
        )

    def refresh_pools(self) -> None:
        """Let the scheduler know trees and pools as Cypress has them."""
        with self.state.session():
            self.scheduler.slots.configure(*pool_nodes.read(self.cypress))

    def _ensure(self, path: str, kind: str = "map_node") -> Node:
        rich = ypath.parse(path)
        if self.cypress.exists(rich, ""):
            return self.cypress.node(rich, "")
        parent = self.cypress.ensure_parents(rich, "", "root")
        attrs = {"\0value": yson.YsonEntity()} if kind == "document" else {}
        return self.cypress.create(parent, rich.steps[-1].key, kind, "", attrs, "root")

    def _keep(self) -> None:
        collected, trimmed = 0.0, time.monotonic()
        while not self._stop.wait(HOUSEKEEPING_S):
            try:
                with self.state.session():
                    for transaction_id in self.transactions.expire():
                        log.info("transaction %s was not pinged in time and is aborted", transaction_id)
                    remove_expired(self.cypress)
                if self.state.garbage and time.monotonic() - collected > COLLECT_EVERY_S:
                    collected = time.monotonic()
                    self.collect()
                if time.monotonic() - trimmed > TRIM_EVERY_S:
                    trimmed = time.monotonic()
                    memory.give_back()
            except Exception:
                # Whatever it is: if this thread ended, no transaction would ever expire again.
                log.exception("housekeeping failed")

    def collect(self) -> None:
        """Delete chunks nothing refers to: the record first, then the file."""
        with self.state.session():
            self.state.garbage = False
            gone = self.state.unreferenced_chunks()
            for chunk_id in gone:
                del self.state.chunks[chunk_id]
                self.state.delete("chunks", chunk_id)
        for chunk_id in gone:
            self.files.discard(chunk_id)
