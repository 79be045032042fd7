"""Settings come from the environment that template.yaml sets."""

import pytest
from seqdrop.config.settings import Settings
from seqdrop.errors import ConfigurationError


def test_the_template_sets_what_settings_need(template):
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    settings = Settings.load(dict.fromkeys(variables, "1"))
    assert (settings.instance_count, settings.stale_minutes) == (1, 1)
    assert template["Parameters"]["StaleMinutes"]["Default"] == Settings.stale_minutes == 30


def test_every_missing_variable_is_named():
    with pytest.raises(ConfigurationError, match=r"SEQDROP_ARCHIVE, .*SEQDROP_WORK"):
        Settings.load({})
