"""Application Auto Scaling of SageMaker's variants: targets, policies, and what they do.

A minute takes a second in this server.
"""

import pytest

from local.testing import EndpointBench, Inbox, allow, assume_role, expect_error, make_role, unique_name, wait_for

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long

CODE = """
import time
def model_fn(d): return 1
def input_fn(data, content_type): return data
def predict_fn(data, m):
    if data == "slow": time.sleep(2)
    return data.upper()
def output_fn(prediction, accept): return prediction
"""
NAMESPACE = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
TRACKING = {
    "TargetValue": 2.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    "ScaleInCooldown": 0,
    "ScaleOutCooldown": 0,
}


@pytest.fixture(scope="module")
def bench(aws) -> EndpointBench:
    return EndpointBench(aws, CODE)


@pytest.fixture(scope="module")
def client(aws):
    return aws.client("application-autoscaling")


@pytest.fixture
def target(bench, client):
    endpoint = bench.create_endpoint()
    yield register(client, endpoint, 1, 4)
    client.deregister_scalable_target(**NAMESPACE, ResourceId=resource(endpoint))
    bench.delete_endpoint(endpoint)


def resource(endpoint: str) -> str:
    return f"endpoint/{endpoint}/variant/AllTraffic"


def register(client, endpoint: str, least: int, most: int) -> dict:
    key = NAMESPACE | {"ResourceId": resource(endpoint)}
    client.register_scalable_target(**key, MinCapacity=least, MaxCapacity=most)
    return key


def endpoint_of(target: dict) -> str:
    return target["ResourceId"].split("/")[1]


def count(bench, endpoint: str) -> int:
    (variant,) = bench.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    return variant["CurrentInstanceCount"]


def put_tracking(client, target: dict, **changes: object) -> dict:
    return client.put_scaling_policy(
        **target,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=TRACKING | changes,
    )


def test_targets_and_policies_are_described_and_removed(client, target):
    (described,) = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])[
        "ScalableTargets"
    ]
    assert (described["MinCapacity"], described["MaxCapacity"]) == (1, 4)
    arn = put_tracking(client, target)["PolicyARN"]
    (policy,) = client.describe_scaling_policies(**target)["ScalingPolicies"]
    assert (policy["PolicyARN"], policy["PolicyType"]) == (arn, "TargetTrackingScaling")
    client.delete_scaling_policy(**target, PolicyName="track")
    assert not client.describe_scaling_policies(**target)["ScalingPolicies"]
    with expect_error("ObjectNotFoundException"):
        client.delete_scaling_policy(**target, PolicyName="track")


def test_a_variant_follows_its_invocations_within_the_bounds(bench, client, target):
    put_tracking(client, target)
    endpoint = endpoint_of(target)

    def is_scaled_out() -> bool:
        for _ in range(20):
            bench.invoke(endpoint, b"acgt")
        return count(bench, endpoint) == 4

    wait_for(is_scaled_out, timeout=40)
    wait_for(lambda: count(bench, endpoint) == 1, timeout=60)
    activities = client.describe_scaling_activities(**target)["ScalingActivities"]
    assert activities[0]["Description"] == "Setting desired instance count to 1."


def test_changed_bounds_take_effect(bench, client, target):
    register(client, endpoint_of(target), 2, 4)
    wait_for(lambda: count(bench, endpoint_of(target)) == 2)


def test_an_asynchronous_endpoint_is_scaled_from_and_to_zero(aws, bench, client):
    inbox = Inbox(aws)
    endpoint = bench.create_endpoint(bench.create_async_config(inbox.topic))
    target, dimensions = register(client, endpoint, 0, 2), [{"Name": "EndpointName", "Value": endpoint}]
    metric = {"Namespace": "AWS/SageMaker", "Dimensions": dimensions, "Statistic": "Average"}
    per_instance = metric | {"MetricName": "ApproximateBacklogSizePerInstance"}
    client.put_scaling_policy(
        **target,
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": per_instance,
            "ScaleInCooldown": 60,
            "ScaleOutCooldown": 60,
        },
    )
    wait_for(lambda: count(bench, endpoint) == 0, timeout=60)
    step = client.put_scaling_policy(
        **target,
        PolicyName="from-zero",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 60,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    bench.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"slow", ContentType="text/csv", InferenceId="a")
    alarm = unique_name("alarm")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        MetricName="HasBacklogWithoutCapacity",
        Namespace="AWS/SageMaker",
        Dimensions=dimensions,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[step["PolicyARN"]],
    )
    assert inbox.wait_for("a")["invocationStatus"] == "Completed"
    wait_for(lambda: count(bench, endpoint) == 0, timeout=60)
    client.deregister_scalable_target(**target)
    bench.delete_endpoint(endpoint)


def test_a_request_expires_in_a_queue_without_instances(aws, bench, client):
    inbox = Inbox(aws)
    endpoint = bench.create_endpoint(bench.create_async_config(inbox.topic))
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 0}
    bench.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=[change])
    bench.wait_for_status(endpoint, "InService")
    response = bench.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"a", RequestTTLSeconds=60)
    message = inbox.wait_for(response["InferenceId"])
    assert message["invocationStatus"] == "Expired"
    assert b"expired" in bench.read(response["FailureLocation"])
    bench.delete_endpoint(endpoint)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ResourceId": "endpoint/x"}, "endpoint/NAME/variant/NAME is expected"),
        ({"ServiceNamespace": "ecs"}, "Only the instance count"),
        ({"ResourceId": "endpoint/absent/variant/AllTraffic"}, "There is no variant"),
        ({"MinCapacity": 5}, "not greater than MaxCapacity"),
    ],
)
def test_targets_that_are_refused(client, target, changes, message):
    with expect_error("ValidationException", message):
        client.register_scalable_target(**(target | {"MinCapacity": 1, "MaxCapacity": 4} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TargetValue": 0}, "greater than 0"),
        ({"CustomizedMetricSpecification": {}}, "Exactly one"),
        (
            {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}},
            "not supported",
        ),
    ],
)
def test_policies_that_are_refused(client, target, changes, message):
    with expect_error("ValidationException", message):
        put_tracking(client, target, **changes)


def test_the_caller_needs_the_permissions_to_scale_the_endpoint_itself(aws, client, target):
    def register_with(*actions: str) -> dict:
        session = assume_role(aws, make_role(aws, allow(list(actions))))
        return session.client("application-autoscaling").register_scalable_target(
            **target, MinCapacity=1, MaxCapacity=4
        )

    own = "application-autoscaling:RegisterScalableTarget"
    with expect_error("AccessDeniedException", own):
        register_with("sagemaker:*")
    with expect_error("AccessDeniedException", "sagemaker:DescribeEndpoint"):
        register_with(own)
    assert register_with(own, "sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities")


def test_target_tracking_needs_permissions_on_its_alarms(aws, target):
    actions = ["application-autoscaling:PutScalingPolicy", "sagemaker:*"]
    alarms = f"arn:aws:cloudwatch:{aws.region}:{aws.account}:alarm:TargetTracking-{target['ResourceId']}*"
    with expect_error("AccessDeniedException", "cloudwatch:PutMetricAlarm"):
        put_tracking(assume_role(aws, make_role(aws, allow(actions))).client("application-autoscaling"), target)
    role = make_role(aws, allow(actions), allow("cloudwatch:*", alarms))
    assert put_tracking(assume_role(aws, role).client("application-autoscaling"), target)["PolicyARN"]
