"""Pipeline files and flags: strict, and equal."""

import re

import pytest
import yaml

from ytcurate.cli.settings_flags import read_flags
from ytcurate.curating.pipeline_file import as_content, default_file, read_settings, settings_fields
from ytcurate.curating.settings import CurateSettings
from ytcurate.errors import UsageError
from ytcurate.operations.presets import preset_folder, preset_names


def test_the_file_in_specs_holds_every_setting_at_its_default():
    path = preset_folder() / "pipeline.yaml"
    assert path.read_text() == default_file()
    assert read_settings(path) == CurateSettings()
    assert "pipeline" not in preset_names()


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("filter: {min_motion: 1, min_contrast: 5}\nlabel: {model: a/b}\n")
    settings = read_settings(path, {"filter": {"min_motion": 2}})
    assert (settings.filter.min_motion, settings.filter.min_contrast) == (2, 5)
    assert (settings.label.model, settings.filter.min_sharpness) == ("a/b", 50)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels: {}", "labels is not a section; there are source, cut, score, filter"),
        ("filter: {min_sharp: 1}", "filter.min_sharp is not known; known are min_seconds, max_seconds"),
        ("label: {fps: many}", r"label.fps: Input should be a valid number, .* it is 'many'"),
        ("cut: {split: often}", "cut.split: Input should be 'scenes', 'fixed' or 'whole', it is 'often'"),
        ("filter: {min_brightness: 250}", r"min_brightness 250.0 is above max_brightness 240.0"),
        ("waves: {max_waves: 1}", "max_waves must be 2 or more"),
        ("filter: 3", "filter must hold keys and values, it is 3"),
        ("- 1", "sections with settings are expected"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(f"{path}: ") + message):
        read_settings(path)


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(UsageError, match=r"no\.yaml: it cannot be read"):
        read_settings("no.yaml")


def test_every_setting_has_help_or_a_name_that_says_it():
    silent = [f"{section}.{field.name}" for section, field, _, text in settings_fields() if not text]
    assert set(silent) <= {
        f"filter.{end}_{name}"
        for end in ("min", "max")
        for name in ("seconds", "brightness", "contrast", "motion_rate")
    }


def test_flags_become_values():
    flags = {"filter_min_motion": 1.5, "filter_max_frozen": "none", "label_allow": ["category=news,music"]}
    assert read_flags({**flags, "label_model": None}) == {
        "filter": {"min_motion": 1.5, "max_frozen": None},
        "label": {"allow": {"category": ["news", "music"]}},
    }
    with pytest.raises(UsageError, match="--label-block 'news': FIELD=VALUE"):
        read_flags({"label_block": ["news"]})


def test_what_is_in_effect_is_a_pipeline_file(tmp_path):
    settings = read_settings(None, {"label": {"allow": {"category": ["news"]}}, "cut": {"max_seconds": None}})
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(as_content(settings)))
    assert read_settings(path) == settings
