"""Questions put to the model, each with an id that travels into the rows it answered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ytcurate.errors import UsageError


@dataclass(frozen=True)
class Prompt:
    """One question about a clip. The video comes first, then the text."""

    text: str
    system: str = "You are a helpful assistant."

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise UsageError(
                "the prompt is empty. Give a question, for example --prompt 'Describe this video.'"
            )

    @property
    def prompt_id(self) -> str:
        """12 hexadecimal digits that change with any letter of the prompt."""
        return hashlib.blake2b(f"{self.system}\0{self.text}".encode(), digest_size=6).hexdigest()


DESCRIBE = Prompt("Describe this video.")
"""The default question."""


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
