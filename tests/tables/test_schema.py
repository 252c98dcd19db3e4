from ytcurate.tables.rows import CLIPS, Column
from ytcurate.tables.schema import schema_difference, table_schema

COLUMNS = (
    Column("id", "int64", required=True),
    Column("video", "string", tag="video"),
    Column("ok", "boolean"),
)


def test_columns_are_optional_unless_required_and_tags_wrap_the_type():
    assert table_schema(COLUMNS) == [
        {"name": "id", "type_v3": "int64"},
        {
            "name": "video",
            "type_v3": {
                "type_name": "optional",
                "item": {"type_name": "tagged", "tag": "video", "item": "string"},
            },
        },
        {"name": "ok", "type_v3": {"type_name": "optional", "item": "bool"}},
    ]


def test_a_schema_does_not_differ_from_itself_in_any_order():
    assert schema_difference(COLUMNS, table_schema(reversed(COLUMNS))) is None


def test_a_tag_makes_no_difference():
    plain = table_schema([COLUMNS[0], Column("video", "string"), COLUMNS[2]])
    assert schema_difference(COLUMNS, plain) is None


def test_the_difference_names_the_column_and_both_types():
    found = table_schema([Column("id", "double", required=True), *COLUMNS[1:]])
    assert schema_difference(COLUMNS, found) == 'column "id" is double in the table and int64 here'


def test_the_difference_names_what_is_missing_or_strange():
    assert schema_difference(COLUMNS, table_schema(COLUMNS[:2])) == 'column "ok" (optional bool) is missing'
    more = table_schema([*COLUMNS, Column("extra", "utf8")])
    assert schema_difference(COLUMNS, more) == 'column "extra" is not one of ours'
    assert schema_difference(COLUMNS, []) == "the table has no schema"


def test_old_style_types_are_understood():
    found = [
        {"name": "id", "type": "int64", "required": True},
        {"name": "video", "type": "string", "required": False},
        {"name": "ok", "type": "boolean", "required": False},
    ]
    assert schema_difference(COLUMNS, found) is None


def test_the_first_columns_of_clips_are_those_of_the_platforms_notebooks():
    assert [column.name for column in CLIPS[:4]] == ["ds_index", "segment_index", "video", "file_type"]
