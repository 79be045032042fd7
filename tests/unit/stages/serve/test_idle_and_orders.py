"""Endpoints without requests are deleted with a mail; orders of a person, and analyses that lost their endpoint."""

import pytest
from seqdrop.runtime.events import UnknownEventError

from tests.unit.stages.serve.conftest import ANALYSIS, NAME, TEXT

HOUR = 3600
START, STOP = ({"order": order, "endpoints": [NAME], "by": "arn:ada"} for order in ("start", "stop"))


def request(lab) -> None:
    lab.account.cloudwatch.points.setdefault(("Invocations", NAME), []).append((lab.clock.now, 1.0))


def test_an_idle_endpoint_is_deleted_with_a_mail_and_made_again_on_request(lab):
    lab.start()
    lab.clock.advance(6 * HOUR)
    lab.run()
    assert lab.endpoint.status == "Deleting"
    lab.end_change()
    lab.run()
    assert lab.residue == []
    assert lab.mails == [f"Seqdrop deleted the idle endpoint {NAME}"]
    lab.push("second")
    lab.run({"source": "aws.s3"})
    assert lab.residue == []  # a promotion is no request for it
    lab.run(START)
    assert lab.endpoint.status == "Creating"


def test_an_endpoint_with_requests_stays(lab):
    lab.start()
    lab.clock.advance(5 * HOUR)
    request(lab)
    lab.clock.advance(5 * HOUR)
    lab.run()
    assert lab.endpoint.status == "InService"


def test_an_endpoint_is_idle_only_after_its_hours(lab):
    lab.start()
    lab.clock.advance(5 * HOUR)
    lab.run()
    assert lab.endpoint.status == "InService"


def test_without_idle_hours_it_stays(lab):
    lab.deploy(TEXT.replace("idle_hours = 6", "idle_hours = 0"))
    lab.start()
    lab.clock.advance(1000 * HOUR)
    lab.run()
    assert (lab.endpoint.status, lab.mails) == ("InService", [])


def test_a_stopped_endpoint_stays_away_until_it_is_started(lab):
    lab.start()
    lab.run(STOP)
    lab.end_change()
    lab.run()
    assert lab.residue == []
    assert lab.services.ledger.endpoint(NAME).by == "arn:ada"
    lab.run(START)
    lab.end_change()
    assert lab.endpoint.status == "InService"
    assert lab.account.autoscaling.targets


def test_an_endpoint_that_is_stopped_while_it_changes_is_deleted_afterwards(lab):
    lab.push()
    lab.run()
    lab.run(STOP)
    assert lab.endpoint.status == "Creating"
    lab.end_change()
    assert lab.endpoint.status == "Deleting"


def test_start_tries_a_refused_configuration_again(lab):
    lab.start()
    lab.push("worse")
    lab.run()
    lab.end_change(NAME, "is undone")
    lab.run(START)
    assert lab.endpoint.status == "Updating"


def test_an_analysis_without_its_table_loses_its_endpoint(lab):
    lab.start()
    lab.deploy(ANALYSIS.format(name="contigs", model="promoter-300"))
    lab.run()
    lab.end_change()
    lab.run()
    assert lab.sagemaker.endpoints == {}
    assert not lab.account.autoscaling.targets
    assert not lab.account.cloudwatch.alarms


@pytest.mark.parametrize("body", [{}, {"source": "aws.ec2"}, {"attempt": "x"}])
def test_other_messages_are_refused(lab, body):
    with pytest.raises(UnknownEventError):
        lab.run(body)
