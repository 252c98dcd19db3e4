"""Which pool trees are meant: wishes such as ``h100`` against the trees that an account has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ytcurate.errors import UsageError

_KIND = re.compile(r"(?:^|-)(cpu|h100|h200|a100)(-8)?$")


def resolve_pool_trees(wishes: Iterable[str], available: Iterable[str]) -> list[str]:
    """Name the trees that are meant.

    A wish is the full name of a tree, or the kind of machine: ``cpu``, ``h100``, ``h200``, ``a100``, and
    the same with ``-8`` for hosts that are given out as eight devices. ``-`` and ``_`` are the same, as is
    case: platforms spell the same tree both ways. ``h100`` never means ``h100-8``.

    Returns:
        Names as the cluster spells them, without repetition. Never empty: a cluster refuses an empty list.

    Raises:
        UsageError: a wish fits no tree; the message lists those that exist.
    """
    there = list(available)
    found: list[str] = []
    for wish in wishes:
        exact = [tree for tree in there if tree == wish]
        matches = exact or [tree for tree in there if _same(wish, tree)]
        if not matches:
            names = ", ".join(sorted(there)) or "none"
            raise UsageError(
                f"pool tree {wish}: this account has no such pool tree; it has {names}. "
                "Choose one of them with --pool-tree."
            )
        found += [tree for tree in matches if tree not in found]
    if not found:
        raise UsageError("no pool tree was asked for; a cluster refuses an empty list of trees.")
    return found


def _same(wish: str, tree: str) -> bool:
    normal_wish, normal_tree = (name.lower().replace("_", "-") for name in (wish, tree))
    if normal_wish == normal_tree:
        return True
    wished, named = _KIND.search(normal_wish), _KIND.search(normal_tree)
    return (
        wished is not None
        and wished.group(0) == normal_wish
        and named is not None
        and (wished.groups() == named.groups())
    )
