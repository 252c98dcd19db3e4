import pytest

from ytcurate.describers.prompts import DESCRIBE, Prompt, read_prompt
from ytcurate.errors import UsageError


def test_the_id_changes_with_any_letter():
    ids = {
        DESCRIBE.prompt_id,
        Prompt("Describe this video").prompt_id,
        Prompt(DESCRIBE.text, "Be short.").prompt_id,
    }
    assert len(ids) == 3
    assert Prompt("Describe this video.").prompt_id == DESCRIBE.prompt_id


def test_a_prompt_is_text_or_a_file_that_holds_it(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("What happens?\n")
    assert read_prompt(str(path)) == Prompt("What happens?")
    assert read_prompt("What happens?") == Prompt("What happens?")
    assert read_prompt("x" * 5000).text == "x" * 5000


def test_an_empty_prompt_is_refused():
    with pytest.raises(UsageError, match="the prompt is empty"):
        read_prompt("  ")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "prompt.bin"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a UTF-8 text file"):
        read_prompt(str(path))
