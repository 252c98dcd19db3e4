"""Which spec options the scheduler's code knows what to do with, found in its source.

The page of commands sorts the known options by this, so it cannot promise an option that no code looks at.
An option counts as honoured where its name is a string in the code of the scheduler; keys of dictionaries
do not count (they are written, not read), nor docstrings, nor what `_alerts` looks at.
"""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass, field
from pathlib import Path

from ytcurate.localcluster.scheduler import known_options

SCHEDULER = Path(known_options.__file__).parent
ALERTS = "_alerts"
"""The scheduler's function that names options without effect; what only it reads changes nothing."""
REFUSAL = "option_not_implemented"
"""Called with the name of an option that is refused."""
ANYTHING = "..."
"""Stands for the part of a refused name that only shows when it happens."""


@dataclass
class Reads:
    """Names of options, and other strings of the code beside them."""

    honoured: set[str] = field(default_factory=set)
    alerted: set[str] = field(default_factory=set)
    """Named in an alert of the operation, without effect otherwise."""
    refused: set[str] = field(default_factory=set)
    """As the refusal names them: with slashes when nested."""


class _Reader(ast.NodeVisitor):
    """Collects from one module."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.loops: dict[str, list[str]] = {}
        """Variables of the loops around, and the strings they run over."""
        self.in_alerts = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        before, self.in_alerts = self.in_alerts, self.in_alerts or node.name == ALERTS
        self.generic_visit(node)
        self.in_alerts = before

    def visit_For(self, node: ast.For) -> None:
        before = dict(self.loops)
        if isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Tuple | ast.List):
            self.loops[node.target.id] = _strings(node.iter.elts)
        self.generic_visit(node)
        self.loops = before

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant | None):
                self.visit(key)
            self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == REFUSAL and node.args:
            self.reads.refused.update(self._refused(node.args[0]))
        else:
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            (self.reads.alerted if self.in_alerts else self.reads.honoured).add(node.value)

    def _refused(self, name: ast.expr) -> list[str]:
        """All names that an argument of a refusal may be."""
        parts = name.values if isinstance(name, ast.JoinedStr) else [name]
        choices = [
            self._choices(part.value if isinstance(part, ast.FormattedValue) else part) for part in parts
        ]
        return ["".join(chosen) for chosen in itertools.product(*choices)]

    def _choices(self, part: ast.expr) -> list[str]:
        if isinstance(part, ast.Constant):
            return [str(part.value)]
        return self.loops.get(getattr(part, "id", ""), [ANYTHING])


def _strings(nodes: list[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def scheduler_reads() -> Reads:
    """What the scheduler's modules do with options, each in one of the sets only."""
    reads = Reads(alerted=set(known_options.WITHOUT_EFFECT))
    for path in sorted(SCHEDULER.glob("*.py")):
        if path.name != Path(known_options.__file__).name:
            _Reader(reads).visit(ast.parse(path.read_text()))
    reads.alerted -= reads.refused
    reads.honoured -= reads.alerted | reads.refused
    return reads
