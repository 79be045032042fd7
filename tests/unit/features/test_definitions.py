"""One table of features: the stack's groups and the table in the docs have the same."""

from __future__ import annotations

import re

import pytest
from samcli.yamlhelper import yaml_parse
from seqdrop.features.definitions import EVENT_TIME, GROUPS, IDENTIFIER

from tools.features_table import render_tables

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
RESERVED = {"is_deleted", "write_time", "api_invocation_time"}


@pytest.fixture(scope="module")
def declared(request) -> dict[str, dict]:
    template = yaml_parse((request.config.rootpath / "stacks/features.yaml").read_text())
    groups = [body["Properties"] for body in template["Resources"].values() if "FeatureGroup" in body["Type"]]
    return {group["FeatureGroupName"]["Fn::Sub"].removeprefix("${StackName}-"): group for group in groups}


def test_the_stack_declares_the_groups(declared):
    assert list(declared) == [group.name for group in GROUPS]
    for group in GROUPS:
        own = declared[group.name]
        assert (own["RecordIdentifierFeatureName"], own["EventTimeFeatureName"]) == (IDENTIFIER, EVENT_TIME)
        features = [(each["FeatureName"], each["FeatureType"]) for each in own["FeatureDefinitions"]]
        assert features == [(feature.name, feature.type) for feature in group.features]


def test_stores_are_under_the_key_and_the_table_is_iceberg(declared):
    for own in declared.values():
        assert own["OnlineStoreConfig"] == {
            "EnableOnlineStore": True,
            "StorageType": "Standard",
            "SecurityConfig": {"KmsKeyId": {"Ref": "KeyArn"}},
        }
        offline = own["OfflineStoreConfig"]
        assert (offline["TableFormat"], offline["S3StorageConfig"]["KmsKeyId"]) == ("Iceberg", {"Ref": "KeyArn"})


def test_names_can_be_columns_and_occur_once():
    for group in GROUPS:
        names = [feature.name for feature in group.features]
        assert len(set(names)) == len(names)
        assert all(NAME.fullmatch(name) for name in names)
        assert not RESERVED & set(names)


def test_the_event_time_is_text():
    for group in GROUPS:
        (event_time,) = [feature for feature in group.features if feature.name == EVENT_TIME]
        assert event_time.type == "String"


def test_the_docs_list_the_features(request):
    page = (request.config.rootpath / "docs/features.md").read_text()
    assert render_tables() in page
