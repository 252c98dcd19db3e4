"""Flags made of the settings of a run: each field of a section is one, ``--section-field``."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from ytcurate.curating.pipeline_file import settings_fields
from ytcurate.errors import UsageError

SHORT = {"label_model": "--model", "label_weights": "--weights", "export_parquet_path": "--parquet"}
"""Flags that are used so often that they have a name of their own, too."""
NOTHING = "none"
"""What is written for a setting that has no value."""


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command a flag for every setting; they come as keywords ``section_field``, None if not given."""
    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    flags = [_flag(*each) for each in settings_fields()]

    def called(**values: Any) -> Any:
        return command(**values)

    called.__doc__ = command.__doc__
    called.__name__ = command.__name__
    called.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in [*own, *flags]}
    return called


def read_flags(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Turn flags back into values by section and field; those that were not given are left out.

    Raises:
        UsageError: a flag of several values is not written as such.
    """
    changes: dict[str, dict[str, Any]] = {}
    for section, field, hint, _ in settings_fields():
        value = values.get(f"{section}_{field.name}")
        if value is None or value == []:
            continue
        if _is_mapping(hint):
            value = dict(_read_choice(f"--{section}-{field.name}", each) for each in value)
        elif value == NOTHING and type(None) in typing.get_args(hint):
            value = None
        changes.setdefault(section, {})[field.name] = value
    return changes


def _flag(section: str, field: dataclasses.Field[Any], hint: Any, text: str) -> inspect.Parameter:
    name = f"{section}_{field.name}"
    names = [f"--{name.replace('_', '-')}"]
    kind: Any = str
    if _is_mapping(hint) or _is_sequence(hint):
        kind = list[str]
    elif hint is bool:
        kind = bool
        names[0] += f"/--no-{name.replace('_', '-')}"
    elif hint in (int, float) or typing.get_origin(hint) is Literal:
        kind = hint
    if name in SHORT:
        names.append(SHORT[name])
    default = _shown(field)
    shown = f"{text} [default: {default}]" if default else text
    option = typer.Option(
        *names, help=shown.replace("[", "\\["), show_default=False, rich_help_panel=section.capitalize()
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _shown(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if value is dataclasses.MISSING or value is None or value == ():
        return ""
    return (
        f"{value:g}"
        if isinstance(value, float)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def _is_mapping(hint: Any) -> bool:
    return typing.get_origin(hint) in (Mapping, dict) or typing.get_origin(hint) is typing.get_origin(
        Mapping[str, str]
    )


def _is_sequence(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.get_origin(Sequence[str]), list, tuple)


def _read_choice(flag: str, text: str) -> tuple[str, list[str]]:
    field, equals, values = text.partition("=")
    if not equals or not field or not values:
        raise UsageError(f"{flag} {text!r}: FIELD=VALUE,VALUE is expected, such as category=sports,news.")
    return field, values.split(",")
