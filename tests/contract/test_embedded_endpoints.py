"""SageMaker's real-time endpoints: configurations, endpoints, and InvokeEndpoint."""

import pytest

from local.testing import (
    EndpointBench,
    EventLog,
    allow,
    assume_role,
    endpoint_code,
    expect_error,
    make_role,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]

# The first words of a request select what the model does.


@pytest.fixture(scope="module")
def bench(aws) -> EndpointBench:
    return EndpointBench(aws, endpoint_code("raise", "die"))


@pytest.fixture(scope="module")
def endpoint(bench) -> str:
    return bench.create_endpoint()


def arn(aws, kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{aws.region}:{aws.account}:{kind}/{name.lower()}"


class TestConfigurations:
    def test_a_configuration_is_described_as_it_was_created(self, aws, bench):
        name = bench.create_config(Tags=[{"Key": "a", "Value": "b"}])
        description = bench.sagemaker.describe_endpoint_config(EndpointConfigName=name)
        assert description["EndpointConfigArn"] == arn(aws, "endpoint-config", name)
        assert description["ProductionVariants"] == [bench.variant()]
        assert description["CreationTime"].tzinfo
        tags = bench.sagemaker.list_tags(ResourceArn=description["EndpointConfigArn"])["Tags"]
        assert tags == [{"Key": "a", "Value": "b"}]

    def test_a_configuration_is_listed_and_deleted(self, bench):
        name = bench.create_config()
        listed = bench.sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
        assert [entry["EndpointConfigName"] for entry in listed] == [name]
        bench.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        assert not bench.sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
        for operation in (bench.sagemaker.describe_endpoint_config, bench.sagemaker.delete_endpoint_config):
            with expect_error("ValidationException", "Could not find endpoint configuration"):
                operation(EndpointConfigName=name)

    def test_names_are_unique_regardless_of_case(self, bench):
        name = bench.create_config()
        with expect_error("ValidationException", "Cannot create already existing endpoint configuration"):
            bench.create_config(EndpointConfigName=name.upper())

    def test_its_models_must_exist(self, bench):
        with expect_error("ValidationException", "Could not find model"):
            bench.create_config(ProductionVariants=[bench.variant(ModelName="absent")])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"InstanceType": "ml.none"}, "enum value set"),
            ({"ModelName": "m" * 64}, "length less than or equal to 63"),
            ({"VolumeSizeInGB": 513}, "less than or equal to 512"),
            ({"InitialVariantWeight": 0.0}, "weight greater than 0"),
            ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "ServerlessConfig is not supported"),
        ],
    )
    def test_variants_that_are_refused(self, bench, changes, message):
        with expect_error("ValidationException", message):
            bench.create_config(ProductionVariants=[bench.variant(**changes)])

    def test_variant_names_are_unique(self, bench):
        with expect_error("ValidationException", "Variant names must be unique"):
            bench.create_config(ProductionVariants=[bench.variant(), bench.variant()])


class TestEndpoints:
    def test_an_endpoint_is_described(self, aws, bench, endpoint):
        description = bench.sagemaker.describe_endpoint(EndpointName=endpoint)
        assert description["EndpointArn"] == arn(aws, "endpoint", endpoint)
        assert description["EndpointStatus"] == "InService"
        assert "FailureReason" not in description
        (variant,) = description["ProductionVariants"]
        assert variant["DeployedImages"][0]["SpecifiedImage"] == bench.image
        assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (1, 1.0)
        listed = bench.sagemaker.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
        assert [entry["EndpointName"] for entry in listed] == [endpoint]

    def test_its_states_are_announced_in_capitals(self, aws, bench):
        name = unique_name("endpoint")
        log = EventLog(aws, {"source": ["aws.sagemaker"], "detail": {"EndpointName": [name]}})
        bench.create_endpoint(EndpointName=name)
        first, second = log.first(2)
        assert first["detail-type"] == "SageMaker Endpoint State Change"
        assert first["resources"] == [arn(aws, "endpoint", name)]
        assert [event["detail"]["EndpointStatus"] for event in (first, second)] == ["CREATING", "IN_SERVICE"]
        assert isinstance(second["detail"]["CreationTime"], int)
        bench.delete_endpoint(name)

    def test_its_configuration_must_exist(self, bench):
        with expect_error("ValidationException", "Could not find endpoint configuration"):
            bench.sagemaker.create_endpoint(EndpointName=unique_name("endpoint"), EndpointConfigName="absent")

    def test_names_are_unique_regardless_of_case(self, bench, endpoint):
        with expect_error("ValidationException", "Cannot create already existing endpoint"):
            bench.create_endpoint(EndpointName=endpoint.upper())

    @pytest.mark.long
    def test_an_endpoint_outlives_its_configuration_and_model(self, bench):
        model = bench.create_model()
        config = bench.create_config(ProductionVariants=[bench.variant(ModelName=model)])
        endpoint = bench.create_endpoint(config)
        bench.sagemaker.delete_endpoint_config(EndpointConfigName=config)
        bench.sagemaker.delete_model(ModelName=model)
        assert bench.invoke(endpoint, b"acgt") == b"ACGT!"
        bench.delete_endpoint(endpoint)

    def test_an_endpoint_whose_model_data_have_gone_fails(self, bench):
        data = bench.put("gone.tar.gz", bench.read(bench.data))
        config = bench.create_config(
            ProductionVariants=[bench.variant(ModelName=bench.create_model(ModelDataUrl=data))]
        )
        bench.s3.delete_object(Bucket=bench.bucket, Key="gone.tar.gz")
        endpoint = bench.create_endpoint(config, status="Failed")
        reason = bench.sagemaker.describe_endpoint(EndpointName=endpoint)["FailureReason"]
        assert "does not exist" in reason
        bench.delete_endpoint(endpoint)

    def test_a_deleted_endpoint_is_gone(self, bench):
        endpoint = bench.create_endpoint()
        bench.delete_endpoint(endpoint)
        with expect_error("ValidationError", "not found"):
            bench.invoke(endpoint, b"acgt")
        with expect_error("ValidationException", "Could not find endpoint"):
            bench.sagemaker.delete_endpoint(EndpointName=endpoint)


