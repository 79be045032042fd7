"""`seqdrop share`: links that expire, checksums, the record of what was shared, and raw data that are archived."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.stages.archive.receipts import read_receipt
from seqdrop_cli.sharing import links

from tests.unit.stages.restoring import DAY, HOUR, RestoringWorld

BODIES = {f"raw/run7/{name}.fasta": b">c%d\n" % number + b"ACGTTGCA" * 100 + b"\n" for number, name in enumerate("ab")}
ME = "arn:aws:sts::111122223333:assumed-role/lab/ada"


class Signer:
    """Signs links as S3's client does, but shows what it was asked for."""

    def generate_presigned_url(self, operation, **asked):
        assert operation == "get_object"
        place = asked["Params"]
        return f"https://{place['Bucket']}/{place['Key']}?seconds={asked['ExpiresIn']}"


@pytest.fixture
def world(monkeypatch) -> RestoringWorld:
    return RestoringWorld(monkeypatch)


@pytest.fixture
def credentials() -> SimpleNamespace:
    """Credentials that do not expire; a test may change them."""
    frozen = SimpleNamespace(token="")
    return SimpleNamespace(get_frozen_credentials=lambda: frozen, frozen=frozen)


@pytest.fixture
def target(world, use_target, credentials):
    session = SimpleNamespace(get_credentials=lambda: credentials, client=lambda *_, **__: Signer())
    sts = SimpleNamespace(get_caller_identity=lambda: {"Arn": ME})
    stack = SimpleNamespace(
        results=world.services.settings.results,
        endpoint=None,
        session=session,
        ledger=lambda: world.ledger,
        client=lambda name: sts if name == "sts" else world.services.s3,
    )
    use_target(stack)
    return stack


@pytest.fixture
def files(world):
    return [world.process(key, body) for key, body in BODIES.items()]


@pytest.fixture
def restored(world, files):
    world.restore(*files)
    world.pass_time(49 * HOUR)
    return files


def read_record(world, outcome) -> dict:
    share = re.search(r"share (s\d{8}-[0-9a-f]{6})", outcome.out)[1]
    body = world.services.s3.get_object(Bucket="results", Key=keys.share(share, "share.json"))["Body"].read()
    return json.loads(body)


def test_archived_raw_data_must_be_restored_first(target, world, files, seqdrop, tmp_path):
    outcome = seqdrop("share", "run7", "--to", tmp_path / "page.html")
    assert outcome.status == 2
    assert "the raw data of 2 of 2 files are in the archive and must be restored first" in outcome.err
    assert "\n  seqdrop restore run7 --days 7\n" in outcome.err
    assert "--no-raw" in outcome.err
    assert not (tmp_path / "page.html").exists()
    assert seqdrop("share", "--list").out == ""


def test_a_restore_that_is_under_way_is_said(target, world, files, seqdrop, tmp_path):
    world.restore(files[0])
    assert "1 of them are being restored" in seqdrop("share", "run7", "--to", tmp_path / "p.html").err


def test_restored_raw_data_are_shared_with_the_checksum_of_their_receipt(target, world, restored, seqdrop, tmp_path):
    outcome = seqdrop("share", "run7", "--days", "3", "--for", "the clinic", "--to", tmp_path / "page.html")
    assert outcome.status == 0, outcome.err
    page = (tmp_path / "page.html").read_text()
    for version in restored:
        receipt = read_receipt(world.services.s3, "results", version.id)
        assert receipt["landing"]["sha256"] in page
        assert f"https://archive/{receipt['archive']['key']}?seconds={3 * DAY}" in page
    record = read_record(world, outcome)
    assert (record["by"], record["recipient"], record["what"], record["days"]) == (ME, "the clinic", "run7", 3)
    assert record["until"] == (world.clock.now + timedelta(days=3)).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )
    assert {file["key"] for file in record["files"]} == set(BODIES)
    assert "https://" not in json.dumps(record)
    assert "temporary copies from the archive, which expire from" not in outcome.out


def test_a_copy_that_expires_before_the_links_is_said(target, world, restored, seqdrop, tmp_path):
    world.pass_time(4 * DAY)
    outcome = seqdrop("share", "run7", "--to", tmp_path / "page.html")
    assert outcome.status == 0
    assert "temporary copies from the archive, which expire from 2026-01-1" in outcome.out
    assert "which expire from" in (tmp_path / "page.html").read_text()


