import pytest

from ytcurate.describers.prompts import DESCRIBE, Prompt, load_question, question_names, read_prompt
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


def test_the_questions_that_come_along_can_be_loaded():
    assert question_names() == ["describe", "gameplay", "label"]
    assert load_question("describe").prompt_id == DESCRIBE.prompt_id
    fields = [field.name for field in load_question("label").schema.fields]
    assert fields == ["category", "is_safe", "description", "visual_quality"]


def test_a_question_of_ones_own_is_a_file(tmp_path):
    path = tmp_path / "count-cats.yaml"
    path.write_text("text: How many cats?\nschema: {type: object, properties: {cats: {type: integer}}}")
    question = load_question(str(path))
    assert (question.name, question.text) == ("count_cats", "How many cats?")
    assert question.prompt_id != Prompt("How many cats?").prompt_id


@pytest.mark.parametrize("content", ["[]", "system: s", "text: a\nprompt: b", "text: 'unclosed"])
def test_a_file_that_is_no_question_is_refused(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"bad.yaml: "):
        load_question(str(path))


def test_a_question_that_is_not_there_lists_those_that_are():
    with pytest.raises(UsageError, match="there are describe, gameplay, label"):
        load_question("lable")


def test_a_name_that_is_no_column_is_refused():
    with pytest.raises(UsageError, match="a name begins with a small letter"):
        Prompt("Is it?", name="Is it?")
