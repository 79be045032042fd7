"""R1 and R2 on the template that a lab deploys: dropped at once, one by one, broken, and alone."""

from __future__ import annotations

import json

import pytest

LONG_AGO = "2026-01-01T00:00:00.000Z"


def fastq(mate: int, names: range = range(5)) -> bytes:
    bases = "ACGT"[mate] * 30 + "ACGT" * 20
    return "".join(f"@e{n} {mate}:N:0:ACGT\n{bases}\n+\n{'I' * len(bases)}\n" for n in names).encode()


def read_json(s3, stack, kind: str, one) -> dict:
    return json.loads(s3.get_object(Bucket=stack.results, Key=f"{kind}/{one.upload_id}.json")["Body"].read())


def test_a_pair_that_is_dropped_at_once_is_checked_and_archived(put, end, s3, stack):
    keys = [f"reads/e2e/at once {n}_S1_L001_R{mate}_001.fastq" for n in range(3) for mate in (1, 2)]
    found = end(*[put(key, fastq(2 if "_R2_" in key else 1)) for key in keys])
    assert {one.key: one.state for one in found} == dict.fromkeys(keys, "ARCHIVED")
    for one, other in [(found[0], found[1]), (found[3], found[2])]:
        mate = read_json(s3, stack, "reports", one)["mate"]
        assert (mate["key"], mate["upload"], mate["checked"]) == (other.key, other.upload_id, True)
        assert len(one.attempts) == 1


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_first_waits_and_goes_on_with_the_second(put, end, order):
    drops = {mate: (f"reads/e2e/order{order[0]}_{mate}.fastq", fastq(mate)) for mate in order}
    first = put(*drops[order[0]])
    (one,) = end(first)
    assert (one.state, one.attempts) == ("WAITING", [])
    found = end(first, put(*drops[order[1]]))
    assert [one.state for one in found] == ["ARCHIVED", "ARCHIVED"]
    assert found[0].upload.mate == found[1].upload_id


def test_a_pair_out_of_step_is_rejected_and_stays(put, end, s3, stack, mails):
    bodies = {"reads/e2e/steps_R1.fastq": fastq(1), "reads/e2e/steps_R2.fastq": fastq(2, range(1, 6))}
    found = end(*[put(key, body) for key, body in bodies.items()])
    for one, other in zip(found, reversed(found), strict=True):
        assert (one.state, one.detail) == ("REJECTED", "mates_out_of_step")
        reason = read_json(s3, stack, "reasons", one)
        assert (reason["code"], reason["mate"]["upload"]) == ("mates_out_of_step", other.upload_id)
        assert s3.get_object(Bucket=stack.landing, Key=one.key)["Body"].read() == bodies[one.key]
    mail = mails.wait_for(found[0].upload_id)
    assert found[1].upload_id in mail["Message"]


def test_raw_mates_go_on_and_the_second_is_checked(put, end, s3, stack):
    (one,) = end(put("raw/e2e/late_R1.fastq", fastq(1)))
    assert one.state == "ARCHIVED"
    (wrong,) = end(put("raw/e2e/late_R2.fastq", fastq(2, range(4))))
    assert (wrong.state, wrong.detail) == ("REJECTED", "mates_unequal_counts")
    (two,) = end(put("raw/e2e/late_R2.fastq", fastq(2)))
    assert two.state == "ARCHIVED"
    assert read_json(s3, stack, "reports", two)["mate"]["upload"] == one.upload_id


def test_a_mate_that_does_not_come_is_reported_and_still_pairs_when_it_does(put, end, aws, target, mails):
    version = put("reads/e2e/alone_R1.fastq", fastq(1))
    (one,) = end(version)
    assert one.state == "WAITING"
    assert reconcile(aws)["unmated"] == 0
    let_it_have_waited(target, one.upload)
    assert reconcile(aws)["unmated"] == 1
    mail = mails.wait_for(one.upload_id)
    assert "waits for its mate" in mail["Subject"]
    assert "alone_R2.fastq" in mail["Message"]
    assert reconcile(aws)["unmated"] == 0
    assert target.ledger().find_upload(one.upload_id).told_at
    found = end(version, put("reads/e2e/alone_R2.fastq", fastq(2)))
    assert [one.state for one in found] == ["ARCHIVED", "ARCHIVED"]


def reconcile(aws) -> dict:
    """Run the deployed function, with its own role."""
    functions = aws.client("lambda")
    names = [item["FunctionName"] for item in functions.list_functions()["Functions"]]
    name = next(name for name in names if "-ReconcileFunction-" in name)
    return json.loads(functions.invoke(FunctionName=name, Payload=b"{}")["Payload"].read())


def let_it_have_waited(target, upload) -> None:
    """Date the beginning of its waiting back."""
    table = target.session().resource("dynamodb", endpoint_url=target.endpoint).Table(target.table)
    table.update_item(
        Key=upload.keys,
        UpdateExpression="SET waiting_since = :then",
        ExpressionAttributeValues={":then": LONG_AGO},
    )
