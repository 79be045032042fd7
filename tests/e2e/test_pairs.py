"""Pairs on the deployed template: R1 and R2 dropped together, one after the other, broken, or alone."""

from __future__ import annotations

import json

import pytest

LONG_AGO = "2026-01-01T00:00:00.000Z"


def make_fastq(mate: int, names: range = range(5)) -> bytes:
    bases = "ACGT"[mate] * 30 + "ACGT" * 20
    return "".join(f"@e{n} {mate}:N:0:ACGT\n{bases}\n+\n{'I' * len(bases)}\n" for n in names).encode()


def read_json(s3, stack, kind: str, upload) -> dict:
    return json.loads(s3.get_object(Bucket=stack.results, Key=f"{kind}/{upload.upload_id}.json")["Body"].read())


def test_a_pair_that_is_dropped_together_is_checked_and_archived(put, wait_for_end, s3, stack):
    keys = [f"reads/e2e/together {n}_S1_L001_R{mate}_001.fastq" for n in range(3) for mate in (1, 2)]
    uploads = wait_for_end(*[put(key, make_fastq(2 if "_R2_" in key else 1)) for key in keys])
    assert {upload.key: upload.state for upload in uploads} == dict.fromkeys(keys, "ARCHIVED")
    for upload, mate_upload in [(uploads[0], uploads[1]), (uploads[3], uploads[2])]:
        mate = read_json(s3, stack, "reports", upload)["mate"]
        assert (mate["key"], mate["upload"], mate["checked"]) == (mate_upload.key, mate_upload.upload_id, True)
        assert len(upload.attempts) == 1


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_first_mate_waits_and_advances_with_the_second(put, wait_for_end, order):
    drops = {mate: (f"reads/e2e/order{order[0]}_{mate}.fastq", make_fastq(mate)) for mate in order}
    first = put(*drops[order[0]])
    (upload,) = wait_for_end(first)
    assert (upload.state, upload.attempts) == ("WAITING", [])
    uploads = wait_for_end(first, put(*drops[order[1]]))
    assert [upload.state for upload in uploads] == ["ARCHIVED", "ARCHIVED"]
    assert uploads[0].upload.mate == uploads[1].upload_id


def test_a_pair_out_of_step_is_rejected_and_stays_in_landing(put, wait_for_end, s3, stack, mails):
    bodies = {"reads/e2e/steps_R1.fastq": make_fastq(1), "reads/e2e/steps_R2.fastq": make_fastq(2, range(1, 6))}
    uploads = wait_for_end(*[put(key, body) for key, body in bodies.items()])
    for upload, mate in zip(uploads, reversed(uploads), strict=True):
        assert (upload.state, upload.detail) == ("REJECTED", "mates_out_of_step")
        reason = read_json(s3, stack, "reasons", upload)
        assert (reason["code"], reason["mate"]["upload"]) == ("mates_out_of_step", mate.upload_id)
        assert s3.get_object(Bucket=stack.landing, Key=upload.key)["Body"].read() == bodies[upload.key]
    mail = mails.wait_for(uploads[0].upload_id)
    assert uploads[1].upload_id in mail["Message"]


def test_raw_mates_do_not_wait_and_the_second_is_checked(put, wait_for_end, s3, stack):
    (first,) = wait_for_end(put("raw/e2e/late_R1.fastq", make_fastq(1)))
    assert first.state == "ARCHIVED"
    (wrong,) = wait_for_end(put("raw/e2e/late_R2.fastq", make_fastq(2, range(4))))
    assert (wrong.state, wrong.detail) == ("REJECTED", "mates_unequal_counts")
    (second,) = wait_for_end(put("raw/e2e/late_R2.fastq", make_fastq(2)))
    assert second.state == "ARCHIVED"
    assert read_json(s3, stack, "reports", second)["mate"]["upload"] == first.upload_id


def test_a_missing_mate_is_reported_and_paired_when_it_arrives(put, wait_for_end, aws, target, mails):
    version = put("reads/e2e/alone_R1.fastq", make_fastq(1))
    (upload,) = wait_for_end(version)
    assert upload.state == "WAITING"
    assert reconcile(aws)["unmated"] == 0
    backdate_waiting(target, upload.upload)
    assert reconcile(aws)["unmated"] == 1
    mail = mails.wait_for(upload.upload_id)
    assert "waits for its mate" in mail["Subject"]
    assert "alone_R2.fastq" in mail["Message"]
    assert reconcile(aws)["unmated"] == 0
    assert target.ledger().find_upload(upload.upload_id).told_at
    uploads = wait_for_end(version, put("reads/e2e/alone_R2.fastq", make_fastq(2)))
    assert [upload.state for upload in uploads] == ["ARCHIVED", "ARCHIVED"]


def reconcile(aws) -> dict:
    """Invoke the deployed reconciler, which has its own role, and return its counts."""
    functions = aws.client("lambda")
    names = [item["FunctionName"] for item in functions.list_functions()["Functions"]]
    name = next(name for name in names if "-ReconcileFunction-" in name)
    return json.loads(functions.invoke(FunctionName=name, Payload=b"{}")["Payload"].read())


def backdate_waiting(target, upload) -> None:
    """Set the start of an upload's waiting to a date in the past."""
    table = target.session.resource("dynamodb", endpoint_url=target.endpoint).Table(target.table)
    table.update_item(
        Key=upload.keys,
        UpdateExpression="SET waiting_since = :then",
        ExpressionAttributeValues={":then": LONG_AGO},
    )
