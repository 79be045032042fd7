"""The handler of functions/serve: messages of its queue, and requests of CloudFormation, which it queues."""

import importlib.util
import json

import pytest

from tests.unit.stages.serve.conftest import NAME


@pytest.fixture
def handler(lab, repository, monkeypatch):
    spec = importlib.util.spec_from_file_location("app_serve", repository / "functions/serve/app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    monkeypatch.setattr(app, "services", lambda: lab.services)
    return app.handler


def test_a_request_of_cloudformation_is_queued(lab, handler):
    request = {"RequestType": "Delete", "ResponseURL": "https://example.org/signed"}
    assert handler(request, None) == {"batchItemFailures": []}
    assert lab.queued == [{**request, "at": lab.clock.now.isoformat()}]


def test_the_example_event_has_the_endpoints_looked_at(lab, handler, repository):
    lab.push()
    event = json.loads((repository / "events/serve.json").read_text())
    assert handler(event, None) == {"batchItemFailures": []}
    assert lab.sagemaker.endpoints[NAME].status == "Creating"
