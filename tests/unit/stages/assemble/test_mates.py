"""R1 and R2, in any order and at any time: what becomes of each, and what the lab is told."""

import gzip
import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from seqdrop.errors import RetryableError
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.mates import fastq

SEQUENCERS = itertools.count(1)
R1, R2 = "reads/run1/S1_L001_R1_001.fastq.gz", "reads/run1/S1_L001_R2_001.fastq.gz"
RAW1, RAW2 = R1.replace("reads/", "raw/"), R2.replace("reads/", "raw/")


@pytest.fixture
def drop(services):
    """Put an object; a key that ends in .gz gets it packed."""

    def put(key: str, body: bytes) -> UploadVersion:
        body = gzip.compress(body, mtime=0) if key.endswith(".gz") else body
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        etag, sequencer = answer["ETag"].strip('"'), f"{next(SEQUENCERS):X}"
        return UploadVersion("landing", key, answer["VersionId"], len(body), etag, sequencer)

    return put


@pytest.fixture
def take(services, drop):
    """Drop a file and validate it; answers its version."""

    def one(key: str, body: bytes) -> UploadVersion:
        version = drop(key, body)
        validate(services, version)
        return version

    return one


@pytest.fixture
def state(services):
    return lambda version: services.ledger.find_upload(version.id).state


def read(services, kind: str, version) -> dict:
    return json.loads(services.s3.get_object(Bucket="results", Key=f"{kind}/{version.id}.json")["Body"].read())


def mails(sent) -> list[dict]:
    return [mail for queue, mail in sent if queue == "topic"]


def with_mates(services, mode: str):
    """Services whose reads/ has another `mates`."""
    one = services.analyses
    changed = {**one.by_name, "reads": replace(one.by_name["reads"], mates=mode)}
    return replace(services, analyses=replace(one, by_name=changed))


