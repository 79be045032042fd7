"""`seqdrop doctor` on the deployed stack: what a new stack lacks, and a canary that is archived once."""

from __future__ import annotations

import json

import pytest
from seqdrop_cli.main import main


@pytest.fixture
def doctor(target, monkeypatch, capsys):
    monkeypatch.setattr("seqdrop_cli.target.find_target", lambda _: target)

    def run(*words: str) -> tuple[int, dict[str, dict]]:
        status = main(["doctor", "--json", *words])
        findings = map(json.loads, capsys.readouterr().out.splitlines())
        return status, {finding["check"]: finding for finding in findings}

    return run


@pytest.mark.long
def test_two_canaries_make_one_copy(doctor, s3, stack):
    first, second = doctor()[1], doctor()[1]
    assert (first["canary"]["status"], "ARCHIVED" in first["canary"]["text"]) == ("ok", True)
    assert (second["canary"]["status"], "DUPLICATE" in second["canary"]["text"]) == ("ok", True)
    assert s3.list_objects_v2(Bucket=stack.archive, Prefix="raw/seqdrop-doctor/")["KeyCount"] == 1
    parts = {name: first[name]["status"] for name in ("functions", "key", "buckets", "events", "dead letters")}
    assert parts == dict.fromkeys(parts, "ok")
    assert first["Lambda concurrency"]["status"] in ("ok", "warning")
    assert first["job quotas"]["status"] == "unknown"  # the embedded AWS has no quotas


def test_events_that_were_switched_off_are_found(doctor, s3, stack):
    kept = s3.get_bucket_notification_configuration(Bucket=stack.landing)
    kept.pop("ResponseMetadata", None)
    s3.put_bucket_notification_configuration(Bucket=stack.landing, NotificationConfiguration={})
    try:
        status, findings = doctor("--no-canary")
    finally:
        s3.put_bucket_notification_configuration(Bucket=stack.landing, NotificationConfiguration=kept)
    assert (status, findings["events"]["status"]) == (1, "failed")
    assert "canary" not in findings
