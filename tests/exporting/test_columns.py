"""What a row is called outside."""

from tests.exporting.curated import TWENTY
from ytcurate.exporting.columns import Field, exported_fields, kind_of, nested, outside_row, plain_value


def column(name, kind):
    return {"name": name, "type_v3": {"type_name": "optional", "item": kind}}


def test_the_twenty_usual_columns_come_first_and_renamed_ones_are_not_repeated():
    schema = [
        column("ds_index", "int64"),
        column("segment_index", "int64"),
        column("quality_motion", "double"),
    ]
    fields = exported_fields(schema)
    assert [field.name for field in fields] == [*TWENTY, "ds_index"]
    assert fields[14] == Field("motion_score", "double", "quality_motion")
    assert fields[15] == Field("category", "utf8", None)


def test_labels_of_another_schema_keep_their_names_and_types_and_taken_names_are_marked():
    schema = [column("players", "int64"), column("is_safe", "utf8"), column("video_id", "bool")]
    fields = {field.name: field.kind for field in exported_fields(schema)}
    assert fields["players"] == "int64"
    assert fields["is_safe"] == "utf8"
    assert fields["video_id"] == "utf8"
    assert fields["label_video_id"] == "boolean"


def test_vectors_are_single_floats_and_other_lists_are_as_in_the_table():
    doubles = {"type_name": "list", "item": "double"}
    fields = exported_fields([column("embedding", "any"), column("a", doubles)])
    kinds = {field.name: field.kind for field in fields}
    assert (kinds["embedding"], kinds["a"]) == ("list<float>", "list<double>")


def test_types_are_read_through_tags_and_options():
    tagged = {"type_name": "optional", "item": {"type_name": "tagged", "tag": "image/jpeg", "item": "string"}}
    assert kind_of(tagged) == "string"
    assert kind_of({"type_name": "list", "item": {"type_name": "optional", "item": "float"}}) == "list<float>"
    assert [kind_of(name) for name in ("bool", "yson", "any", "uint8", "timestamp")] == [
        *("boolean", "any", "any", "uint8", "any")
    ]
    assert kind_of({"type_name": "struct", "members": []}) == "any"


def test_values_read_as_bytes_become_plain():
    assert plain_value("utf8", "Ünï".encode()) == "Ünï"
    assert plain_value("utf8", b"\xff") == "\\xff"
    assert plain_value("list<utf8>", [b"a", None]) == ["a", None]
    assert plain_value("any", {b"a": [b"b", 1.5, float("nan")]}) == {"a": ["b", 1.5, None]}
    assert nested(float("inf")) is None


def test_seconds_have_three_digits_and_end_frame_is_exclusive():
    fields = exported_fields([column(name, "double") for name in ("start_s", "length", "frame_count")])
    row = {"start_s": 1.93333333, "length": 0.5, "frame_count": 15}
    values = outside_row(fields, row, video_id="abc", start_frame=58)
    assert [values[name] for name in TWENTY[:8]] == ["abc", None, 58, 73, 1.933, 2.433, 0.5, 15]
    assert values["start_s"] == 1.93333333