class TestWait:
    """reads/: neither goes on before both are sound."""

    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    def test_in_any_order_the_first_waits_and_both_go_on_with_the_second(self, services, take, state, sent, order):
        keys, versions = {1: R1, 2: R2}, {}
        versions[order[0]] = take(keys[order[0]], fastq(order[0]))
        assert state(versions[order[0]]) == "WAITING"
        assert services.ledger.attempts(versions[order[0]].id) == []
        assert sent == []
        versions[order[1]] = take(keys[order[1]], fastq(order[1]))
        attempts = {number: services.ledger.attempts(version.id) for number, version in versions.items()}
        assert [state(version) for version in versions.values()] == ["VALIDATED", "VALIDATED"]
        assert [len(found) for found in attempts.values()] == [1, 1]
        assert sorted(body["attempt"] for _, body in sent) == sorted(found[0].key for found in attempts.values())
        for number, version in versions.items():
            other = versions[3 - number]
            assert services.ledger.find_upload(version.id).mate == other.id
            mate = {"key": other.key, "upload": other.id, "checked": True, "faults": [], "note": ""}
            assert read(services, "reports", version)["mate"] == mate

    def test_the_report_of_one_that_waits_says_for_what(self, services, take):
        mate = read(services, "reports", take(R1, fastq(1)))["mate"]
        assert (mate["key"], mate["upload"], mate["checked"]) == (R2, None, False)

    def test_others_are_not_taken_for_the_mate(self, take, state):
        one = take("reads/SampleA_R1.fastq", fastq(1))
        others = [
            take("reads/SampleA2_R2.fastq", fastq(2)),
            take("reads/SampleA_L002_R2.fastq", fastq(2)),
            take("reads/other/SampleA_R2.fastq", fastq(2)),
        ]
        assert [state(version) for version in (one, *others)] == ["WAITING"] * 4
        assert state(take("reads/SampleA_I1.fastq", fastq(1))) == "VALIDATED"
        assert state(take("reads/SampleA_R3.fastq", fastq(3))) == "VALIDATED"
        assert state(one) == "WAITING"
        take("reads/SampleA_R2.fastq.gz", fastq(2))  # compressed, unlike R1
        assert state(one) == "VALIDATED"

    @pytest.mark.parametrize(
        ("first", "second", "code"),
        [
            (fastq(1), fastq(2, range(2)), "mates_unequal_counts"),
            (fastq(1, range(200)), fastq(2, [*range(99), 100, 99, *range(101, 200)]), "mates_out_of_step"),
            (fastq(1), fastq(1), "mates_same_file"),
            (fastq(2), fastq(1), "mates_swapped"),
        ],
    )
    @pytest.mark.parametrize("order", [(R1, R2), (R2, R1)])
    def test_mates_that_do_not_fit_are_rejected_together(self, services, take, state, sent, first, second, code, order):
        bodies = {R1: first, R2: second}
        versions = {key: take(key, bodies[key]) for key in order}
        assert [state(version) for version in versions.values()] == ["REJECTED", "REJECTED"]
        for key, version in versions.items():
            other = versions[R2 if key == R1 else R1]
            reason = read(services, "reasons", version)
            assert reason["code"] == code
            assert reason["mate"] == {"upload": other.id, "key": other.key, "version_id": other.version_id}
            assert "S1_L001_R1_001.fastq.gz, second: S1_L001_R2_001.fastq.gz" in reason["message"]
            assert services.ledger.find_upload(version.id).reason == code
            assert services.ledger.attempts(version.id) == []
        (mail,) = mails(sent)
        assert "and its mate" in mail["Subject"]
        assert R1 in mail["Message"]
        assert R2 in mail["Message"]
        assert sent == [("topic", mail)]

    def test_a_rejected_pair_is_dropped_again(self, take, state):
        take(R1, fastq(1))
        take(R2, fastq(2, range(2)))
        again = [take(R1, fastq(1)), take(R2, fastq(2))]
        assert [state(version) for version in again] == ["VALIDATED", "VALIDATED"]

    def test_a_mate_that_is_broken_itself_is_mended_and_found(self, services, take, state, sent):
        one, broken = take(R1, fastq(1)), take(R2, fastq(2)[:-4])
        assert (state(one), state(broken)) == ("WAITING", "REJECTED")
        assert read(services, "reasons", broken)["code"] == "truncated"
        mended = take(R2, fastq(2))
        assert (state(one), state(mended), state(broken)) == ("VALIDATED", "VALIDATED", "REJECTED")
        assert len(mails(sent)) == 1

    def test_messages_that_come_again_change_nothing(self, services, drop, state, sent):
        first, second = drop(R1, fastq(1)), drop(R2, fastq(2))
        for version in (first, first, first):
            validate(services, version)
        waiting = services.ledger.find_upload(first.id)
        assert waiting.revision == 2
        validate(services, second)
        before = [services.ledger.find_upload(version.id) for version in (first, second)]
        for version in (second, first, second):
            validate(services, version)
        assert [services.ledger.find_upload(version.id) for version in (first, second)] == before
        assert all(len(services.ledger.attempts(version.id)) == 1 for version in (first, second))
        assert mails(sent) == []

    def test_neither_file_is_read_again_for_the_pair(self, services, take, drop, state, monkeypatch):
        one, two = take(R1, fastq(1)), drop(R2, fastq(2))
        wanted = []
        get = services.s3.get_object
        monkeypatch.setattr(services.s3, "get_object", lambda **call: wanted.append(call) or get(**call))
        validate(services, two)
        assert [call["Key"] for call in wanted if call["Bucket"] == "landing"] == [R2]
        assert state(one) == "VALIDATED"


