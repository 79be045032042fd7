"""SageMaker's asynchronous endpoints: requests in a queue, outputs in S3, and messages on topics."""

import re

import pytest

from local.testing import EndpointBench, Inbox, allow, assume_role, endpoint_code, expect_error, make_role, unique_name

pytest_plugins = ["local.fixtures"]


@pytest.fixture(scope="module")
def bench(aws) -> EndpointBench:
    return EndpointBench(aws, endpoint_code("raise", "wait"))


@pytest.fixture(scope="module")
def inbox(aws) -> Inbox:
    return Inbox(aws)


@pytest.fixture(scope="module")
def endpoint(bench, inbox) -> str:
    return bench.create_endpoint(bench.create_async_config(inbox.topic))


def invoke(bench, endpoint: str, body: bytes, **parameters: object) -> dict:
    location = bench.put(f"in/{unique_name('request')}", body)
    request = {"InputLocation": location, "ContentType": "text/csv", "InvocationTimeoutSeconds": 20} | parameters
    return bench.runtime.invoke_endpoint_async(EndpointName=endpoint, **request)


def test_the_output_and_a_message_follow(aws, bench, inbox, endpoint):
    response = invoke(bench, endpoint, b"acgt", InferenceId="first", Accept="text/csv")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert response["InferenceId"] == "first"
    assert response["OutputLocation"] == f"s3://{bench.bucket}/async/first.out"
    message = inbox.wait_for("first")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message.pop("eventTime"))
    assert message.pop("receivedTime")
    location = message["requestParameters"].pop("inputLocation")
    assert location.startswith(f"s3://{bench.bucket}/in/")
    assert message == {
        "awsRegion": aws.region,
        "invocationStatus": "Completed",
        "requestParameters": {"accept": "text/csv", "contentType": "text/csv", "endpointName": endpoint},
        "responseParameters": {"contentType": "text/csv", "outputLocation": response["OutputLocation"]},
        "inferenceId": "first",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    assert bench.read(response["OutputLocation"]) == b"ACGT!"


def test_the_payload_may_be_in_the_request(bench, inbox, endpoint):
    response = bench.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"inline", ContentType="text/csv")
    message = inbox.wait_for(response["InferenceId"])
    assert "inputLocation" not in message["requestParameters"]
    assert bench.read(response["OutputLocation"]) == b"INLINE!"


def test_the_request_chooses_the_name_of_its_output(bench, inbox, endpoint):
    response = invoke(bench, endpoint, b"a", S3OutputPathExtension="deep/er", Filename="name.json")
    assert response["OutputLocation"] == f"s3://{bench.bucket}/async/deep/er/name.json"
    inbox.wait_for(response["InferenceId"])
    assert bench.read(response["OutputLocation"]) == b"A!"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"InputLocation": "s3://bucket/key", "Body": b"a"}, "Exactly one of InputLocation and Body"),
        ({}, "Exactly one of InputLocation and Body"),
        ({"Body": b"a" * 128_001}, "length less than or equal to 128000"),
        ({"Body": b"a", "Filename": "a.b.c"}, "Filename|filename"),
        ({"Body": b"a", "S3OutputPathExtension": "with space"}, "s3OutputPathExtension"),
        ({"Body": b"a", "RequestTTLSeconds": 21_601}, "less than or equal to 21600"),
        ({"InputLocation": "https://host/key"}, "does not begin with s3://"),
    ],
)
def test_requests_that_are_refused(bench, endpoint, parameters, message):
    with expect_error("ValidationError", message):
        bench.runtime.invoke_endpoint_async(EndpointName=endpoint, **parameters)


def test_an_exception_of_the_model_fails_the_request(bench, inbox, endpoint):
    response = invoke(bench, endpoint, b"raise")
    message = inbox.wait_for(response["InferenceId"])
    assert message["invocationStatus"] == "Failed"
    assert "no such base" in message["failureReason"]
    assert message["responseParameters"] == {"failureLocation": response["FailureLocation"]}
    assert b"no such base" in bench.read(response["FailureLocation"])
    with pytest.raises(bench.s3.exceptions.NoSuchKey):
        bench.read(response["OutputLocation"])


def test_an_absent_input_fails_the_request(bench, inbox, endpoint):
    location = f"s3://{bench.bucket}/absent"
    response = bench.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=location)
    message = inbox.wait_for(response["InferenceId"])
    assert message["invocationStatus"] == "Failed"
    assert "does not exist" in message["failureReason"]


