"""Updates of SageMaker's endpoints: traffic shifting, alarms with rollback, weights and capacities.

A minute of waiting takes a second in this server.
"""

import base64
import json
import re
import threading

import pytest

from local.testing import EndpointBench, EventLog, allow, endpoint_code, expect_error, make_role, unique_name, wait_for

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long

CODE = endpoint_code()
RAISES = CODE.replace("return data.upper() + suffix", "raise ValueError('worse')")
ALL_AT_ONCE = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}


def canary(seconds: int, percent: int = 50) -> dict:
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    return {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": seconds}


def blue_green(routing: dict, alarms: list[str] = (), **policy: object) -> dict:
    config = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing} | policy}
    names = [{"AlarmName": name} for name in alarms]
    return config | ({"AutoRollbackConfiguration": {"Alarms": names}} if names else {})


@pytest.fixture(scope="module")
def bench(aws) -> EndpointBench:
    return EndpointBench(aws, CODE, make_role(aws, allow(["s3:*", "logs:*", "cloudwatch:DescribeAlarms"])))


@pytest.fixture
def endpoint(bench):
    name = bench.create_endpoint()
    yield name
    bench.delete_endpoint(name)


@pytest.fixture
def alarm(aws, endpoint) -> str:
    """An alarm on the errors of the endpoint."""
    name = unique_name("alarm")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation4XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return name


class Requests:
    """A client that sends requests without a pause, and keeps the responses; errors are responses of None."""

    def __init__(self, bench: EndpointBench, endpoint: str) -> None:
        self._bench, self._endpoint = bench, endpoint
        self.responses: list[bytes | None] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._ended.is_set():
            try:
                self.responses.append(self._bench.invoke(self._endpoint, b"acgt"))
            except self._bench.runtime.exceptions.ClientError:
                self.responses.append(None)


def update(bench, endpoint: str, config: str, deployment: dict | None = None, **parameters: object) -> None:
    options = {"DeploymentConfig": deployment} if deployment else {}
    bench.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **options, **parameters)


class TestBlueGreen:
    @pytest.mark.parametrize(
        "routing",
        [
            ALL_AT_ONCE,
            canary(120),
            {
                "Type": "LINEAR",
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 60,
            },
        ],
        ids=lambda routing: routing["Type"],
    )
    def test_no_request_is_lost_while_traffic_moves(self, bench, endpoint, routing):
        config = bench.config_of(CODE, "?")
        with Requests(bench, endpoint) as requests:
            update(bench, endpoint, config, blue_green(routing, TerminationWaitInSeconds=30))
            description = bench.wait_for_status(endpoint, "InService")
        assert description["EndpointConfigName"] == config
        assert "PendingDeploymentSummary" not in description
        assert set(requests.responses) == {b"ACGT!", b"ACGT?"}
        assert bench.invoke(endpoint, b"acgt") == b"ACGT?"

    def test_a_canary_receives_its_share_and_is_described(self, bench, endpoint):
        before = bench.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        config = bench.config_of(CODE, "?")
        update(bench, endpoint, config, blue_green(canary(600)))
        pending = wait_for(lambda: find_baking(bench, endpoint))
        assert pending["EndpointConfigName"] == config
        responses = [bench.invoke(endpoint, b"acgt") for _ in range(60)]
        assert 10 <= responses.count(b"ACGT?") <= 50  # of a share of a half: misses once in ten million runs
        description = bench.sagemaker.describe_endpoint(EndpointName=endpoint)
        assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("Updating", before)
        with expect_error("ValidationException", "Cannot update in-progress endpoint"):
            update(bench, endpoint, before)

    def test_steps_are_announced(self, aws, bench, endpoint):
        log = EventLog(aws, {"source": ["aws.sagemaker"], "detail": {"EndpointName": [endpoint]}})
        update(bench, endpoint, bench.config_of(CODE, "?"), blue_green(canary(60)))
        events = log.first(7)
        assert (events[0]["detail"]["EndpointStatus"], events[6]["detail"]["EndpointStatus"]) == (
            "UPDATING",
            "IN_SERVICE",
        )
        steps = [
            event["detail"]["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"]
            for event in events
            if event["detail-type"] == "SageMaker Endpoint Deployment State Change"
        ]
        assert steps == ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic", "Baking"]


def find_baking(bench, endpoint: str) -> dict | None:
    pending = bench.sagemaker.describe_endpoint(EndpointName=endpoint).get("PendingDeploymentSummary", {})
    for variant in pending.get("ProductionVariants", []):
        if variant.get("VariantStatus", [{}])[0].get("Status") == "Baking":
            return pending
    return None


