"""Which cluster: the one switch of the toolkit.

The proxy is the flag or argument, else ``YT_PROXY`` or the YT client's own configuration, else the local
cluster of this machine, and then one line on standard error says so. Nothing else knows where it runs.
"""

from __future__ import annotations

import copy
import getpass
import logging
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ytcurate.errors import ClusterUnreachable

_PROBE_TIMEOUT_MS = 10_000


def connect(proxy: str | None = None) -> Any:
    """Return a client of the cluster, after seeing that it answers.

    Args:
        proxy: the cluster's HTTP address. None: as the module's docstring says.

    Returns:
        A ``yt.wrapper.YtClient``.

    Raises:
        ClusterUnreachable: it does not answer like a YT proxy, or the local cluster does not start.
    """
    import yt.wrapper as yt
    from yt.wrapper import default_config

    config = default_config.get_config_from_env()
    if proxy:
        config["proxy"]["url"] = proxy
    if not config["proxy"]["url"]:
        config["proxy"]["url"] = start_local_cluster()
        print(f"no proxy is set: using the local cluster at {config['proxy']['url']}", file=sys.stderr)
    _require_answer(config)
    return yt.YtClient(config=config)


def client_for(client: Any, proxy: str | None) -> Any:
    """Return the client a step works with: the caller's, or a new one connected to ``proxy``.

    Args:
        client: a ``YtClient``, or the module ``yt.wrapper`` itself, whose settings are then taken over (its
            current transaction is not); None for a new client.
        proxy: as ``connect`` takes it; used only without a client.
    """
    if client is None:
        return connect(proxy)
    if not isinstance(client, ModuleType):
        return client
    import yt.wrapper as yt
    from yt.wrapper.config import get_config

    return yt.YtClient(config=copy.deepcopy(dict(get_config(None))))


@contextmanager
def setting(client: Any, section: str, name: str, value: Any) -> Iterator[None]:
    """Change one setting of a client for a while; it may be the user's own client."""
    options = client.config[section]
    before = options[name]
    options[name] = value
    try:
        yield
    finally:
        options[name] = before


def start_local_cluster() -> str:
    """Start the local cluster of this machine unless it runs, and return its proxy URL.

    It is a process of its own, reached by its URL like any other cluster.

    Raises:
        ClusterUnreachable: it does not start; its reason is in the message.
    """
    command = [sys.executable, "-m", "ytcurate.localcluster", "start"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    first = done.stdout.partition("\n")[0]
    if done.returncode or not first.startswith("proxy "):
        reason = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[
            -1
        ]
        raise ClusterUnreachable(f"the local cluster does not start: {reason}", proxy="local")
    return first.removeprefix("proxy ").strip()


def _require_answer(config: Any) -> None:
    """Ask the cluster one small question, without the client's two minutes of retries.

    The client itself asks, so that certificates, tokens and address rules are its own.
    """
    import yt.wrapper as yt
    from yt.packages import requests
    from yt.wrapper.http_helpers import get_proxy_address_url

    probe = copy.deepcopy(config)
    for name in ("request_timeout", "connect_timeout"):
        probe["proxy"][name] = _PROBE_TIMEOUT_MS
    probe["proxy"]["retries"]["enable"] = False
    client = yt.YtClient(config=probe)
    url = get_proxy_address_url(client=client)
    hint = "`ytcurate cluster start` starts a local one."
    log = logging.getLogger("Yt")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it would print the whole page of a wrong server
    try:
        client.exists("/")
    except yt.YtResponseError:
        return  # a cluster's own refusal: whatever it is, the step will meet it with more to say
    except requests.Timeout as error:
        seconds = _PROBE_TIMEOUT_MS // 1000
        message = f"cannot reach proxy {url}: no answer within {seconds} s. {hint}"
        raise ClusterUnreachable(message, proxy=url) from error
    except requests.ConnectionError as error:
        raise ClusterUnreachable(f"cannot reach proxy {url}: {_cause(error)}. {hint}", proxy=url) from error
    except (requests.RequestException, yt.YtError) as error:
        first = str(error).partition("\n")[0]
        message = f"{url} answers, but not like a YT proxy ({first}). Check the address. {hint}"
        raise ClusterUnreachable(message, proxy=url) from error
    finally:
        log.setLevel(level)


def _cause(error: Exception) -> str:
    text = str(error)
    known = {"refused": "connection refused", "resolve": "no such host", "Name or service": "no such host"}
    return next((words for sign, words in known.items() if sign in text), text)


@dataclass(frozen=True)
class Account:
    """Who you are on the cluster and what you may use."""

    user: str
    home_path: str
    """Where to keep things: the account's home, or ``//tmp`` on a cluster that names none."""
    pool_trees: tuple[str, ...]
    """Trees the account may use; empty if the cluster does not say."""

    def new_workdir(self, client: Any) -> str:
        """Make a directory of its own for a run, and return its path."""
        path = f"{self.home_path}/tmp/ytcurate/{uuid.uuid4().hex}"
        client.create("map_node", path, recursive=True)
        return path


def account(client: Any) -> Account:
    """Read the account from ``//sys/users/<user>/@user_info``, as Tracto and the local cluster keep it.

    A plain YTsaurus cluster has no such attribute: then ``//tmp`` and the trees that can be listed.
    """
    import yt.wrapper as yt

    user = client.get_user_name() or getpass.getuser()
    base = f"//sys/users/{user}/@user_info"
    if client.exists(base):
        info = client.get(base)
        trees = tuple(str(tree) for tree in info.get("available_pool_trees", ()))
        return Account(user, str(info.get("home_path", f"//home/{user}")), trees)
    try:
        trees = tuple(str(tree) for tree in client.list("//sys/pool_trees"))
    except yt.YtResponseError:
        trees = ()
    return Account(user, "//tmp", trees)
