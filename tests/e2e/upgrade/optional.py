"""Optional parts of this version in a lab that has been upgraded: each is turned on, used, and turned off again."""

from __future__ import annotations

import json

from seqdrop.sagemaker.endpoints import IN_SERVICE, describe_endpoint
from seqdrop.stages.hourly_spend import MONITORING
from seqdrop.stages.monitor.monitor import JOB, REPORTED

from local.deploy import install
from local.testing import wait_for
from tests.e2e.upgrade.lab import NAME, PARAMETERS, PATIENCE, Lab

ENDPOINT = "\n[analyses.gated.endpoint]\nmax_instances = 1\n"
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def turn(lab: Lab, name: str, value: str) -> None:
    """Deploy the lab's checkout with a switch; endpoints are those of the analysis `gated`."""
    analyses = lab.tree / "analyses.toml"
    text = analyses.read_text().replace(ENDPOINT, "")
    analyses.write_text(text + ENDPOINT if (name, value) == ("Endpoints", "true") else text)
    install(lab.aws, tree=lab.tree, name=NAME, **PARAMETERS, **{name: value})


def use_endpoint(lab: Lab) -> None:
    """Wait for the endpoint of the model that the earlier version has registered, and send it a request."""
    sagemaker, name = lab.aws.client("sagemaker"), f"{NAME}-gated"

    def is_in_service() -> bool:
        state = describe_endpoint(sagemaker, name)
        return state is not None and state.status == IN_SERVICE

    wait_for(is_in_service, PATIENCE)
    runtime, body = lab.aws.client("sagemaker-runtime"), json.dumps({"inputs": "CTAATC TAATCT AATCTA"})
    response = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=body)
    (prediction,) = json.loads(response["Body"].read())
    assert 0 <= prediction["score"] <= 1


def use_monitoring(lab: Lab) -> None:
    """Have a monitoring job look at what the lab has predicted with either version, and wait for its report."""
    url = lab.list_queues()["MonitorQueue"]
    lab.aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(SCHEDULED))

    def is_reported() -> bool:
        place = lab.ledger.position(MONITORING).place
        return place.get(REPORTED, "") == place.get(JOB, "none")

    wait_for(is_reported, PATIENCE)
    (job,) = lab.aws.client("sagemaker").list_processing_jobs(NameContains="seqdrop-monitor-")["ProcessingJobSummaries"]
    assert job["ProcessingJobStatus"] == "Completed"
    assert lab.list_objects(lab.stack.results, "monitoring/")


USES = {"Endpoints": use_endpoint, "Monitoring": use_monitoring}