def test_results_are_shared_without_raw_data_and_with_their_checksums(target, world, files, seqdrop, tmp_path):
    outcome = seqdrop("share", "a.fasta", "--no-raw", "--to", tmp_path / "page.html")
    record = read_record(world, outcome)
    assert {file["name"] for file in record["files"]} == {"report.html", "report.json", "receipt.json"}
    page = (tmp_path / "page.html").read_text()
    assert f"{record['files'][0]['sha256']}  a.fasta.{files[0].id[:6]}." in page
    assert "raw data not included: left out" in page
    stored = world.services.s3.get_object(Bucket="results", Key=keys.share(record["share"], "index.html"))
    assert stored["Body"].read().decode() == page
    assert f"https://results/{keys.share(record['share'], 'index.html')}?seconds={7 * DAY}" in outcome.out


def test_temporary_credentials_shorten_the_links_and_that_is_said(target, world, files, credentials, seqdrop, tmp_path):
    credentials.frozen.token, credentials._expiry_time = "token", world.clock.now + timedelta(hours=5)
    outcome = seqdrop("share", "run7", "--no-raw", "--to", tmp_path / "page.html")
    assert "not for 7 days: your AWS credentials are temporary, and the links end with them" in outcome.out
    assert f"?seconds={5 * HOUR}" in outcome.out
    assert read_record(world, outcome)["limit"].startswith("your AWS credentials are temporary")


def test_temporary_credentials_that_last_are_no_limit(target, world, files, credentials, seqdrop, tmp_path):
    credentials.frozen.token, credentials._expiry_time = "token", world.clock.now + timedelta(days=2)
    outcome = seqdrop("share", "run7", "--no-raw", "--days", "1", "--to", tmp_path / "page.html")
    assert (outcome.status, "not for 1 days" in outcome.out) == (0, False)


def test_credentials_that_do_not_say_when_they_end(target, files, credentials, seqdrop, tmp_path, monkeypatch):
    credentials.frozen.token = "token"
    outcome = seqdrop("share", "run7", "--no-raw", "--to", tmp_path / "page.html")
    assert "do not say when they end" in outcome.out
    assert "The links may end earlier than that" in (tmp_path / "page.html").read_text()
    monkeypatch.setenv(links.EXPIRATION, "2000-01-01T00:00:00Z")
    assert "log in again" in seqdrop("share", "run7", "--no-raw").err


def test_without_permission_to_record_it_nothing_is_shared(target, world, files, seqdrop, tmp_path, monkeypatch):
    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "m"}}, "PutObject")

    monkeypatch.setattr(world.services.s3, "put_object", refuse, raising=False)
    outcome = seqdrop("share", "run7", "--no-raw", "--to", tmp_path / "page.html")
    assert (outcome.status, outcome.out, (tmp_path / "page.html").exists()) == (2, "", False)
    assert "nothing was shared: a share is recorded first" in outcome.err


def test_shares_are_listed(target, world, files, seqdrop, tmp_path):
    for words in (("run7", "--days", "1", "--for", "clinic"), ("a.fasta",)):
        assert seqdrop("share", *words, "--no-raw", "--to", tmp_path / "p.html").status == 0
        world.pass_time(2 * DAY)
    rows = [line.split("\t") for line in seqdrop("share", "--list").out.splitlines()]
    assert [(row[2] == "over", row[3], row[4]) for row in rows] == [(True, "run7", "clinic"), (False, "a.fasta", "")]
    assert [json.loads(line)["is_over"] for line in seqdrop("share", "--list", "--json").out.splitlines()] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "say what to share"),
        (("run7", "--days", "8"), "S3 accepts a link for at most 7"),
        (("run9",), "there is no upload run9"),
    ],
)
def test_wrong_words_are_explained(target, files, seqdrop, words, message):
    outcome = seqdrop("share", *words)
    assert outcome.status == 2
    assert message in outcome.err


def test_what_is_not_archived_is_named_in_the_page(target, world, seqdrop, tmp_path):
    world.take("raw/run7/bad.fasta", b"none")
    outcome = seqdrop("share", "bad.fasta", "--to", tmp_path / "page.html")
    assert "raw data of raw/run7/bad.fasta are not included: not archived (REJECTED)" in outcome.err
    assert "reason.json" in (tmp_path / "page.html").read_text()


def test_links_have_the_signature_that_encrypted_objects_need(wired_session):
    target = SimpleNamespace(session=wired_session, endpoint=None)
    place = {"Bucket": "results", "Key": "results/a b.bed"}
    url = links.sign(links.signing_client(target), place, 600, "ä.bed")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert "X-Amz-Expires=600" in url
    assert "response-content-disposition=attachment" in url


def test_a_time_is_shown_in_utc():
    assert links.format_time(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02 03:04 UTC"
