"""The dashboard of template.yaml: CloudWatch would accept it, and what it shows is published."""

from __future__ import annotations

import json
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from seqdrop.stages.inventory.report import count_kinds
from seqdrop.stages.monitor.reporting import count_findings
from seqdrop.stages.reconcile.endings import ENDINGS
from seqdrop.stages.reconcile.reconcile import ALWAYS

from tests.support.aws import template
from tools.dashboard_drawing import draw

DASHBOARDS = {
    name: json.loads(template.evaluate(properties)["DashboardBody"])["widgets"]
    for name, properties in template.resources_of_type("AWS::CloudWatch::Dashboard").items()
}
RESOURCES = template.tree()["Resources"]
WIDGETS = DASHBOARDS["Dashboard"]
GRAPHS = [widget["properties"] for widget in WIDGETS if widget["type"] == "metric"]
ALL_GRAPHS = [it["properties"] for widgets in DASHBOARDS.values() for it in widgets if it["type"] == "metric"]
METRICS = [entry for graph in ALL_GRAPHS for entry in graph["metrics"] if isinstance(entry[0], str)]
PUBLISHED = {
    "reconcile": ALWAYS | set(ENDINGS),
    "inventory": set(count_kinds([])),
    "validate": {"foreign_events"},
    "monitor": set(count_findings([])),
}
QUEUES = {function.queue for function in template.functions()}


def dimensions(entry: list) -> dict[str, str]:
    return dict(zip(entry[2:-1:2], entry[3:-1:2], strict=True))


def names_of(namespace: str, metric: str, dimension: str) -> set[str]:
    return {dimensions(entry)[dimension] for entry in METRICS if entry[:2] == [namespace, metric]}


def condition_of(name: str) -> str | None:
    return RESOURCES[name].get("Condition")


def test_each_has_the_name_of_the_stack():
    names = {name: RESOURCES[name]["Properties"]["DashboardName"] for name in DASHBOARDS}
    assert names.pop("Dashboard") == {"Ref": "AWS::StackName"}
    assert all(name["Sub"].startswith("${AWS::StackName}-") for name in names.values())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_widgets_fit_the_grid_and_do_not_overlap(name):
    """CloudWatch's grid has 24 columns."""
    assert all(widget["x"] + widget["width"] <= 24 for widget in DASHBOARDS[name])
    cells = [
        {(x, y) for x in range(it["x"], it["x"] + it["width"]) for y in range(it["y"], it["y"] + it["height"])}
        for it in DASHBOARDS[name]
    ]
    assert all(first.isdisjoint(second) for first, second in combinations(cells, 2))


def test_every_metric_of_ours_is_published_with_its_dimensions():
    for entry in METRICS:
        if entry[0] == "Seqdrop":
            assert dimensions(entry).keys() == {"stack", "service"}
            assert entry[1] in PUBLISHED[dimensions(entry)["service"]]


def test_every_gauge_and_every_ending_is_shown():
    shown = {entry[1] for entry in METRICS if entry[0] == "Seqdrop"}
    assert shown >= {*ALWAYS, *ENDINGS, *count_kinds([])}


def test_every_queue_and_function_is_shown():
    visible, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    assert names_of("AWS/SQS", age, "QueueName") == QUEUES
    assert names_of("AWS/SQS", visible, "QueueName") == set(template.queues()) - QUEUES
    functions = set(template.resources_of_type("AWS::Serverless::Function"))
    assert names_of("AWS/Lambda", "Errors", "FunctionName") == functions


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_alarm_that_a_stack_with_this_dashboard_has_is_shown(name):
    (arns,) = [widget["properties"]["alarms"] for widget in DASHBOARDS[name] if widget["type"] == "alarm"]
    alarms = template.resources_of_type("AWS::CloudWatch::Alarm")
    expected = {alarm for alarm in alarms if condition_of(alarm) == condition_of(name)}
    assert {arn.rsplit(":", 1)[1] for arn in arns} == expected


def test_rejections_are_searched_by_the_dimensions_that_are_published(capsys):
    from seqdrop.runtime.metrics import publish

    publish("seqdrop", "reconcile", {"rejections": 1}, code="bad_fastq")
    (directive,) = json.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"]
    (entry,) = [entry[0] for graph in GRAPHS for entry in graph["metrics"] if isinstance(entry[0], dict)]
    schema = entry["expression"].partition("{")[2].partition("}")[0].split(",")
    assert [directive["Namespace"], *sorted(directive["Dimensions"][0])] == schema
    assert 'MetricName="rejections" stack="seqdrop"' in entry["expression"]


class TestDrawing:
    """The picture of the documentation."""

    @pytest.fixture
    def picture(self) -> ET.Element:
        def key(metric: str, **more: str):
            return "Seqdrop", metric, frozenset({"stack": "seqdrop", "service": "reconcile", **more}.items())

        points = {
            key("uploads_received"): [(0, 4), (10, 2)],
            key("uploads_validated"): [(0, 0), (10, 6)],
            key("rejections", code="bad_fastq"): [(5, 1)],
            key("dollars_day"): [(0, 0.002), (10, 120)],
        }
        return ET.fromstring(draw(WIDGETS, points, (0, 10), {"ArchiveAlarm": "ALARM"}))

    def texts(self, picture) -> list[str]:
        return [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]

    def test_it_has_each_title_and_the_last_values(self, picture):
        texts = self.texts(picture)
        assert {graph["title"] for graph in GRAPHS} <= set(texts)
        assert {"2", "6", "120", "bad_fastq", "no data"} <= set(texts)

    def test_areas_are_stacked_and_the_limit_of_spending_is_marked(self, picture):
        areas = [it.get("points") for it in picture.iter("{http://www.w3.org/2000/svg}polygon")]
        assert len(areas) == 2
        upper, lower = ([point.split(",") for point in area.split()] for area in areas)
        assert float(upper[1][1]) < float(lower[1][1])
        dashed = [it for it in picture.iter("{http://www.w3.org/2000/svg}line") if it.get("stroke-dasharray")]
        assert len(dashed) == 1

    def test_a_raised_alarm_is_red(self, picture):
        colours = [it.get("fill") for it in picture.iter("{http://www.w3.org/2000/svg}rect") if it.get("width") == "12"]
        assert colours.count("#d62728") == 1
