"""Clients are made when they are first used, from the description of their own service."""

import re
import threading
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.session
import pytest
import seqdrop
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader
from seqdrop.runtime.clients import Deferred, QuickLoader, use_quick_loader

from tests.support.services import make_services


class Counted:
    def __init__(self, clients: list) -> None:
        clients.append(self)
        self.name = "client"


def test_an_object_is_made_once_and_only_when_it_is_used():
    clients = []
    deferred = Deferred(lambda: Counted(clients))
    assert clients == []
    assert (deferred.name, deferred.name) == ("client", "client")
    assert len(clients) == 1


def test_threads_share_one_object():
    clients, start = [], threading.Barrier(8)
    deferred = Deferred(lambda: Counted(clients))

    def use() -> None:
        start.wait()
        assert deferred.name == "client"

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clients) == 1


def test_an_absent_attribute_is_an_error():
    with pytest.raises(AttributeError, match="other"):
        _ = Deferred(lambda: Counted([])).other


def test_the_loader_reads_the_same_description_as_botocore():
    quick, plain = QuickLoader(), boto3.Session()._loader
    for service in ("s3", "sqs"):
        assert quick.load_service_model(service, "service-2") == plain.load_service_model(service, "service-2")


# One call of each service that the layers use.
CALLS = {
    "s3": ("get_object", {"Bucket": "lab", "Key": "raw/a"}),
    "s3control": ("list_jobs", {"AccountId": "111122223333"}),
    "dynamodb": ("get_item", {"TableName": "ledger", "Key": {"pk": {"S": "a"}}}),
    "sqs": ("get_queue_attributes", {"QueueUrl": "https://queue.example/1/a"}),
    "sns": ("publish", {"TopicArn": "arn:aws:sns:us-east-1:111122223333:a", "Message": "text"}),
    "kms": ("sign", {"KeyId": "a", "Message": b"a", "SigningAlgorithm": "ECDSA_SHA_256"}),
    "sagemaker": ("describe_transform_job", {"TransformJobName": "a"}),
    "sagemaker-runtime": ("invoke_endpoint", {"EndpointName": "a", "Body": b"a"}),
    "cloudwatch": ("list_metrics", {}),
    "datasync": ("list_tasks", {}),
    "events": ("put_events", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}),
    "omics": ("get_run", {"id": "1234567"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "a"}),
    "sagemaker-featurestore-runtime": (
        "get_record",
        {"FeatureGroupName": "a", "RecordIdentifierValueAsString": "b"},
    ),
    "application-autoscaling": ("describe_scalable_targets", {"ServiceNamespace": "sagemaker"}),
}
# A region of each partition, those with names of their own in endpoints.json, and one that does not exist yet.
REGIONS = ["us-east-1", "us-west-2", "eu-central-9", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"]


class SentError(Exception):
    """Ends a call before its request leaves this machine."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        self.url = request.url
        self.scope = request.headers["Authorization"].partition(b"SignedHeaders")[0]

    @classmethod
    def stop(cls, request: AWSPreparedRequest, **_) -> None:
        raise cls(request)


def send(session: botocore.session.Session, service: str, region: str, **config) -> tuple[str, str]:
    """Return the URL of a call, and what its signature is for: date, region and service."""
    client = session.create_client(
        service, region, aws_access_key_id="key", aws_secret_access_key="secret", config=Config(**config)
    )
    client.meta.events.register_first("before-send.*.*", SentError.stop)
    operation, parameters = CALLS[service]
    with pytest.raises(SentError) as sent:
        getattr(client, operation)(**parameters)
    return sent.value.url, sent.value.scope


def make_session(loader: Loader | None = None) -> botocore.session.Session:
    session = botocore.session.Session()
    if loader:
        session.register_component("data_loader", loader)
    return session


@pytest.fixture(scope="module")
def sessions() -> tuple[botocore.session.Session, botocore.session.Session]:
    return make_session(QuickLoader()), make_session()


def test_each_service_of_the_layers_is_tried():
    creation = re.compile(r'boto3\.client[,(]\s*"([\w-]+)"')
    sources = [path.read_text() for path in Path(seqdrop.__file__).parent.rglob("*.py")]
    assert {name for source in sources for name in creation.findall(source)} <= set(CALLS)


@pytest.mark.parametrize("region", REGIONS)
def test_calls_go_where_botocore_sends_them_with_its_signature(sessions, region):
    for service in CALLS:
        quick, plain = (send(session, service, region) for session in sessions)
        assert quick == plain, service


@pytest.mark.parametrize("way", ["use_fips_endpoint", "use_dualstack_endpoint"])
def test_calls_go_to_the_addresses_that_a_lab_may_prescribe(sessions, way):
    for service in set(CALLS) - ({"application-autoscaling"} if way == "use_dualstack_endpoint" else set()):
        quick, plain = (send(session, service, "us-east-1", **{way: True}) for session in sessions)
        assert quick == plain, service


def test_an_unknown_service_is_an_error():
    with pytest.raises(DataNotFoundError):
        QuickLoader().load_service_model("no-such-service", "service-2")


def test_a_session_that_exists_stays(monkeypatch):
    session = boto3.Session()
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    use_quick_loader()
    assert boto3.DEFAULT_SESSION is session


def test_the_default_session_gets_the_loader(monkeypatch):
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    use_quick_loader()
    assert isinstance(boto3.DEFAULT_SESSION._session.get_component("data_loader"), QuickLoader)
    assert boto3.client("sqs").meta.service_model.service_name == "sqs"
    assert boto3.resource("dynamodb").Table("ledger").name == "ledger"


def test_the_client_of_endpoints_is_made_when_it_is_first_used(monkeypatch):
    calls = []
    monkeypatch.setattr(boto3, "client", lambda name: calls.append(name) or SimpleNamespace(invoke_endpoint="call"))
    services = make_services(ledger=None, s3=None, sagemaker=None, sqs=None, sns=None)
    assert calls == []
    assert services.sagemaker_runtime.invoke_endpoint == "call"
    assert calls == ["sagemaker-runtime"]
