from __future__ import annotations

import pytest
import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ypath import Step, escape, parse

pytestmark = pytest.mark.checked_against("documentation")


def test_a_plain_path_is_its_keys() -> None:
    path = parse("//home/me/t")
    assert [step.key for step in path.steps] == ["home", "me", "t"]
    assert path.attribute is None


@pytest.mark.parametrize("root", ["/", "//"])
def test_both_spellings_of_the_root(root: str) -> None:
    assert parse(root).steps == []


def test_attributes_follow_the_at_sign() -> None:
    assert parse("//t/@").attribute == []
    assert parse("//t/@x/y/0").attribute == ["x", "y", "0"]
    assert parse("//@x").attribute == ["x"]


def test_an_object_id_is_a_root() -> None:
    path = parse("#1-2-3-4/@x")
    assert (path.root, path.steps, path.attribute) == ("1-2-3-4", [], ["x"])


def test_an_ampersand_means_the_link_itself() -> None:
    assert parse("//l&/@target_path").steps == [Step("l", itself=True)]


def test_escapes_come_off_and_go_on() -> None:
    assert [step.key for step in parse(r"//a\/b/c\x41\@").steps] == ["a/b", "cA@"]
    assert escape("a/b@{]") == r"a\/b\@\{]"
    assert parse(r"//\xd0\xb0").steps == parse("//а").steps
    assert escape("а") == r"\xd0\xb0"


def test_columns_and_ranges_as_text() -> None:
    path = parse("//t{a,b}[#1:#3,#8,:#2]")
    assert path.columns == ["a", "b"]
    assert path.ranges == [
        {"lower_limit": {"row_index": 1}, "upper_limit": {"row_index": 3}},
        {"exact": {"row_index": 8}},
        {"upper_limit": {"row_index": 2}},
    ]
    assert parse("//t{}").columns == []
    assert parse("//t[(a,1):b]").ranges == [{"lower_limit": {"key": ["a", 1]}, "upper_limit": {"key": ["b"]}}]


def test_attributes_in_front_and_on_the_string() -> None:
    assert parse('<append=%true;schema=[{name="a>b"}]>//t').append
    value = yson.to_yson_type("//t", {"append": True, "columns": ["x"]})
    path = parse(value)
    assert path.append
    assert path.columns == ["x"]


def test_bare_limits_are_one_range() -> None:
    value = yson.to_yson_type("//t", {"lower_limit": {"row_index": 5}})
    assert parse(value).ranges == [{"lower_limit": {"row_index": 5}}]


@pytest.mark.checked_against("server source")
@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", 1, "YPath cannot be empty"),
        ("t", 1, 'Path "t" does not start with a valid root-designator'),
        ("#", 500, "Error parsing object id "),
        ("#/a", 500, "Error parsing object id "),
        ("#..", 500, "Error parsing object id .."),
        ("/t", 500, 'Expected "slash" in YPath but found "literal" token "t"'),
        ("/@x", 500, 'Expected "slash" in YPath but found "at" token "@"'),
        ("//a//b", 500, 'Unexpected "slash" token "/" in YPath'),
        ("//a@b", 500, 'Expected "slash" in YPath but found "at" token "@"'),
        ("//a&&", 500, 'Expected "slash" in YPath but found "ampersand" token "&"'),
        (r"//a\q", 500, r'Malformed escape sequence "\q" in YPath'),
        (
            "//a/",
            500,
            'Unexpected end-of-string in YPath; please note that YPath cannot normally end with "/"',
        ),
    ],
)
def test_what_is_wrong_with_a_path_is_said_as_by_a_real_cluster(text: str, code: int, says: str) -> None:
    with pytest.raises(YtError) as caught:
        parse(text)
    assert caught.value.code == code
    if code == 1:
        assert caught.value.message == says
    else:
        assert caught.value.message == f"Error resolving path {text}"
        assert [inner.message for inner in caught.value.inner] == [says]


@pytest.mark.parametrize("text", ["//t{a", "//t[#1", "//t[#x:#1]", "//t[(:]", "<append=//t"])
def test_a_broken_selector_is_refused(text: str) -> None:
    with pytest.raises(YtError):
        parse(text)
