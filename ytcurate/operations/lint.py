"""What is wrong with a spec, found before anything is submitted.

A cluster keeps an option it does not know and says nothing: a misspelt limit is no limit. Names are therefore
checked here against known_options.py, and rules between options in spec_rules.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ytcurate.errors import UsageError
from ytcurate.operations.known_options import BOUNDS, MILLISECONDS, OPTIONS
from ytcurate.operations.spec_rules import rules

UNCHECKED = "unchecked_options"
"""Where a spec's own part lists options that are newer than our tables."""
_SHORTEST_SECRET = 6
"""Shorter values would be found everywhere, as ``1`` is in every number."""


def lint_spec(
    spec: Mapping[str, Any], *, unchecked: Collection[str] = (), secrets: Collection[str] = ()
) -> list[str]:
    """Check the spec of a map operation, as it is given to the YT client.

    Args:
        spec: the whole of it.
        unchecked: paths (``mapper.new_option``) of options that the cluster knows and this table does not.
        secrets: values that must not be in it; those of ``secure_vault`` need not be given.

    Returns:
        Sentences about what is allowed and probably not meant.

    Raises:
        UsageError: an option's name is unknown, or the cluster would refuse the spec.
    """
    _check_names(spec, unchecked)
    _check_numbers(spec)
    _check_secrets(spec, secrets)
    return list(rules(spec))


def _check_names(spec: Mapping[str, Any], unchecked: Collection[str]) -> None:
    for scope, known in OPTIONS.items():
        for path, part in _parts(spec, scope.split(".") if scope else []):
            if not isinstance(part, Mapping):
                raise UsageError(f"spec: {path} must be a map of options, it is {part!r}.")
            for name in map(str, part):
                full = f"{path}.{name}" if path else name
                if name not in known and full not in unchecked:
                    raise UsageError(_unknown(full, name, known))


def _unknown(full: str, name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    elsewhere = sorted(scope for scope, names in OPTIONS.items() if name in names)
    if elsewhere:
        place = f"it belongs under {elsewhere[0]}" if elsewhere[0] else "it belongs at the top of the spec"
        hint = f"{place}."
    elif near:
        hint = f"did you mean {near[0]}?"
    else:
        hint = "no known name is like it."
    return (
        f"spec: {full} is not an option that a cluster knows, and it would be ignored in silence; {hint} "
        f"Correct it, or list it under {UNCHECKED} if your cluster is newer than this table."
    )


def _parts(spec: Any, scope: Sequence[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Find the parts of a spec that a scope stands for, with their paths."""
    if not scope:
        yield path, spec
        return
    first, rest = scope[0], scope[1:]
    names: Collection[Any]
    if first != "*":
        names = [first] if isinstance(spec, Mapping) and spec.get(first) is not None else []
    elif isinstance(spec, Mapping):
        names = list(spec)
    else:
        names = range(len(spec)) if isinstance(spec, (list, tuple)) else []
    for name in names:
        yield from _parts(spec[name], rest, f"{path}.{name}" if path else str(name))


def _check_numbers(spec: Mapping[str, Any]) -> None:
    for path in MILLISECONDS:
        value = _number_at(spec, path)
        if value is not None and value < 1000:
            raise UsageError(
                f"spec: {path} is in milliseconds, {value} is less than a second: "
                f"for {value} seconds write {value * 1000:g}."
            )
    for path, (least, most) in BOUNDS.items():
        value = _number_at(spec, path)
        if value is not None and not least <= value <= most:
            limits = f"from {least:g} to {most:g}" if most != float("inf") else f"{least:g} or more"
            raise UsageError(f"spec: {path} may be {limits}, it is {value}.")


def _number_at(spec: Mapping[str, Any], path: str) -> float | None:
    value: Any = spec
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None or isinstance(value, (int, float)):
        return value
    raise UsageError(f"spec: {path} must be a number, it is {value!r}.")


def _check_secrets(spec: Mapping[str, Any], given: Collection[str]) -> None:
    secrets = [*given, *_secrets_of(spec.get("secure_vault") or {})]
    open_part = {name: value for name, value in spec.items() if name != "secure_vault"}
    for path, text in _texts(open_part):
        if any(len(secret) >= _SHORTEST_SECRET and secret in text for secret in secrets):
            raise UsageError(
                f"spec: {path} holds a secret, and everybody can read a spec. Leave it in secure_vault only: "
                "jobs find it in the environment as YT_SECURE_VAULT_<name>."
            )


def _secrets_of(vault: Mapping[str, Any]) -> list[str]:
    """Values of a vault; the user name of a registry is none."""
    return [text for path, text in _texts(vault) if path.rpartition(".")[2] != "username"]


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}.{index}")
    elif isinstance(value, str):
        yield path, value