class TestRollback:
    def test_an_alarm_brings_the_old_release_back(self, bench, endpoint, alarm):
        before = bench.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        with Requests(bench, endpoint) as requests:
            update(bench, endpoint, bench.config_of(RAISES), blue_green(canary(600), [alarm]))
            description = bench.wait_for_status(endpoint, "InService")
        assert description["EndpointConfigName"] == before
        assert alarm in description["FailureReason"]
        assert None in requests.responses
        assert {bench.invoke(endpoint, b"acgt") for _ in range(20)} == {b"ACGT!"}

    def test_an_alarm_of_another_endpoint_does_not(self, bench, endpoint, alarm):
        other = bench.create_endpoint(bench.config_of(RAISES))
        with expect_error("ModelError", "worse"):
            bench.invoke(other, b"acgt")
        config = bench.config_of(CODE, "?")
        update(bench, endpoint, config, blue_green(canary(60), [alarm]))
        assert bench.wait_for_status(endpoint, "InService")["EndpointConfigName"] == config
        bench.delete_endpoint(other)

    def test_a_release_without_data_is_not_deployed(self, bench, endpoint):
        before = bench.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        data = bench.put("gone.tar.gz", bench.read(bench.data))
        variant = bench.variant(ModelName=bench.create_model(ModelDataUrl=data))
        bench.s3.delete_object(Bucket=bench.bucket, Key="gone.tar.gz")
        update(bench, endpoint, bench.create_config(ProductionVariants=[variant]))
        description = bench.wait_for_status(endpoint, "InService")
        assert (description["EndpointConfigName"], "does not exist" in description["FailureReason"]) == (before, True)

    def test_the_execution_role_must_be_allowed_to_read_the_alarms(self, aws, bench, endpoint, alarm):
        model = bench.create_model(ExecutionRoleArn=make_role(aws, allow(["s3:*"])))
        config = bench.create_config(ProductionVariants=[bench.variant(ModelName=model)])
        update(bench, endpoint, config, blue_green(ALL_AT_ONCE, [alarm]))
        description = bench.wait_for_status(endpoint, "InService")
        assert "cloudwatch:DescribeAlarms" in description["FailureReason"]

    def test_a_deployment_that_takes_too_long_is_undone(self, bench, endpoint):
        routing = canary(3600)
        policy = blue_green(routing, MaximumExecutionTimeoutInSeconds=600)
        update(bench, endpoint, bench.config_of(CODE, "?"), policy)
        description = bench.wait_for_status(endpoint, "InService")
        assert "MaximumExecutionTimeoutInSeconds" in description["FailureReason"]

    def test_an_update_is_started_over_when_sagemaker_is_killed(self, aws, bench, endpoint):
        config = bench.config_of(CODE, "?")
        update(bench, endpoint, config, blue_green(canary(300)))
        wait_for(lambda: find_baking(bench, endpoint))
        aws.restart_sagemaker()
        assert bench.wait_for_status(endpoint, "InService")["EndpointConfigName"] == config

    def test_an_endpoint_is_deleted_during_its_update(self, bench):
        endpoint = bench.create_endpoint()
        update(bench, endpoint, bench.config_of(CODE, "?"), blue_green(canary(3600)))
        wait_for(lambda: find_baking(bench, endpoint))
        bench.delete_endpoint(endpoint)


class TestRolling:
    def test_batches_follow_one_another(self, bench):
        endpoint = bench.create_endpoint(
            bench.create_config(ProductionVariants=[bench.variant(InitialInstanceCount=2)])
        )
        archive = bench.config_of(CODE, "?")
        policy = {
            "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
            "WaitIntervalInSeconds": 60,
        }
        with Requests(bench, endpoint) as requests:
            update(bench, endpoint, archive, {"RollingUpdatePolicy": policy})
            bench.wait_for_status(endpoint, "InService")
        assert set(requests.responses) == {b"ACGT!", b"ACGT?"}
        bench.delete_endpoint(endpoint)


