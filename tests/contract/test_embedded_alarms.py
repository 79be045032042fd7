"""Alarms on one metric: dimensions, periods, missing data, and the way back to OK."""

import time

import pytest
from ministack.services import cloudwatch

from local.patches import alarm_evaluation
from local.testing import allow, assume_role, expect_error, make_role, unique_name

pytest_plugins = ["local.fixtures"]


def make_alarm(aws, namespace: str, **options: object) -> str:
    name = unique_name("alarm")
    request = {
        "Namespace": namespace,
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    aws.client("cloudwatch").put_metric_alarm(AlarmName=name, **(request | options))
    return name


def publish(aws, namespace: str, value: float = 1, age: float = 0, **dimensions: str) -> None:
    pairs = [{"Name": name, "Value": text} for name, text in dimensions.items()]
    datum = {"MetricName": "m", "Value": value, "Dimensions": pairs, "Timestamp": time.time() - age}
    aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def read_state(aws, name: str) -> str:
    return aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


def test_an_alarm_counts_the_data_of_its_dimensions_only(aws):
    namespace = unique_name("namespace")
    name = make_alarm(aws, namespace, Dimensions=[{"Name": "queue", "Value": "a"}])
    publish(aws, namespace, queue="b")
    publish(aws, namespace)
    assert read_state(aws, name) == "INSUFFICIENT_DATA"
    publish(aws, namespace, queue="a")
    assert read_state(aws, name) == "ALARM"


def test_as_many_periods_must_breach_as_the_alarm_asks_for(aws):
    namespace = unique_name("namespace")
    both = make_alarm(aws, namespace, EvaluationPeriods=2)
    either = make_alarm(aws, namespace, EvaluationPeriods=2, DatapointsToAlarm=1)
    publish(aws, namespace)
    assert (read_state(aws, both), read_state(aws, either)) == ("OK", "ALARM")
    publish(aws, namespace, age=90)
    assert read_state(aws, both) == "ALARM"


@pytest.mark.parametrize(
    ("missing", "state"), [("notBreaching", "OK"), ("breaching", "ALARM"), ("missing", None), ("ignore", None)]
)
def test_missing_data_count_as_the_alarm_says(missing, state):
    alarm = {
        "Namespace": unique_name("namespace"),
        "MetricName": "m",
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": missing,
    }
    assert alarm_evaluation.find_state(alarm, time.time()) == state


def test_an_alarm_returns_to_ok_when_its_period_is_over():
    namespace = unique_name("namespace")
    alarm = {
        "Namespace": namespace,
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    cloudwatch.record_metric(namespace, "m", 1)
    now = time.time()
    assert alarm_evaluation.find_state(alarm, now) == "ALARM"
    assert alarm_evaluation.find_state(alarm, now + 61) == "OK"


def test_a_role_may_be_allowed_to_read_and_delete_only_some_alarms(aws):
    """The first alarm that a call names is checked."""
    own, other = make_alarm(aws, unique_name("namespace")), make_alarm(aws, unique_name("namespace"))
    arn = f"arn:aws:cloudwatch:{aws.region}:{aws.account}:alarm:{own}"
    policy = allow(["cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"], arn)
    session = assume_role(aws, make_role(aws, policy))
    cloudwatch = session.client("cloudwatch")
    assert [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms(AlarmNames=[own])["MetricAlarms"]] == [own]
    for call in (
        lambda: cloudwatch.describe_alarms(AlarmNames=[other]),
        lambda: cloudwatch.delete_alarms(AlarmNames=[other]),
        lambda: cloudwatch.describe_alarms(AlarmNamePrefix=own),
    ):
        with expect_error("AccessDeniedException", "cloudwatch:"):
            call()
    cloudwatch.delete_alarms(AlarmNames=[own])
    assert not aws.client("cloudwatch").describe_alarms(AlarmNames=[own])["MetricAlarms"]