class TestVersions:
    """A file dropped again under its name."""

    def test_a_newer_version_takes_the_seat_of_one_that_waits(self, services, take, state, sent):
        old, new = take(R1, fastq(1, range(2))), take(R1, fastq(1))
        assert (state(old), state(new)) == ("REJECTED", "WAITING")
        reason = read(services, "reasons", old)
        assert reason["code"] == "superseded"
        assert new.id in reason["message"]
        second = take(R2, fastq(2))
        assert (state(new), state(second)) == ("VALIDATED", "VALIDATED")
        assert len(mails(sent)) == 1

    def test_versions_may_come_in_the_wrong_order(self, services, drop, state):
        old, new = drop(R1, fastq(1, range(2))), drop(R1, fastq(1))
        validate(services, new)
        validate(services, old)
        assert (state(old), state(new)) == ("REJECTED", "WAITING")
        assert services.ledger.find_upload(old.id).reason == "superseded"

    def test_one_mate_again_is_checked_with_what_was_archived(self, services, take, state):
        _, two = take(R1, fastq(1)), take(R2, fastq(2))
        services.ledger.move(services.ledger.find_upload(two.id), "ARCHIVED")
        again = take(R1, fastq(1))
        assert state(again) == "VALIDATED"
        assert read(services, "reports", again)["mate"]["upload"] == two.id

    @pytest.mark.parametrize("end", ["VALIDATED", "ARCHIVED"])
    def test_both_mates_again_with_other_reads_are_a_pair_of_their_own(self, services, take, state, sent, end):
        for version in [take(R1, fastq(1)), take(R2, fastq(2))]:
            if end == "ARCHIVED":
                services.ledger.move(services.ledger.find_upload(version.id), end)
        one = take(R1, fastq(1, range(5, 9)))  # does not fit the old R2, whose place the new one will take
        assert state(one) == "WAITING"
        assert read(services, "reports", one)["mate"]["faults"] != []
        validate(services, one)
        assert state(one) == "WAITING"
        two = take(R2, fastq(2, range(5, 9)))
        assert (state(one), state(two)) == ("VALIDATED", "VALIDATED")
        assert mails(sent) == []

    def test_without_the_names_of_an_archived_mate_it_goes_on_unchecked(self, services, take, state):
        _, two = take(R1, fastq(1)), take(R2, fastq(2))
        services.ledger.move(services.ledger.find_upload(two.id), "ARCHIVED")
        services.s3.delete_object(Bucket="work", Key=f"names/{two.id}")
        again = take(R1, fastq(1))
        assert state(again) == "VALIDATED"
        mate = read(services, "reports", again)["mate"]
        assert mate["checked"] is False
        assert "not kept" in mate["note"]


