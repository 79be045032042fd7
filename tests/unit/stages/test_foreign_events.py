"""Events of other buckets, such as the examples in events/, are refused before the ledger is touched."""

from __future__ import annotations

import json

import pytest
from seqdrop.ledger.records import Upload
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

FOREIGN = UploadVersion("seqdrop-landing", "raw/a.fastq", "v1", 7, "e", "0A")


def read_examples(repository, shape: str) -> list[UploadVersion]:
    event = json.loads((repository / f"events/{shape}.json").read_text())
    return [version for record in event["Records"] for version in parse_landed_versions(json.loads(record["body"]))]


@pytest.mark.parametrize("shape", ["validate-eventbridge", "validate-records"])
def test_the_examples_leave_no_record_and_are_counted(services, cloud, repository, capsys, shape):
    before = cloud.table.snapshot()
    versions = read_examples(repository, shape)
    for version in versions:
        validate(services, version)
    assert versions
    assert cloud.table.snapshot() == before
    assert cloud.sent == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["foreign_events"] for line in lines if "foreign_events" in line] == [[1]] * len(versions)
    assert not any(version.key in json.dumps(lines, ensure_ascii=False) for version in versions)


def test_a_record_that_an_earlier_version_made_is_withdrawn_and_not_nudged_any_more(services, sent):
    services.ledger.create(Upload.from_version(FOREIGN, "raw"))
    assert reconcile(services)["received"] == 1
    ((_, body),) = sent
    validate(services, *parse_landed_versions(body))
    upload = services.ledger.find_upload(FOREIGN.id)
    assert (upload.state, upload.reason) == ("WITHDRAWN", "foreign_bucket")
    assert reconcile(services)["received"] == 0


@pytest.mark.parametrize("state", ["VALIDATED", "REJECTED", "WAITING"])
def test_a_record_in_another_state_stays(services, state):
    services.ledger.create(Upload.from_version(FOREIGN, "raw"))
    services.ledger.move(services.ledger.find_upload(FOREIGN.id), state)
    before = services.ledger.find_upload(FOREIGN.id)
    validate(services, FOREIGN)
    assert services.ledger.find_upload(FOREIGN.id) == before