class TestInvocations:
    def test_the_model_responds(self, bench, endpoint):
        response = bench.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"acgt", ContentType="text/csv")
        assert response["Body"].read() == b"ACGT!"
        assert response["InvokedProductionVariant"] == "AllTraffic"
        assert response["ContentType"] == "application/json"

    def test_an_exception_of_the_model_is_a_model_error_of_status_400(self, bench, endpoint):
        with expect_error("ModelError", "no such base") as caught:
            bench.invoke(endpoint, b"raise")
        response = caught.value.response
        assert response["OriginalStatusCode"] == 400
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424

    def test_a_container_that_dies_is_started_again(self, bench, endpoint):
        with expect_error("ModelError", "exit status 3") as caught:
            bench.invoke(endpoint, b"die")
        assert caught.value.response["OriginalStatusCode"] == 500
        assert bench.invoke(endpoint, b"acgt") == b"ACGT!"

    @pytest.mark.long
    def test_a_model_that_does_not_load_is_in_service_and_fails_each_request(self, bench):
        code = "def model_fn(d): raise OSError('bad weights')\ndef predict_fn(d, m): return d\n"
        endpoint = bench.create_endpoint(bench.config_of(code))
        with expect_error("ModelError", "bad weights"):
            bench.invoke(endpoint, b"acgt")
        bench.delete_endpoint(endpoint)

    def test_names_are_matched_with_their_case(self, bench, endpoint):
        with expect_error("ValidationError", "not found"):
            bench.invoke(endpoint.upper(), b"acgt")

    def test_payloads_over_six_mebibytes_are_refused(self, bench, endpoint):
        with expect_error("ValidationError", "length less than or equal to 6291456"):
            bench.invoke(endpoint, b"a" * 6_291_457)

    @pytest.mark.long
    def test_requests_go_to_the_variants_by_their_weights(self, bench):
        variants = [bench.variant(VariantName=name, InitialVariantWeight=weight) for name, weight in WEIGHTS.items()]
        endpoint = bench.create_endpoint(bench.create_config(ProductionVariants=variants))
        chosen = {bench.invoke_variant(endpoint) for _ in range(40)}
        assert chosen == {"a", "b"}
        assert bench.invoke_variant(endpoint, TargetVariant="c") == "c"
        with expect_error("ValidationError", "Variant d not found"):
            bench.invoke_variant(endpoint, TargetVariant="d")
        bench.delete_endpoint(endpoint)


WEIGHTS = {"a": 1.0, "b": 1.0, "c": 0.0}  # 40 requests miss one of two variants once in 2 ** 39 runs


class TestPermissions:
    def test_the_caller_needs_the_action_on_the_endpoint(self, aws, bench, endpoint):
        other = make_role(aws, allow("sagemaker:InvokeEndpoint", arn(aws, "endpoint", "other")))
        runtime = assume_role(aws, other).client("sagemaker-runtime")
        with expect_error("AccessDeniedException", "sagemaker:InvokeEndpoint") as caught:
            runtime.invoke_endpoint(EndpointName=endpoint, Body=b"acgt")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        own = make_role(aws, allow("sagemaker:InvokeEndpoint", arn(aws, "endpoint", endpoint)))
        runtime = assume_role(aws, own).client("sagemaker-runtime")
        assert runtime.invoke_endpoint(EndpointName=endpoint, Body=b"acgt", ContentType="text/csv")

    def test_creation_needs_the_action_on_endpoint_and_configuration(self, aws, bench):
        name, config = unique_name("endpoint"), bench.create_config()
        role = make_role(aws, allow("sagemaker:CreateEndpoint", arn(aws, "endpoint", name)))
        with expect_error("AccessDeniedException", "endpoint-config"):
            assume_role(aws, role).client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config)

    def test_instance_types_are_a_condition(self, aws, bench):
        condition = {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": "ml.t2.*"}}
        role = make_role(aws, allow("sagemaker:CreateEndpointConfig", Condition=condition))
        client = assume_role(aws, role).client("sagemaker")
        with expect_error("AccessDeniedException"):
            client.create_endpoint_config(EndpointConfigName=unique_name("c"), ProductionVariants=[bench.variant()])
        small = bench.variant(InstanceType="ml.t2.medium")
        assert client.create_endpoint_config(EndpointConfigName=unique_name("c"), ProductionVariants=[small])


@pytest.mark.long
def test_endpoints_survive_when_sagemaker_is_killed(aws, bench, endpoint):
    aws.restart_sagemaker()

    def probe() -> bytes | None:
        try:
            return bench.invoke(endpoint, b"acgt")
        except bench.runtime.exceptions.ClientError:
            return None

    assert wait_for(probe) == b"ACGT!"