class TestTime:
    """What waits for long: told once, looked at, never lost."""

    @pytest.fixture
    def services(self, direct):
        return direct

    @pytest.fixture
    def clock(self, services, monkeypatch):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        held = {"now": start}
        iso = lambda: held["now"].isoformat(timespec="milliseconds").replace("+00:00", "Z")  # noqa: E731
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: held["now"])
        monkeypatch.setattr(services.ledger, "_now", iso)

        def to(hours: float) -> None:
            held["now"] = start + timedelta(hours=hours)

        return to

    def test_a_mate_that_never_comes_is_told_of_once(self, services, take, state, sent, clock):
        one = take(R1, fastq(1))
        told = []
        for hour in range(24 * 20):
            clock(hour)
            if reconcile(services)["unmated"]:
                told.append(hour)
        assert told == [24]
        (mail,) = mails(sent)
        assert R1 in mail["Subject"]
        assert "S1_L001_R2_001.fastq.gz" in mail["Message"]
        assert 'mates = "single"' in mail["Message"]
        assert state(one) == "WAITING"
        assert services.ledger.find_upload(one.id).told_at.startswith("2026-01-02")
        two = take(R2, fastq(2))
        assert (state(one), state(two)) == ("VALIDATED", "VALIDATED")

    def test_it_is_looked_at_ever_more_seldom_but_for_ever(self, services, take, sent, clock):
        take(R1, fastq(1))
        looks = []
        for quarter in range(4 * 24 * 5):
            clock(quarter / 4)
            if reconcile(services)["waiting"]:
                looks.append(quarter / 4)
        assert looks[:6] == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert {later - earlier for earlier, later in itertools.pairwise(looks[5:])} == {24}
        assert {parse_landed_versions(body)[0].key for queue, body in sent if queue == "validate_queue"} == {R1}

    def test_a_deleted_file_is_withdrawn_at_the_next_look(self, services, take, state):
        one = take(R1, fastq(1))
        services.s3.delete_object(Bucket="landing", Key=R1, VersionId=one.version_id)
        validate(services, one)
        assert state(one) == "WITHDRAWN"
        assert state(take(R2, fastq(2))) == "WAITING"

    def test_a_deleted_file_is_nobodys_mate(self, services, take, state):
        one = take(R1, fastq(1))
        services.s3.delete_object(Bucket="landing", Key=R1, VersionId=one.version_id)
        assert state(take(R2, fastq(2))) == "WAITING"
        assert state(one) == "WITHDRAWN"

    def test_single_end_labs_free_what_waits_by_a_deploy(self, services, take, state, sent, clock):
        one = take(R1, fastq(1))
        clock(1)
        single = with_mates(services, "single")
        reconcile(single)
        ((queue, body),) = sent
        assert queue == "validate_queue"
        validate(single, *parse_landed_versions(body))
        assert state(one) == "VALIDATED"
        assert len(services.ledger.attempts(one.id)) == 1

    @pytest.mark.parametrize("order", [(R1, R2), (R2, R1)])
    def test_what_expired_while_it_waited_is_read_again(self, services, take, state, sent, monkeypatch, order):
        bodies = {R1: fastq(1), R2: fastq(2)}
        one = take(order[0], bodies[order[0]])
        later = datetime.now(UTC) + timedelta(days=11)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: later)
        services.s3.delete_object(Bucket="work", Key=f"names/{one.id}")
        two = drop_later(services, order[1], bodies[order[1]])
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: datetime.now(UTC))
        services.s3.delete_object(Bucket="work", Key=f"examinations/{one.id}.json")
        validate(services, two)
        assert (state(one), state(two)) == ("RECEIVED", "WAITING")
        ((queue, body),) = sent
        assert queue == "validate_queue"
        validate(services, *parse_landed_versions(body))
        assert (state(one), state(two)) == ("VALIDATED", "VALIDATED")

    def test_an_old_examination_counts_as_none(self, services, take, state, sent, monkeypatch):
        one = take(R1, fastq(1))
        later = datetime.now(UTC) + timedelta(days=11)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: later)
        validate(with_mates(services, "single"), one)
        assert state(one) == "RECEIVED"
        assert [queue for queue, _ in sent] == ["validate_queue"]


def drop_later(services, key: str, body: bytes) -> UploadVersion:
    body = gzip.compress(body, mtime=0)
    answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
    return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))


class TestCheck:
    """raw/: each goes on at once, and the second is checked."""

    def test_both_go_on_at_once_and_the_pair_is_checked(self, services, take, state, sent):
        one = take(RAW1, fastq(1))
        assert state(one) == "VALIDATED"
        assert sent == [("archive_queue", {"upload": one.id})]
        services.ledger.move(services.ledger.find_upload(one.id), "ARCHIVED")
        two = take(RAW2, fastq(2))
        assert state(two) == "VALIDATED"
        assert read(services, "reports", two)["mate"]["checked"] is True
        assert read(services, "reports", one)["mate"]["upload"] == two.id, "the first one's report tells of it, too"

    def test_the_second_is_rejected_if_it_does_not_fit(self, services, take, state, sent):
        one, two = take(RAW1, fastq(1)), take(RAW2, fastq(2, range(2)))
        assert (state(one), state(two)) == ("VALIDATED", "REJECTED")
        reason = read(services, "reasons", two)
        assert (reason["code"], reason["mate"]["key"]) == ("mates_unequal_counts", RAW1)
        (mail,) = mails(sent)
        assert mail["Subject"] == f"Seqdrop rejected {RAW2}"
        assert "was accepted before" in mail["Message"]
        assert state(take(RAW2, fastq(2))) == "VALIDATED"

    def test_a_run_that_is_dropped_again_is_a_pair_of_its_own(self, take, state, sent):
        take(RAW1, fastq(1))
        take(RAW2, fastq(2))
        one = take(RAW1, fastq(1, range(5, 9)))
        assert state(one) == "VALIDATED"
        wrong = take(RAW2, fastq(2, range(5, 8)))
        assert state(wrong) == "REJECTED"
        assert state(take(RAW2, fastq(2, range(5, 9)))) == "VALIDATED"
        assert len(mails(sent)) == 1

    def test_an_older_version_that_comes_late_goes_on_alone(self, services, drop, state):
        old, new = drop(RAW1, fastq(1, range(2))), drop(RAW1, fastq(1))
        validate(services, new)
        validate(services, old)
        assert (state(old), state(new)) == ("VALIDATED", "VALIDATED")
        two = drop(RAW2, fastq(2))
        validate(services, two)
        assert read(services, "reports", two)["mate"]["upload"] == new.id


