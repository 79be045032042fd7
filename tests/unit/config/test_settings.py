"""Settings come from the environment that template.yaml sets."""

from dataclasses import MISSING

import pytest
from seqdrop.config.settings import ONLY_SOME, Settings
from seqdrop.errors import ConfigurationError


def variables_of(template, function: str) -> set[str]:
    """Return the names of a function's variables, including those of all functions."""
    own = template["Resources"][function]["Properties"].get("Environment", {"Variables": {}})
    return {*template["Globals"]["Function"]["Environment"]["Variables"], *own["Variables"]}


@pytest.fixture
def functions(template):
    return [name for name, body in template["Resources"].items() if body["Type"] == "AWS::Serverless::Function"]


def test_the_template_sets_what_settings_need(template, functions):
    assert len(functions) == 16
    for function in functions:
        settings = Settings.load(dict.fromkeys(variables_of(template, function), "1"))
        assert (settings.max_jobs, settings.stale_minutes) == (1, 1)
    assert template["Parameters"]["StaleMinutes"]["Default"] == Settings.stale_minutes == 30


def test_each_setting_is_set_for_a_function_and_each_variable_is_a_setting(template, functions):
    names = {name.removeprefix("SEQDROP_").lower() for each in functions for name in variables_of(template, each)}
    assert names == set(Settings.__dataclass_fields__)
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    common = {name.removeprefix("SEQDROP_").lower() for name in variables}
    assert common.isdisjoint(ONLY_SOME)
    with_default = {name for name, field in Settings.__dataclass_fields__.items() if field.default is not MISSING}
    assert set(Settings.__dataclass_fields__) - ONLY_SOME - with_default <= common


def test_every_missing_variable_is_named():
    with pytest.raises(ConfigurationError, match=r"SEQDROP_ARCHIVE, .*SEQDROP_WORK"):
        Settings.load({})


def test_a_setting_of_other_functions_is_an_error_when_it_is_read(template):
    settings = Settings.load(dict.fromkeys(variables_of(template, "StartProcessingFunction"), "1"))
    assert (settings.processing_role, settings.work) == ("1", "1")
    with pytest.raises(ConfigurationError, match="has no SEQDROP_TRAINING_ROLE"):
        _ = settings.training_role
    with pytest.raises(AttributeError, match="no_setting"):
        _ = settings.no_setting
