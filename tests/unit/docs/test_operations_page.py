"""docs/operations.md explains every alarm of the template, every metric and every graph of the dashboard."""

from __future__ import annotations

import json
import re

import pytest
from seqdrop.stages.inventory.report import count_kinds
from seqdrop.stages.monitor.reporting import count_findings
from seqdrop.stages.reconcile.endings import ENDINGS
from seqdrop.stages.reconcile.reconcile import ALWAYS

from tests.support.aws import template


@pytest.fixture(scope="module")
def page(repository) -> str:
    return (repository / "docs/operations.md").read_text()


def test_every_alarm_has_a_heading_and_every_heading_an_alarm(page):
    headings = re.findall(r"^#### (.*)$", page, re.MULTILINE)
    named = [name for heading in headings for name in heading.split(", ")]
    assert sorted(named) == sorted(template.resources_of_type("AWS::CloudWatch::Alarm"))


def test_every_metric_is_explained(page):
    table = page.partition("## Metrics")[2].partition("## Logs")[0]
    explained = set(re.findall(r"`(\w+)`", table))
    assert explained >= {*ALWAYS, *ENDINGS, *count_kinds([]), *count_findings([]), "rejections", "foreign_events"}


def test_every_graph_is_explained(page):
    dashboards = template.resources_of_type("AWS::CloudWatch::Dashboard").values()
    bodies = [json.loads(template.evaluate(dashboard)["DashboardBody"]) for dashboard in dashboards]
    widgets = [widget for body in bodies for widget in body["widgets"]]
    titles = [widget["properties"]["title"].partition(" (")[0] for widget in widgets if "title" in widget["properties"]]
    rows = re.findall(r"^\| ([A-Z][^|]+) \|", page.partition("## Alarms")[0], re.MULTILINE)
    explained = {title for row in rows for title in re.split(r", (?=[A-Z])", row)}
    assert {title.partition(":")[0] for title in titles} <= explained


def test_the_default_of_daily_spend_is_the_one_that_the_page_names(page):
    default = template.tree()["Parameters"]["DailySpend"]["Default"]
    assert f"`DailySpend` ({default} US dollars)" in page