class TestNamesThatMeanNothing:
    @pytest.mark.parametrize(("one", "two"), [("reads/a_1.fastq", "reads/a_2.fastq"), ("raw/a_1.fq", "raw/a_2.fq")])
    def test_two_single_end_samples_are_no_pair(self, services, take, state, sent, one, two):
        first, second = take(one, fastq(1)), take(two, fastq(1, range(5, 9)))
        assert (state(first), state(second)) == ("VALIDATED", "VALIDATED")
        assert "two samples" in read(services, "reports", second)["mate"]["note"]
        assert mails(sent) == []

    def test_of_names_that_leave_no_doubt_that_is_a_fault(self, take, state):
        first, second = take(R1, fastq(1)), take(R2, fastq(1, range(5, 9)))
        assert (state(first), state(second)) == ("REJECTED", "REJECTED")

    def test_the_same_file_as_both_samples_is_a_fault(self, services, take, state):
        _, second = take("reads/a_1.fastq", fastq(1)), take("reads/a_2.fastq", fastq(1))
        assert state(second) == "REJECTED"
        reason = read(services, "reasons", second)
        assert reason["code"] == "mates_same_file"
        assert "two samples" in reason["advice"]

    def test_an_interleaved_file_with_a_number_has_no_mate(self, take, state):
        one, two = fastq(1, range(20)).splitlines(True), fastq(2, range(20)).splitlines(True)
        both = b"".join(b"".join(one[at : at + 4] + two[at : at + 4]) for at in range(0, len(one), 4))
        assert state(take("reads/sample_1.fastq", both)) == "VALIDATED"

    def test_fasta_has_no_mates(self, take, state):
        assert state(take("raw/asm_R1", b">c\n" + b"ACGT" * 20 + b"\n")) == "VALIDATED"

    def test_single_means_single(self, services, drop, state):
        one = drop(R1, fastq(1))
        validate(with_mates(services, "single"), one)
        assert state(one) == "VALIDATED"
        assert "mate" not in read(services, "reports", one)

    def test_severities_are_the_analysiss(self, services, drop, state):
        reads = replace(services.analyses.by_name["reads"], severity={"mates_unequal_counts": "warning"})
        soft = replace(services, analyses=replace(services.analyses, by_name={"reads": reads}))
        versions = [drop(R1, fastq(1)), drop(R2, fastq(2, range(2)))]
        for version in versions:
            validate(soft, version)
        assert [state(version) for version in versions] == ["VALIDATED", "VALIDATED"]
        assert "3 reads, the second 2" in read(services, "reports", versions[1])["mate"]["note"]


def test_whoever_is_always_late_comes_again(services, drop, monkeypatch):
    one = drop(R1, fastq(1))
    monkeypatch.setattr(type(services.ledger), "move_together", lambda *_, **__: False)
    with pytest.raises(RetryableError, match="kept moving"):
        validate(services, one)
