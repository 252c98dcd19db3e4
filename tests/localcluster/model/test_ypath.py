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
    assert parse("/@x").attribute == ["x"]


def test_an_object_id_is_a_root() -> None:
    path = parse("#1-2-3-4/@x")
    assert (path.root, path.steps, path.attribute) == ("1-2-3-4", [], ["x"])


def test_an_ampersand_means_the_link_itself() -> None:
    assert parse("//l&/@target_path").steps == [Step("l", itself=True)]


def test_escapes_come_off_and_go_on() -> None:
    assert [step.key for step in parse(r"//a\/b/c\x41\@").steps] == ["a/b", "cA@"]
    assert escape("a/b@{") == r"a\/b\@\{"


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


@pytest.mark.parametrize("text", ["", "t", "//a//b", "//t{a", "//t[#1"])
def test_what_is_not_a_path_is_refused(text: str) -> None:
    with pytest.raises(YtError):
        parse(text)
