"""The page of commands, `docs/local-cluster-commands.md`, made from what the server itself goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ytcurate.localcluster import formats, rows
from ytcurate.localcluster.commands import load_all
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.option_reads import Reads, scheduler_reads
from ytcurate.localcluster.parameters import COMMON, COMMON_WITHOUT_EFFECT
from ytcurate.localcluster.registry import COMMANDS, Command
from ytcurate.localcluster.scheduler import known_options, spec

HEAD = """\
# Commands of the local cluster

Made by `python -m ytcurate.localcluster commands > docs/local-cluster-commands.md`; a test compares. What the
local cluster is: [local-cluster.md](local-cluster.md).

A command that is not listed answers HTTP 404 and an error with its name. A parameter that is not listed is
refused by name, unless it asks for nothing (`%false`, `#`, empty).
"""
FORMAT_NAMES = (
    "yson", "json", "dsv", "schemaful_dsv", "yamr", "yamred_dsv", "skiff", "protobuf", "arrow", "web_json",
)  # fmt: skip
"""Formats a real cluster has; each is tried here."""
SCOPES = {"ROOT": "operation", "USER_JOB": "user job (`mapper`, a task, ...)", "JOB_IO": "`job_io`"}
"""Headings for sets of `known_options`; one that is not here is shown under its own name."""


def page() -> str:
    """The whole page as Markdown."""
    load_all()
    commands = sorted(COMMANDS.values(), key=lambda command: command.name)
    return "\n".join((HEAD, *_commands(commands), *_formats(), *_operations())).rstrip() + "\n"


def _names(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names) or "-"


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> list[str]:
    found = [f"| {' | '.join(line)} |" for line in lines]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *found, ""]


def _commands(commands: list[Command]) -> list[str]:
    common = "Every command takes " + _names(COMMON) + "; a command on the tree acts in its transaction."
    silent = [("every command", f"`{name}`", why) for name, why in COMMON_WITHOUT_EFFECT.items()]
    refused = []
    for command in commands:
        takes = command.parameters
        shown = f"`{command.name}`"
        silent += [(shown, f"`{name}`", why) for name, why in takes.without_effect.items()]
        refused += [(shown, f"`{name}` other than {_names(values)}") for name, values in takes.only.items()]
        refused += [
            (shown, _names(f"{name}/{key}" for key in keys)) for name, keys in takes.refused_inside.items()
        ]
    return [
        "## Commands",
        "",
        common,
        "",
        *_table(
            ("command", "method", "body", "answer", "parameters"),
            (
                (
                    f"`{each.name}`",
                    each.method,
                    each.input_type,
                    each.output_type,
                    _names((*each.parameters.honoured, *each.parameters.only)),
                )
                for each in commands
            ),
        ),
        "Accepted without effect:",
        "",
        *_table(("command", "parameter", "because"), silent),
        "Refused by name:",
        "",
        *_table(("command", "parameter"), refused),
    ]


USES: dict[str, Callable[[Format], object]] = {
    "rows of tables and jobs": rows.require_supported,
    "parameters and bodies": lambda format: formats.load(b"{}", format),
    "answers": lambda format: formats.dump({}, format),
}
"""What a format is used for, and what the server does with it then."""


def _formats() -> list[str]:
    lines = []
    for use, attempt in USES.items():
        taken, refused = [], []
        for name in FORMAT_NAMES:
            try:
                attempt(Format(name))
            except YtError:
                refused.append(name)
            else:
                taken.append(name)
        lines.append((use, _names(taken), _names(refused)))
    only = [
        (f"`{name}`", _names(f"{attribute}={_yson(value)}" for attribute, value in module.ONLY.items()))
        for name, module in rows.FORMATS.items()
    ]
    return [
        "## Formats",
        "",
        *_table(("for", "taken", "refused by name"), lines),
        "Attributes of these formats that may have but one value; any other is refused by name:",
        "",
        *_table(("format", "attributes"), only),
    ]


def _yson(value: object) -> str:
    """A value of an attribute as YSON."""
    text = {True: "%true", False: "%false", None: "#"}
    return text[value] if value is None or isinstance(value, bool) else str(value)


def _operations() -> list[str]:
    reads = scheduler_reads()
    return [
        "## Operations",
        "",
        f"Types: {_names(spec.TYPES)}. Any other is refused by name.",
        "",
        "### Spec options",
        "",
        "An option in no list below is kept and reported in `unrecognized_spec`, as on a real cluster.",
        "",
        f"Refused by name: {_names(sorted(reads.refused))}",
        "",
        *[
            line
            for name, known in _scopes()
            for line in _options(SCOPES.get(name, _title(name)), known, reads)
        ],
    ]


def _scopes() -> list[tuple[str, frozenset[str]]]:
    found = [(name, value) for name, value in vars(known_options).items() if isinstance(value, frozenset)]
    # Names of `job_io` that are known at the top, too, are read from `job_io` alone.
    inner = known_options.JOB_IO
    return [(name, value - inner if name == "ROOT" else value) for name, value in found]


def _title(name: str) -> str:
    return f"`{name.lower()}`"


def _options(title: str, known: frozenset[str], reads: Reads) -> list[str]:
    alerted = known & reads.alerted
    honoured = (known & reads.honoured) - alerted
    silent = known - honoured - alerted - reads.refused
    lines = [
        ("honoured", _names(sorted(honoured))),
        ("accepted without effect, named in the operation's alerts", _names(sorted(alerted))),
        ("accepted without effect", _names(sorted(silent))),
    ]
    return [f"#### Of the {title}", "", *_table(("", "options"), lines)]
