"""The chain of receipts: one manifest a day, exactly once, whatever crashes; its head is mailed or signed."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from seqdrop.archive.chain import Evidence, verify
from seqdrop.aws import keys
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.forget.forget import forget
from seqdrop.stages.reconcile import manifests
from seqdrop.stages.reconcile.heads import publish_head
from seqdrop.stages.reconcile.manifests import CHAIN, write_manifest

from tests.unit.stages.forget.test_forget import DAY, CrashError, World, crashing


@pytest.fixture
def world(monkeypatch) -> World:
    return start(monkeypatch)


def start(monkeypatch) -> World:
    """Return a world at noon, so that a day begins in twelve hours."""
    world = World(monkeypatch)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    world.clock.advance((noon - world.clock.now).total_seconds())
    return world


def list_manifests(world: World) -> dict[str, bytes]:
    bucket = world.account.s3.buckets["results"]
    names = [key for key in bucket.keys if key.startswith(keys.MANIFESTS) and bucket.current(key)]
    return {key: bucket.current(key).body for key in sorted(names) if key != keys.SIGNED_HEAD}


def judge(world: World):
    """Return the verdict on the chain with the head of the ledger."""
    bucket, place = world.account.s3.buckets["results"], world.ledger.position(CHAIN).place
    listed = [key for key in bucket.keys if key.startswith((keys.RECEIPTS, keys.TOMBSTONES)) and bucket.current(key)]
    digests = {key: hashlib.sha256(bucket.current(key).body).hexdigest() for key in listed if "manifests" not in key}
    return verify(Evidence(list_manifests(world), digests, {place["key"]: place["sha256"]}, end=place["key"]))


def test_after_midnight_the_receipts_of_the_day_are_listed_once(world):
    first = world.add("raw/a.fq")
    assert write_manifest(world.services) == 0, "the day is not over"
    world.clock.advance(12 * 3600 + 60)
    assert write_manifest(world.services) == 0, "the index may still lack the last uploads"
    world.clock.advance(3600)
    assert [write_manifest(world.services) for _ in range(3)] == [1, 0, 0]
    manifest = world.read(keys.manifest("2026-03-01"))
    assert (manifest["manifest"], manifest["previous"], manifest["count"]) == (1, None, 1)
    body = world.account.s3.read("results", keys.receipt(first))
    assert manifest["entries"] == [
        {"upload": first, "key": keys.receipt(first), "sha256": hashlib.sha256(body).hexdigest(), "version_id": None}
    ]


def test_manifests_are_linked_and_days_without_receipts_have_none(world):
    for _ in range(2):
        world.add("raw/a.fq", world.clock.now.isoformat().encode())
        world.clock.advance(3 * DAY)
        write_manifest(world.services)
        assert write_manifest(world.services) == 0
    first, second = list_manifests(world).items()
    assert [first[0], second[0]] == [keys.manifest("2026-03-03"), keys.manifest("2026-03-06")]
    digest = hashlib.sha256(first[1]).hexdigest()
    assert json.loads(second[1])["previous"] == {"manifest": 1, "key": first[0], "sha256": digest}
    verdict = judge(world)
    assert (verdict.is_sound, verdict.manifests, verdict.objects) == (True, 2, 2)


def test_many_receipts_make_several_manifests_of_a_day(world, monkeypatch):
    monkeypatch.setattr(manifests, "MOST", 2)
    for number in range(5):
        world.add(f"raw/{number}.fq", bytes([65 + number]))
        world.clock.advance(1)
    world.clock.advance(DAY)
    assert [write_manifest(world.services) for _ in range(4)] == [1, 1, 1, 0]
    assert list(list_manifests(world)) == [keys.manifest("2026-03-01", number) for number in (1, 2, 3)]
    assert judge(world).objects == 5


def test_uploads_of_earlier_versions_are_listed_by_the_bytes_of_their_receipts(world):
    upload_id = world.add("raw/a.fq")
    world.ledger.note(world.upload(upload_id), receipt_sha256="")
    world.clock.advance(DAY)
    assert write_manifest(world.services) == 1
    assert judge(world).is_sound


def test_a_receipt_that_is_lost_and_written_again_is_listed_again(world):
    upload_id = world.add("raw/a.fq")
    world.clock.advance(DAY)
    write_manifest(world.services)
    world.account.s3.delete("results", keys.receipt(upload_id))
    assert [finding.fault for finding in judge(world).findings] == ["missing"]
    archive(world.services, upload_id)
    assert [finding.fault for finding in judge(world).findings] == ["altered"], "until the next manifest"
    world.clock.advance(DAY)
    assert [write_manifest(world.services) for _ in range(3)] == [1, 0, 0]
    assert judge(world).is_sound
    assert world.ledger.position("rewritten receipts").place == {}


def test_a_receipt_that_is_to_be_forgotten_on_its_day_is_listed_and_not_again_with_every_nudge(world):
    upload_id = world.add("raw/a.fq")
    world.ask(upload_id)
    for _ in range(10):
        world.clock.advance(DAY)
        world.ledger.note_nudge(world.upload(upload_id))
        write_manifest(world.services)
    assert judge(world).is_sound
    assert len(list_manifests(world)) == 1


def test_a_tombstone_is_listed_with_its_receipt(world):
    upload_id = world.add("raw/a.fq")
    world.services = replace(world.services, settings=replace(world.services.settings, forget_days=0))
    world.ask(upload_id)
    forget(world.services, upload_id)
    world.clock.advance(DAY)
    assert write_manifest(world.services) == 1
    assert judge(world).objects == 2
    world.account.s3.delete("results", keys.tombstone(upload_id))
    assert [finding.key for finding in judge(world).findings] == [keys.tombstone(upload_id)]


def play(monkeypatch, moment: int) -> tuple[World, bool]:
    """Write manifests of two days and mail their heads, with one crash at a moment, and overlapping runs."""
    world, crashed = start(monkeypatch), False
    dying = crashing(world, [moment])
    for number in range(2):
        upload_id = world.add(f"raw/{number}.fq", bytes([65 + number]))
        if number:
            world.account.s3.delete("results", keys.receipt(upload_id))
            archive(world.services, upload_id)
        world.clock.advance(DAY + 7)
        for services in (dying, world.services, world.services):
            try:
                write_manifest(services)
                publish_head(services)
            except CrashError:
                crashed = True
                world.clock.advance(DAY)  # the next run is a day later
    return world, crashed


def test_after_a_crash_at_any_moment_there_is_one_chain_without_gaps(monkeypatch):
    moment, crashed = 0, True
    while crashed:
        moment += 1
        world, crashed = play(monkeypatch, moment)
        verdict = judge(world)
        assert verdict.is_sound, (moment, verdict.findings)
        assert (verdict.manifests, verdict.objects) == (2, 2), moment
        listed = [entry["upload"] for body in list_manifests(world).values() for entry in json.loads(body)["entries"]]
        assert len(listed) == 3, moment
        assert 2 <= len(world.mails) <= 2 + crashed, (moment, world.mails)
    assert moment > 20


def test_overlapping_runs_over_midnight_write_one_manifest(world, monkeypatch):
    """The second run begins when the first has reserved the key, and ends before it, on the next day."""
    world.add("raw/a.fq")
    world.clock.advance(DAY)
    put = type(world.services).put_bytes

    def interrupted(services, *args, **more):
        monkeypatch.setattr(type(world.services), "put_bytes", put)
        world.clock.advance(DAY)
        assert write_manifest(world.services) == 1
        return put(services, *args, **more)

    monkeypatch.setattr(type(world.services), "put_bytes", interrupted)
    assert write_manifest(world.services) == 0
    assert list(list_manifests(world)) == [keys.manifest("2026-03-01")]
    assert judge(world).is_sound


def test_the_head_is_mailed_once_with_the_command_that_verifies_it(world):
    world.add("raw/a.fq")
    publish_head(world.services)
    assert world.mails == []
    world.clock.advance(DAY)
    write_manifest(world.services)
    for _ in range(3):
        publish_head(world.services)
    assert world.mails == ["Seqdrop: manifest 1 of the receipts"]
    digest = hashlib.sha256(list_manifests(world)[keys.manifest("2026-03-01")]).hexdigest()
    assert f"seqdrop verify-receipts --head 2026-03-01:{digest}" in world.account.sent[-1][1]["Message"]


class Kms:
    """KMS whose signature is the digest and the key, reversed."""

    def __init__(self):
        self.signed = 0

    def sign(self, *, KeyId, Message, MessageType, SigningAlgorithm):  # noqa: N803
        assert (MessageType, SigningAlgorithm, len(Message)) == ("DIGEST", "ECDSA_SHA_256", 32)
        self.signed += 1
        return {"Signature": (Message + KeyId.encode())[::-1]}


def test_with_a_key_the_head_is_signed_every_day_and_never_mailed(world):
    kms = Kms()
    settings = replace(world.services.settings, signing_key="arn:key")
    services = replace(world.services, settings=settings, kms=kms)
    world.add("raw/a.fq")
    world.clock.advance(DAY)
    write_manifest(services)
    for _ in range(3):
        publish_head(services)
    assert (kms.signed, world.mails) == (1, [])
    statement = world.read(keys.SIGNED_HEAD)
    digest = hashlib.sha256(statement["message"].encode()).digest()
    assert base64.b64decode(statement["signature"]) == (digest + b"arn:key")[::-1]
    assert statement["head"]["sha256"] in statement["message"]
    world.clock.advance(DAY)
    publish_head(services)
    assert (kms.signed, world.read(keys.SIGNED_HEAD)["as_of"][:10]) == (2, "2026-03-03")
