"""Questions put to the model, each with an id that travels into the rows it answered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytcurate.describers.reply_schema import ReplySchema
from ytcurate.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}$")


@dataclass(frozen=True)
class Prompt:
    """One question about a clip. The video comes first, then the text."""

    text: str
    system: str = "You are a helpful assistant."
    schema: ReplySchema | None = None
    """What the reply must be; the engine writes nothing else then. None: free text."""
    name: str = "description"
    """What its columns are called where several questions are put."""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise UsageError(
                "the prompt is empty. Give a question, for example --prompt 'Describe this video.'"
            )
        if not _NAME.match(self.name):
            raise UsageError(
                f"question {self.name!r}: a name begins with a small letter and has small letters, digits "
                "and _ only, because it becomes part of column names."
            )

    @property
    def prompt_id(self) -> str:
        """12 hexadecimal digits that change with any letter of the prompt or of its schema."""
        content = f"{self.system}\0{self.text}"
        if self.schema is not None:
            content += f"\0{self.schema.text}"
        return hashlib.blake2b(content.encode(), digest_size=6).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What ``--dry-run`` and a result's attributes show."""
        return {
            "name": self.name,
            "text": self.text,
            "system": self.system,
            "schema": self.schema.json_schema if self.schema else None,
            "prompt_id": self.prompt_id,
        }


DESCRIBE = Prompt("Describe this video.")
"""The default question."""

_QUESTIONS = Path(__file__).parent / "questions"


def question_names() -> list[str]:
    """Questions that come with the package."""
    return sorted(path.stem for path in _QUESTIONS.glob("*.yaml"))


def load_question(name_or_file: str) -> Prompt:
    """Read a question by its name (``describe``, ``gameplay``, ``label``), or from a YAML file of one's own.

    A file has ``text``, and may have ``system``, ``name`` and ``schema`` (a JSON schema).

    Raises:
        UsageError: there is none of that name, or the file is not one of a question.
    """
    import yaml

    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        path = _QUESTIONS / f"{name_or_file}.yaml"
    if not path.is_file():
        raise UsageError(
            f"question {name_or_file}: there are {', '.join(question_names())}, or give a .yaml file."
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: not YAML: {error}") from error
    known = {"text", "system", "name", "schema"}
    if not isinstance(content, Mapping) or "text" not in content or set(content) - known:
        raise UsageError(f"{path}: a question has text, and may have system, name and schema; nothing else.")
    settings: dict[str, Any] = {"name": path.stem.lower().replace("-", "_")} | dict(content)
    if settings.get("schema") is not None:
        try:
            settings["schema"] = ReplySchema.of(settings["schema"])
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
    return Prompt(**settings | {"text": str(settings["text"]).strip()})


def read_prompt(text_or_file: str) -> Prompt:
    """Take a prompt as its text, or as the path of a UTF-8 file that holds it."""
    path = Path(text_or_file)
    try:
        is_file = path.is_file()
    except OSError:  # a long text is no possible file name
        is_file = False
    if not is_file:
        return Prompt(text_or_file)
    try:
        return Prompt(path.read_text(encoding="utf-8").strip())
    except UnicodeDecodeError as error:
        raise UsageError(f"--prompt {path}: not a UTF-8 text file ({error}).") from error
