"""Clients are made when they are first used, from the description of their own service."""

import threading
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import DataNotFoundError
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
