"""Switches of template.yaml: in each combination, what exists refers only to what exists, and off means none of it."""

from __future__ import annotations

import pytest

from tests.support import switches
from tests.support.reviewers.findings import EVERYTHING

PARTS = ("AWS::Glue", "AWS::Athena", "AWS::LakeFormation", "AWS::SageMaker", "AWS::DataSync", "AWS::Omics")


def test_switched_off_no_part_has_a_resource():
    """Whatever is off costs nothing."""
    resources = switches.template()["Resources"]
    assert [name for name in switches.plain_resources() if resources[name]["Type"].startswith(PARTS)] == []


def test_reviewers_see_every_part():
    assert {name: EVERYTHING.get(name) for name in switches.switches()} == dict.fromkeys(switches.switches(), "true")


def test_no_resource_refers_to_one_that_does_not_exist():
    """CloudFormation refuses such a template. Each resource is tried with every combination that concerns it."""
    tree = switches.template()
    named = [(name, section) for section in ("Resources", "Outputs") for name in tree[section]]
    faults = {name: list(switches.dangling(name, section)) for name, section in named}
    assert {name: entries for name, entries in faults.items() if entries} == {}


@pytest.mark.parametrize("name", ["MonitorQueue", "Workgroup"])
def test_a_reference_that_dangles_is_noticed(name, monkeypatch):
    tree = switches.template()
    planted = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": f"${{{name}}}"}}}
    monkeypatch.setitem(tree["Resources"], "Planted", planted)
    assert {reference for _, reference in switches.dangling("Planted")} == {name}


@pytest.mark.parametrize("name", switches.switches())
def test_a_switch_adds_resources_and_takes_none_away(name):
    on = set(switches.Deployed(switches.template(), {name: "true"} | switches.NEEDS.get(name, {})).names)
    assert on >= switches.plain_resources()