@pytest.mark.long
def test_a_request_that_takes_too_long_fails_and_the_next_one_is_processed(bench, inbox, endpoint):
    slow = invoke(bench, endpoint, b"wait", InvocationTimeoutSeconds=1)
    quick = invoke(bench, endpoint, b"acgt")
    assert inbox.wait_for(slow["InferenceId"])["invocationStatus"] == "Failed"
    assert inbox.wait_for(quick["InferenceId"])["invocationStatus"] == "Completed"


@pytest.mark.long
def test_the_response_is_in_the_message_if_the_topic_asks_for_it(bench):
    inbox = Inbox(bench.aws)
    config = bench.create_async_config(inbox.topic, IncludeInferenceResponseIn=["SUCCESS_NOTIFICATION_TOPIC"])
    endpoint = bench.create_endpoint(config)
    response = invoke(bench, endpoint, b"acgt", Accept="text/csv")
    assert inbox.wait_for(response["InferenceId"])["responseBody"] == {"content": "ACGT!", "encoding": "CSV"}
    bench.delete_endpoint(endpoint)


@pytest.mark.long
def test_outputs_are_encrypted_with_the_key_of_the_configuration(aws, bench, inbox):
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    output = {
        "S3OutputPath": f"s3://{bench.bucket}/encrypted",
        "KmsKeyId": key,
        "NotificationConfig": {"SuccessTopic": inbox.topic, "ErrorTopic": inbox.topic},
    }
    endpoint = bench.create_endpoint(bench.create_config(AsyncInferenceConfig={"OutputConfig": output}))
    response = invoke(bench, endpoint, b"acgt", InferenceId="secret")
    assert "FailureLocation" not in response
    assert inbox.wait_for("secret")["invocationStatus"] == "Completed"
    head = bench.s3.head_object(Bucket=bench.bucket, Key="encrypted/secret.out")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"].endswith(key)) == ("aws:kms", True)
    bench.delete_endpoint(endpoint)


@pytest.mark.long
def test_each_kind_of_endpoint_has_its_own_operation(bench, endpoint):
    with expect_error("ValidationError", "asynchronous"):
        bench.invoke(endpoint, b"acgt")
    realtime = bench.create_endpoint()
    with expect_error("ValidationError", "real-time"):
        invoke(bench, realtime, b"acgt")
    bench.delete_endpoint(realtime)


def test_the_caller_needs_its_own_action(aws, bench, endpoint):
    runtime = assume_role(aws, make_role(aws, allow("sagemaker:InvokeEndpoint"))).client("sagemaker-runtime")
    with expect_error("AccessDeniedException", "sagemaker:InvokeEndpointAsync"):
        runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"a")


@pytest.mark.long
def test_input_output_and_topic_need_the_role_of_the_model(aws, bench):
    inbox = Inbox(aws)
    arn = f"arn:aws:s3:::{bench.bucket}/"
    role = make_role(aws, allow("s3:GetObject", arn + "*.tar.gz"), allow("sns:Publish"))
    model = bench.create_model(ExecutionRoleArn=role)
    config = bench.create_async_config(inbox.topic, model)
    endpoint = bench.create_endpoint(config)
    response = invoke(bench, endpoint, b"acgt")
    assert "access denied" in inbox.wait_for(response["InferenceId"])["failureReason"]
    bench.delete_endpoint(endpoint)


@pytest.mark.long
def test_requests_survive_when_sagemaker_is_killed(aws, bench, inbox, endpoint):
    responses = [invoke(bench, endpoint, b"wait", InvocationTimeoutSeconds=2), invoke(bench, endpoint, b"acgt")]
    aws.restart_sagemaker()
    messages = [inbox.wait_for(response["InferenceId"]) for response in responses]
    assert [message["invocationStatus"] for message in messages] == ["Failed", "Completed"]


@pytest.mark.long
def test_requests_of_a_deleted_endpoint_have_no_result(bench):
    inbox = Inbox(bench.aws)
    endpoint = bench.create_endpoint(bench.create_async_config(inbox.topic))
    invoke(bench, endpoint, b"wait", InvocationTimeoutSeconds=2, InferenceId="under-way")
    invoke(bench, endpoint, b"acgt", InferenceId="waiting")
    bench.delete_endpoint(endpoint)
    assert inbox.wait_for("under-way")["invocationStatus"] == "Failed"
    assert not inbox.has("waiting")
    with pytest.raises(bench.s3.exceptions.NoSuchKey):
        bench.read(f"s3://{bench.bucket}/async/waiting.out")
