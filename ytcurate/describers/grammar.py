"""Schemas enforced on transformers with xgrammar, the library that vLLM uses too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ytcurate.describers.prompts import Prompt
from ytcurate.errors import EngineUnavailable, UsageError


def compile_grammars(questions: Sequence[Prompt], tokenizer: Any, vocabulary: int) -> list[Any | None]:
    """Compile the schema of each question; None for those without.

    Args:
        vocabulary: tokens the model has a score for, padding included.

    Raises:
        EngineUnavailable: there is a schema, and xgrammar is missing.
        UsageError: a schema asks for what xgrammar would ignore.
    """
    if not any(question.schema for question in questions):
        return [None for _ in questions]
    try:
        import xgrammar
    except ImportError as error:
        raise EngineUnavailable(
            f"a question has a schema, and xgrammar, which enforces it, cannot be imported ({error}). "
            "Install xgrammar, or use the vllm describer."
        ) from error
    compiler = xgrammar.GrammarCompiler(
        xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary)
    )
    compiled: list[Any | None] = []
    for question in questions:
        if question.schema is None:
            compiled.append(None)
            continue
        field = _ignored(question.schema.json_schema, "schema")
        if field:
            raise UsageError(
                f"question {question.name}: {field} has a pattern and a length, and xgrammar enforces only "
                "one of them. Put the length into the pattern, or use the vllm describer."
            )
        compiled.append(
            compiler.compile_json_schema(question.schema.text, any_whitespace=False, separators=(",", ":"))
        )
    return compiled


def enforcing(grammar: Any | None) -> Any:
    """Make the list of logits processors for one reply; what it holds serves one reply only."""
    from transformers import LogitsProcessorList

    if grammar is None:
        return LogitsProcessorList()
    from xgrammar.contrib.hf import LogitsProcessor

    return LogitsProcessorList([LogitsProcessor(grammar)])


def _ignored(node: Any, where: str) -> str | None:
    """Name the first string with both a pattern and a length."""
    if node.get("pattern") and {"minLength", "maxLength"} & set(node):
        return where
    below = [(f"{where}.{name}", each) for name, each in node.get("properties", {}).items()]
    if "items" in node:
        below.append((f"{where}.items", node["items"]))
    return next((found for name, each in below if (found := _ignored(each, name))), None)