class TestRequests:
    @pytest.mark.parametrize(
        ("deployment", "message"),
        [
            (blue_green({"Type": "CANARY", "WaitIntervalInSeconds": 0}), "CanarySize must be specified"),
            (blue_green(canary(0, 51)), "CanarySize must be between 1 and 50 percent"),
            (blue_green(canary(3601)), "less than or equal to 3600"),
            (blue_green({"Type": "NOPE", "WaitIntervalInSeconds": 0}), "enum value set"),
            (
                blue_green(ALL_AT_ONCE)
                | {
                    "RollingUpdatePolicy": {
                        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                        "WaitIntervalInSeconds": 0,
                    }
                },
                "Only one of",
            ),
        ],
    )
    def test_deployment_configurations_that_are_refused(self, bench, endpoint, deployment, message):
        with expect_error("ValidationException", message):
            update(bench, endpoint, bench.create_config(), deployment)

    def test_variant_properties_are_retained_on_request(self, bench, endpoint):
        change = {"VariantName": "AllTraffic", "DesiredWeight": 0.5, "DesiredInstanceCount": 3}
        bench.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint, DesiredWeightsAndCapacities=[change]
        )
        (variant,) = bench.wait_for_status(endpoint, "InService")["ProductionVariants"]
        assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (0.5, 3)
        excluded = [{"VariantPropertyType": "DesiredWeight"}]
        update(
            bench,
            endpoint,
            bench.create_config(),
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=excluded,
        )
        (variant,) = bench.wait_for_status(endpoint, "InService")["ProductionVariants"]
        assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (1.0, 3)

    def test_a_real_time_endpoint_keeps_an_instance(self, bench, endpoint):
        change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 0}
        with expect_error("ValidationException", "at least one instance"):
            bench.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=endpoint, DesiredWeightsAndCapacities=[change]
            )


class TestCapture:
    def test_payloads_and_responses_are_json_lines_in_s3(self, bench):
        config = {
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{bench.bucket}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        }
        endpoint = bench.create_endpoint(bench.create_config(DataCaptureConfig=config))
        described = bench.sagemaker.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
        assert (described["CaptureStatus"], described["CurrentSamplingPercentage"]) == ("Started", 100)
        bench.invoke(endpoint, b"acgt", InferenceId="mine")
        prefix = f"captured/{endpoint}/AllTraffic/"
        list_objects = bench.s3.list_objects_v2
        page = wait_for(lambda: list_objects(Bucket=bench.bucket, Prefix=prefix).get("Contents"))
        key = page[0]["Key"]
        pattern = r"\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
        assert re.fullmatch(pattern, key.removeprefix(prefix))
        (line,) = bench.read(f"s3://{bench.bucket}/{key}").decode().splitlines()
        record = json.loads(line)
        assert record["captureData"]["endpointInput"] == {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "acgt",
            "encoding": "CSV",
        }
        output = record["captureData"]["endpointOutput"]
        assert (output["encoding"], base64.b64decode(output["data"])) == ("BASE64", b"ACGT!")
        assert record["eventMetadata"]["inferenceId"] == "mine"
        assert record["eventVersion"] == "0"
        bench.delete_endpoint(endpoint)

    def test_captured_requests_are_encrypted_and_the_role_needs_the_key(self, aws, bench):
        """Without it the requests are answered, and what was captured is lost."""
        key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        written = {}
        for name, more in (("denied", []), ("allowed", [allow("kms:GenerateDataKey", key)])):
            role = make_role(aws, allow(["s3:*", "logs:*"]), *more)
            config = {
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": f"s3://{bench.bucket}/{name}",
                "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
                "KmsKeyId": key,
            }
            variants = [bench.variant(ModelName=bench.create_model(ExecutionRoleArn=role))]
            endpoint = bench.create_endpoint(bench.create_config(ProductionVariants=variants, DataCaptureConfig=config))
            assert bench.invoke(endpoint, b"acgt") == b"ACGT!"
            bench.delete_endpoint(endpoint)  # writes what was captured
            written[name] = bench.s3.list_objects_v2(Bucket=bench.bucket, Prefix=name).get("Contents", [])
        assert written["denied"] == []
        (entry,) = written["allowed"]
        head = bench.s3.head_object(Bucket=bench.bucket, Key=entry["Key"])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)

    def test_a_share_of_zero_captures_nothing(self, bench):
        config = {
            "InitialSamplingPercentage": 0,
            "DestinationS3Uri": f"s3://{bench.bucket}/nothing",
            "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        }
        endpoint = bench.create_endpoint(bench.create_config(DataCaptureConfig=config))
        bench.invoke(endpoint, b"acgt")
        bench.delete_endpoint(endpoint)  # writes what was captured
        assert not bench.s3.list_objects_v2(Bucket=bench.bucket, Prefix="nothing").get("Contents")


def test_metrics_are_published_by_variant_and_configuration(aws, bench, endpoint):
    bench.invoke(endpoint, b"acgt")
    config = bench.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    metrics = aws.client("cloudwatch").list_metrics(
        Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": endpoint}]
    )["Metrics"]
    named = {(each["MetricName"], tuple(sorted(d["Name"] for d in each["Dimensions"]))) for each in metrics}
    for name in ("Invocations", "InvocationsPerInstance", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency"):
        assert (name, ("EndpointName", "VariantName")) in named
        assert (name, ("EndpointConfigName", "EndpointName", "VariantName")) in named
    assert config in {d["Value"] for each in metrics for d in each["Dimensions"]}
