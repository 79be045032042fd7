"""`seqdrop forget` and `seqdrop verify-receipts`: what is shown, asked, taken back, found, and the exit status."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from seqdrop.aws import keys
from seqdrop.kinds import plans
from seqdrop.stages.reconcile.manifests import CHAIN, write_manifest

from tests.support.aws.direct import Client
from tests.unit.stages.forget.test_forget import DAY, World
from tests.unit.stages.reconcile.test_manifests import Kms


@pytest.fixture
def world(monkeypatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def run(world, use_target, seqdrop):
    """Run a command line against the account of this test."""
    target = SimpleNamespace(
        services=lambda: world.services,
        ledger=lambda: world.ledger,
        client=lambda name: Client(world.account, name),
        results="results",
        signing_key="",
    )
    use_target(target)
    seqdrop.target = target
    return seqdrop


class TestForget:
    def test_without_yes_it_shows_files_bytes_charge_and_the_free_day(self, world, run):
        upload_id = world.add("raw/r/a.fq")
        world.add("raw/other/b.fq")
        outcome = run("forget", "raw/r")
        assert outcome.status == 0
        assert upload_id in outcome.out
        assert "S3 charges $0." in outcome.out
        assert "1 of 1 would be forgotten" in outcome.out
        assert "1 file, 15 B" in outcome.err
        assert (world.upload(upload_id).state, world.mails) == ("ARCHIVED", [])

    def test_with_yes_the_lab_is_mailed_once_and_each_file_waits(self, world, run):
        ids = [world.add(f"raw/r/{name}.fq", name.encode()) for name in "ab"]
        outcome = run("forget", "raw/r", "--reason", "end of project", "--yes")
        assert outcome.status == 0
        assert {world.upload(upload_id).state for upload_id in ids} == {"FORGETTING"}
        assert {world.upload(upload_id).forget_reason for upload_id in ids} == {"end of project"}
        assert world.mails == ["Seqdrop was asked to forget 2 archived files"]
        assert "Reason: end of project" in world.account.sent[-1][1]["Message"]
        again = run("forget", ids[0], "--yes")
        assert again.status == 1
        assert "it is forgotten already" in again.out
        assert len(world.mails) == 1

    def test_a_request_is_taken_back(self, world, run):
        upload_id = world.add("raw/r/a.fq")
        run("forget", upload_id, "--yes")
        assert run("forget", "raw/r", "--cancel", "--yes").status == 0
        assert world.upload(upload_id).state == "ARCHIVED"

    def test_a_free_copy_costs_nothing_and_a_bundle_is_named(self, world, run):
        _, ids = world.bundle(2)
        world.clock.advance(200 * DAY)
        outcome = run("forget", ids[0])
        assert "free of charge" in outcome.out
        assert "in a bundle" in outcome.out

    def test_expired_files_of_an_analysis(self, world, run):
        raw = replace(plans.packaged().by_name["raw"], retention_days=100)
        world.services = replace(world.services, analyses=replace(world.services.analyses, by_name={"raw": raw}))
        old = world.add("raw/r/a.fq")
        world.clock.advance(101 * DAY)
        new = world.add("raw/r/b.fq", b"new")
        outcome = run("forget", "--expired", "--analysis", "raw")
        assert old in outcome.out
        assert new not in outcome.out

    def test_without_a_selection_it_refuses(self, run):
        outcome = run("forget", "--yes")
        assert (outcome.status, outcome.err.count("\n")) == (2, 1)


@pytest.fixture
def listed(world) -> str:
    """Return the id of an upload whose receipt the first manifest lists."""
    upload_id = world.add("raw/a.fq")
    world.clock.advance(2 * DAY)
    write_manifest(world.services)
    return upload_id


class TestVerify:
    def test_a_sound_chain(self, world, run, listed):
        world.add("raw/new.fq", b"not listed yet")
        outcome = run("verify-receipts")
        assert outcome.status == 0
        proven = "1 manifests and 1 receipts and tombstones are proven, 1 not listed yet: nothing is wrong."
        assert outcome.out.strip() == proven

    @pytest.mark.parametrize("damage", ["missing", "altered", "inserted"])
    def test_a_fault_is_named_with_what_to_do(self, world, run, listed, damage):
        key = keys.receipt(listed)
        if damage == "missing":
            world.account.s3.delete("results", key)
        else:
            key = key if damage == "altered" else keys.receipt("A" * 26)
            world.account.s3.put("results", key, b"{}")
        outcome = run("verify-receipts")
        assert outcome.status == 1
        first, advice, last = outcome.out.strip().splitlines()
        assert first == f"{damage}  {key}"
        assert ("CloudTrail" if damage == "inserted" else "aws s3api") in advice
        assert last.endswith("1 fault.")
        report = json.loads(run("verify-receipts", "--json").out)
        assert (report["sound"], report["findings"][0]["key"]) == (False, key)

    def test_a_removed_end_is_found_by_the_ledger_and_by_the_head_of_a_mail(self, world, run, listed):
        place = world.ledger.position(CHAIN).place
        name = place["key"].removeprefix(keys.MANIFESTS).removesuffix(".json")
        assert run("verify-receipts", "--head", f"{name}:{place['sha256']}").status == 0
        world.account.s3.delete("results", place["key"])
        assert f"missing  {place['key']}" in run("verify-receipts").out
        world.ledger.save(replace(world.ledger.position(CHAIN), place={}))  # the ledger was changed as well
        assert f"missing  {place['key']}" in run("verify-receipts", "--head", f"{name}:{place['sha256']}").out
        outcome = run("verify-receipts", "--head", place["sha256"])
        assert (outcome.status, place["sha256"] in outcome.out) == (1, True)

    def test_an_inserted_manifest_after_the_end_is_found(self, world, run, listed):
        key = keys.manifest("2099-01-01")
        world.account.s3.put(
            "results", key, world.account.s3.read("results", world.ledger.position(CHAIN).place["key"])
        )
        assert f"inserted  {key}" in run("verify-receipts").out

    @pytest.mark.parametrize(
        ("words", "error"),
        [(("--head", "x"), "'x' is not a head"), (("--since", "May"), "'May' is not a date; write 2026-03-01")],
    )
    def test_a_wrong_option_is_refused_in_one_line(self, run, words, error):
        outcome = run("verify-receipts", *words)
        assert (outcome.status, outcome.err.count("\n")) == (2, 1)
        assert error in outcome.err

    def test_without_manifests_it_says_when_the_first_comes(self, world, run):
        world.add("raw/a.fq")
        outcome = run("verify-receipts")
        assert outcome.status == 0
        assert "after midnight UTC" in outcome.err


class VerifyingKms(Kms):
    """The KMS of the tests of heads, which also verifies."""

    def verify(self, *, KeyId, Message, Signature, **_):  # noqa: N803
        return {"SignatureValid": Signature == (Message + KeyId.encode())[::-1]}


class TestSignedHead:
    @pytest.fixture
    def signed(self, world, run, listed):
        from seqdrop.stages.reconcile.heads import publish_head

        kms, settings = VerifyingKms(), replace(world.services.settings, signing_key="arn:key")
        publish_head(replace(world.services, settings=settings, kms=kms))
        run.target.signing_key = "arn:key"
        plain = run.target.client
        run.target.client = lambda name: kms if name == "kms" else plain(name)
        return world

    def test_a_signed_head_proves_the_end_without_ledger_and_mail(self, signed, run):
        assert run("verify-receipts").status == 0
        place = signed.ledger.position(CHAIN).place
        signed.ledger.save(replace(signed.ledger.position(CHAIN), place={}))
        signed.account.s3.delete("results", place["key"])
        assert f"missing  {place['key']}" in run("verify-receipts").out

    def test_a_statement_that_was_changed_put_back_or_removed_is_a_fault(self, signed, run):
        statement = signed.read(keys.SIGNED_HEAD)
        forged = statement | {"head": statement["head"] | {"sha256": hashlib.sha256(b"").hexdigest()}}
        signed.account.s3.put("results", keys.SIGNED_HEAD, json.dumps(forged).encode())
        assert "head.json is altered" in run("verify-receipts").out
        signed.account.s3.put("results", keys.SIGNED_HEAD, json.dumps(statement).encode())
        signed.clock.advance(3 * DAY)
        outcome = run("verify-receipts")
        assert (outcome.status, "an older statement was put back" in outcome.out) == (1, True)
        signed.account.s3.delete("results", keys.SIGNED_HEAD)
        assert "head.json is missing" in run("verify-receipts").out
