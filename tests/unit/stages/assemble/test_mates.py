"""R1 and R2, in any order and at any time: their final states, and the mails to the lab."""

import gzip
import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from seqdrop.errors import RetryableError
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.stages.assemble.mates import MATES
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.mates import fastq

SEQUENCERS = itertools.count(1)
R1, R2 = "reads/run1/S1_L001_R1_001.fastq.gz", "reads/run1/S1_L001_R2_001.fastq.gz"
RAW1, RAW2 = R1.replace("reads/", "raw/"), R2.replace("reads/", "raw/")


@pytest.fixture
def drop(services):
    """Put an object; compress it if the key ends in .gz."""

    def put(key: str, body: bytes) -> UploadVersion:
        body = gzip.compress(body, mtime=0) if key.endswith(".gz") else body
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        etag, sequencer = answer["ETag"].strip('"'), f"{next(SEQUENCERS):X}"
        return UploadVersion("landing", key, answer["VersionId"], len(body), etag, sequencer)

    return put


@pytest.fixture
def take(services, drop):
    """Drop a file and validate it; return its version."""

    def drop_and_validate(key: str, body: bytes) -> UploadVersion:
        version = drop(key, body)
        validate(services, version)
        return version

    return drop_and_validate


@pytest.fixture
def state(services):
    return lambda version: services.ledger.find_upload(version.id).state


def read(services, kind: str, version) -> dict:
    return json.loads(services.s3.get_object(Bucket="results", Key=f"{kind}/{version.id}.json")["Body"].read())


def mails(sent) -> list[dict]:
    return [mail for queue, mail in sent if queue == "topic"]


def with_mates(services, mode: str):
    """Return services with another `mates` for reads/."""
    analyses = services.analyses
    changed = {**analyses.by_name, "reads": replace(analyses.by_name["reads"], mates=mode)}
    return replace(services, analyses=replace(analyses, by_name=changed))


class TestWait:
    """reads/: neither mate advances before both are valid."""

    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    def test_in_any_order_the_first_waits_and_both_advance_with_the_second(self, services, take, state, sent, order):
        keys, versions = {1: R1, 2: R2}, {}
        versions[order[0]] = take(keys[order[0]], fastq(order[0]))
        assert state(versions[order[0]]) == "WAITING"
        assert services.ledger.attempts(versions[order[0]].id) == []
        assert sent == []
        versions[order[1]] = take(keys[order[1]], fastq(order[1]))
        attempts = {number: services.ledger.attempts(version.id) for number, version in versions.items()}
        assert [state(version) for version in versions.values()] == ["VALIDATED", "VALIDATED"]
        assert [len(of_upload) for of_upload in attempts.values()] == [1, 1]
        assert sorted(body["attempt"] for _, body in sent) == sorted(
            of_upload[0].key for of_upload in attempts.values()
        )
        for number, version in versions.items():
            other = versions[3 - number]
            assert services.ledger.find_upload(version.id).mate == other.id
            mate = {"key": other.key, "upload": other.id, "checked": True, "faults": [], "note": ""}
            assert read(services, "reports", version)["mate"] == mate

    def test_the_report_of_a_waiting_mate_names_the_other(self, services, take):
        mate = read(services, "reports", take(R1, fastq(1)))["mate"]
        assert (mate["key"], mate["upload"], mate["checked"]) == (R2, None, False)

    def test_files_of_other_names_are_not_taken_for_the_mate(self, take, state):
        first = take("reads/SampleA_R1.fastq", fastq(1))
        others = [
            take("reads/SampleA2_R2.fastq", fastq(2)),
            take("reads/SampleA_L002_R2.fastq", fastq(2)),
            take("reads/other/SampleA_R2.fastq", fastq(2)),
        ]
        assert [state(version) for version in (first, *others)] == ["WAITING"] * 4
        assert state(take("reads/SampleA_I1.fastq", fastq(1))) == "VALIDATED"
        assert state(take("reads/SampleA_R3.fastq", fastq(3))) == "VALIDATED"
        assert state(first) == "WAITING"
        take("reads/SampleA_R2.fastq.gz", fastq(2))  # compressed, unlike R1
        assert state(first) == "VALIDATED"

    @pytest.mark.parametrize(
        ("bodies", "code"),
        [
            ((fastq(1), fastq(2, range(2))), "mates_unequal_counts"),
            ((fastq(1, range(200)), fastq(2, [*range(99), 100, 99, *range(101, 200)])), "mates_out_of_step"),
            ((fastq(1), fastq(1)), "mates_same_file"),
            ((fastq(2), fastq(1)), "mates_swapped"),
        ],
    )
    @pytest.mark.parametrize("order", [(R1, R2), (R2, R1)])
    def test_mates_that_do_not_fit_are_rejected_together(self, services, take, sent, bodies, code, order):
        body_of = dict(zip((R1, R2), bodies, strict=True))
        versions = {key: take(key, body_of[key]) for key in order}
        for key, version in versions.items():
            other = versions[R2 if key == R1 else R1]
            reason = read(services, "reasons", version)
            assert reason["code"] == code
            assert reason["mate"] == {"upload": other.id, "key": other.key, "version_id": other.version_id}
            assert "S1_L001_R1_001.fastq.gz, second: S1_L001_R2_001.fastq.gz" in reason["message"]
            upload = services.ledger.find_upload(version.id)
            assert (upload.state, upload.reason) == ("REJECTED", code)
            assert services.ledger.attempts(version.id) == []
        (mail,) = mails(sent)
        assert "and its mate" in mail["Subject"]
        assert R1 in mail["Message"]
        assert R2 in mail["Message"]
        assert sent == [("topic", mail)]

    def test_a_rejected_pair_can_be_dropped_again(self, take, state):
        take(R1, fastq(1))
        take(R2, fastq(2, range(2)))
        again = [take(R1, fastq(1)), take(R2, fastq(2))]
        assert [state(version) for version in again] == ["VALIDATED", "VALIDATED"]

    def test_a_corrected_mate_is_paired(self, services, take, state, sent):
        first, broken = take(R1, fastq(1)), take(R2, fastq(2)[:-4])
        assert (state(first), state(broken)) == ("WAITING", "REJECTED")
        assert read(services, "reasons", broken)["code"] == "truncated"
        mended = take(R2, fastq(2))
        assert (state(first), state(mended), state(broken)) == ("VALIDATED", "VALIDATED", "REJECTED")
        assert len(mails(sent)) == 1

    def test_repeated_messages_change_nothing(self, services, drop, state, sent):
        first, second = drop(R1, fastq(1)), drop(R2, fastq(2))
        for version in (first, first, first):
            validate(services, version)
        waiting = services.ledger.find_upload(first.id)
        assert waiting.revision == 3  # created, read, moved to WAITING
        validate(services, second)
        before = [services.ledger.find_upload(version.id) for version in (first, second)]
        for version in (second, first, second):
            validate(services, version)
        assert [services.ledger.find_upload(version.id) for version in (first, second)] == before
        assert all(len(services.ledger.attempts(version.id)) == 1 for version in (first, second))
        assert mails(sent) == []

    def test_neither_file_is_read_again_for_the_comparison(self, services, take, drop, state, monkeypatch):
        first, second = take(R1, fastq(1)), drop(R2, fastq(2))
        wanted = []
        get = services.s3.get_object
        monkeypatch.setattr(services.s3, "get_object", lambda **call: wanted.append(call) or get(**call))
        validate(services, second)
        assert [call["Key"] for call in wanted if call["Bucket"] == "landing"] == [R2]
        assert state(first) == "VALIDATED"


class TestVersions:
    """A file dropped again under its name."""

    def test_a_newer_version_takes_the_slot_of_a_waiting_one(self, services, take, state, sent):
        old, new = take(R1, fastq(1, range(2))), take(R1, fastq(1))
        assert (state(old), state(new)) == ("REJECTED", "WAITING")
        reason = read(services, "reasons", old)
        assert reason["code"] == "superseded"
        assert new.id in reason["message"]
        second = take(R2, fastq(2))
        assert (state(new), state(second)) == ("VALIDATED", "VALIDATED")
        assert len(mails(sent)) == 1

    def test_versions_may_arrive_in_the_wrong_order(self, services, drop, state):
        old, new = drop(R1, fastq(1, range(2))), drop(R1, fastq(1))
        validate(services, new)
        validate(services, old)
        assert (state(old), state(new)) == ("REJECTED", "WAITING")
        assert services.ledger.find_upload(old.id).reason == "superseded"

    def test_a_mate_dropped_again_is_compared_with_the_archived_one(self, services, take, state):
        _, two = take(R1, fastq(1)), take(R2, fastq(2))
        services.ledger.move(services.ledger.find_upload(two.id), "ARCHIVED")
        again = take(R1, fastq(1))
        assert state(again) == "VALIDATED"
        assert read(services, "reports", again)["mate"]["upload"] == two.id

    @pytest.mark.parametrize("end", ["VALIDATED", "ARCHIVED"])
    def test_both_mates_dropped_again_with_other_reads_are_a_new_pair(self, services, take, state, sent, end):
        for version in [take(R1, fastq(1)), take(R2, fastq(2))]:
            if end == "ARCHIVED":
                services.ledger.move(services.ledger.find_upload(version.id), end)
        first = take(R1, fastq(1, range(5, 9)))  # does not fit the old R2, whose slot the new one will take
        assert state(first) == "WAITING"
        assert read(services, "reports", first)["mate"]["faults"] != []
        validate(services, first)
        assert state(first) == "WAITING"
        two = take(R2, fastq(2, range(5, 9)))
        assert (state(first), state(two)) == ("VALIDATED", "VALIDATED")
        assert mails(sent) == []

    def test_without_the_names_of_an_archived_mate_a_file_advances_unchecked(self, services, take, state):
        _, two = take(R1, fastq(1)), take(R2, fastq(2))
        services.ledger.move(services.ledger.find_upload(two.id), "ARCHIVED")
        services.s3.delete_object(Bucket="work", Key=f"names/{two.id}")
        again = take(R1, fastq(1))
        assert state(again) == "VALIDATED"
        mate = read(services, "reports", again)["mate"]
        assert mate["checked"] is False
        assert "have expired" in mate["note"]


class TestTime:
    """A file that waits for long is reported once, nudged again and again, and never lost."""

    @pytest.fixture
    def services(self, direct):
        return direct

    @pytest.fixture
    def clock(self, services, monkeypatch):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        time = {"now": start}
        iso = lambda: time["now"].isoformat(timespec="milliseconds").replace("+00:00", "Z")  # noqa: E731
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: time["now"])
        monkeypatch.setattr(services.ledger, "_now", iso)

        def to(hours: float) -> None:
            time["now"] = start + timedelta(hours=hours)

        return to

    def test_a_mate_that_never_arrives_is_reported_once(self, services, take, state, sent, clock):
        first = take(R1, fastq(1))
        mails_by_hour = []
        for hour in range(24 * 20):
            clock(hour)
            if reconcile(services)["unmated"]:
                mails_by_hour.append(hour)
        assert mails_by_hour == [24]
        (mail,) = mails(sent)
        assert R1 in mail["Subject"]
        assert "S1_L001_R2_001.fastq.gz" in mail["Message"]
        assert 'mates = "single"' in mail["Message"]
        assert state(first) == "WAITING"
        assert services.ledger.find_upload(first.id).told_at.startswith("2026-01-02")
        two = take(R2, fastq(2))
        assert (state(first), state(two)) == ("VALIDATED", "VALIDATED")

    def test_a_waiting_file_is_nudged_ever_more_rarely_but_for_ever(self, services, take, sent, clock):
        take(R1, fastq(1))
        looks = []
        for quarter in range(4 * 24 * 5):
            clock(quarter / 4)
            if reconcile(services)["waiting"]:
                looks.append(quarter / 4)
        assert looks[:6] == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert {later - earlier for earlier, later in itertools.pairwise(looks[5:])} == {24}
        assert {parse_landed_versions(body)[0].key for queue, body in sent if queue == "validate_queue"} == {R1}

    def test_a_deleted_file_is_withdrawn_at_the_next_nudge(self, services, take, state):
        first = take(R1, fastq(1))
        services.s3.delete_object(Bucket="landing", Key=R1, VersionId=first.version_id)
        validate(services, first)
        assert state(first) == "WITHDRAWN"
        assert state(take(R2, fastq(2))) == "WAITING"

    def test_a_deleted_file_is_not_a_mate(self, services, take, state):
        first = take(R1, fastq(1))
        services.s3.delete_object(Bucket="landing", Key=R1, VersionId=first.version_id)
        assert state(take(R2, fastq(2))) == "WAITING"
        assert state(first) == "WITHDRAWN"

    def test_a_deployment_with_single_end_reads_frees_waiting_files(self, services, take, state, sent, clock):
        first = take(R1, fastq(1))
        clock(1)
        single = with_mates(services, "single")
        reconcile(single)
        ((queue, body),) = sent
        assert queue == "validate_queue"
        validate(single, *parse_landed_versions(body))
        assert state(first) == "VALIDATED"
        assert len(services.ledger.attempts(first.id)) == 1

    @pytest.mark.parametrize("order", [(R1, R2), (R2, R1)])
    def test_a_file_whose_work_items_expired_is_read_again(self, services, take, state, sent, monkeypatch, order):
        bodies = {R1: fastq(1), R2: fastq(2)}
        first = take(order[0], bodies[order[0]])
        later = datetime.now(UTC) + timedelta(days=11)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: later)
        services.s3.delete_object(Bucket="work", Key=f"names/{first.id}")
        two = drop_later(services, order[1], bodies[order[1]])
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: datetime.now(UTC))
        services.s3.delete_object(Bucket="work", Key=f"examinations/{first.id}.json")
        validate(services, two)
        assert (state(first), state(two)) == ("RECEIVED", "WAITING")
        ((queue, body),) = sent
        assert queue == "validate_queue"
        validate(services, *parse_landed_versions(body))
        assert (state(first), state(two)) == ("VALIDATED", "VALIDATED")

    def test_an_old_examination_is_not_used(self, services, take, state, sent, monkeypatch):
        first = take(R1, fastq(1))
        later = datetime.now(UTC) + timedelta(days=11)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: later)
        validate(with_mates(services, "single"), first)
        assert state(first) == "RECEIVED"
        assert [queue for queue, _ in sent] == ["validate_queue"]


def drop_later(services, key: str, body: bytes) -> UploadVersion:
    body = gzip.compress(body, mtime=0)
    answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
    return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))


class TestCheck:
    """raw/: each mate advances when it is valid, and the second is compared with the first."""

    def test_both_advance_at_once_and_the_pair_is_checked(self, services, take, state, sent):
        first = take(RAW1, fastq(1))
        assert state(first) == "VALIDATED"
        assert sent == [("archive_queue", {"upload": first.id})]
        services.ledger.move(services.ledger.find_upload(first.id), "ARCHIVED")
        second = take(RAW2, fastq(2))
        assert state(second) == "VALIDATED"
        assert read(services, "reports", second)["mate"]["checked"] is True
        assert read(services, "reports", first)["mate"]["upload"] == second.id, (
            "the report of the first names the second"
        )

    def test_the_second_is_rejected_if_it_does_not_fit(self, services, take, state, sent):
        first, second = take(RAW1, fastq(1)), take(RAW2, fastq(2, range(2)))
        assert (state(first), state(second)) == ("VALIDATED", "REJECTED")
        reason = read(services, "reasons", second)
        assert (reason["code"], reason["mate"]["key"]) == ("mates_unequal_counts", RAW1)
        (mail,) = mails(sent)
        assert mail["Subject"] == f"Seqdrop rejected {RAW2}"
        assert "was accepted before" in mail["Message"]
        assert state(take(RAW2, fastq(2))) == "VALIDATED"

    def test_a_pair_that_is_dropped_again_is_a_new_pair(self, take, state, sent):
        take(RAW1, fastq(1))
        take(RAW2, fastq(2))
        first = take(RAW1, fastq(1, range(5, 9)))
        assert state(first) == "VALIDATED"
        wrong = take(RAW2, fastq(2, range(5, 8)))
        assert state(wrong) == "REJECTED"
        assert state(take(RAW2, fastq(2, range(5, 9)))) == "VALIDATED"
        assert len(mails(sent)) == 1

    def test_an_older_version_that_is_late_advances_alone(self, services, drop, state):
        old, new = drop(RAW1, fastq(1, range(2))), drop(RAW1, fastq(1))
        validate(services, new)
        validate(services, old)
        assert (state(old), state(new)) == ("VALIDATED", "VALIDATED")
        second = drop(RAW2, fastq(2))
        validate(services, second)
        assert read(services, "reports", second)["mate"]["upload"] == new.id


PROVIDERS = [
    ("reads/S1_1.clean.fq.gz", "reads/S1_2.clean.fq.gz"),
    ("reads/S1_1_trimmed.fq.gz", "reads/S1_2_trimmed.fq.gz"),
    ("reads/S1_read1.fastq.gz", "reads/S1_read2.fastq.gz"),
    ("reads/S1_TRIM_1P.fastq.gz", "reads/S1_TRIM_2P.fastq.gz"),
    ("reads/S1.fastq.1.gz", "reads/S1.fastq.2.gz"),
    ("reads/S1_forward_paired.fq", "reads/S1_reverse_paired.fq"),
    ("reads/S1_Unmapped.out.mate1", "reads/S1_Unmapped.out.mate2"),
    ("reads/Undetermined_S0_L001_R1_001.fastq.gz", "reads/Undetermined_S0_L001_R2_001.fastq.gz"),
]
LEFTOVERS = [
    ("reads/S1_unpaired_R1.fastq.gz", "reads/S1_unpaired_R2.fastq.gz"),
    ("reads/S1_R1_unpaired.fastq.gz", "reads/S1_R2_unpaired.fastq.gz"),
    ("reads/S1_orphans_1.fq.gz", "reads/S1_orphans_2.fq.gz"),
    ("reads/S1_singletons_R1.fastq", "reads/S1_singletons_R2.fastq"),
    ("reads/S1_TRIM_1U.fastq.gz", "reads/S1_TRIM_2U.fastq.gz"),
    ("reads/S1_R1_unpaired_1.fq.gz", "reads/S1_R2_unpaired_2.fq.gz"),
    ("reads/S1_S1_L001_I1_001.fastq.gz", "reads/S1_S1_L001_R3_001.fastq.gz"),
]


class TestNamesOfProvidersAndTrimmers:
    @pytest.mark.parametrize(("first", "second"), PROVIDERS)
    def test_a_sound_pair_is_checked_and_a_broken_one_is_rejected(self, services, take, state, first, second):
        sound = take(first, fastq(1)), take(second, fastq(2))
        assert [state(version) for version in sound] == ["VALIDATED", "VALIDATED"]
        assert read(services, "reports", sound[1])["mate"]["checked"] is True
        broken = take(first, fastq(1, range(9))), take(second, fastq(2, range(5)))
        assert [state(version) for version in broken] == ["REJECTED", "REJECTED"]
        assert read(services, "reasons", broken[0])["code"] == "mates_unequal_counts"

    @pytest.mark.parametrize(("first", "second"), LEFTOVERS)
    def test_leftovers_and_index_reads_advance_alone(self, services, take, state, first, second):
        versions = take(first, fastq(1, range(7))), take(second, fastq(2, range(8, 12)))
        assert [state(version) for version in versions] == ["VALIDATED", "VALIDATED"]
        assert all("mate" not in read(services, "reports", version) for version in versions)

    def test_a_leftover_that_an_earlier_version_left_waiting_advances(self, services, take, state, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr("seqdrop.companions.mates._is_left_over", lambda *_: False)  # as the earlier version
            first = take("reads/S1_unpaired_R1.fastq", fastq(1))
            assert state(first) == "WAITING"
        validate(services, first)
        validate(services, first)
        assert state(first) == "VALIDATED"

    def test_a_file_that_waits_in_a_set_of_an_earlier_name_is_paired(self, services, take, state, monkeypatch):
        place = type(MATES).place
        earlier = lambda *upload: (place(*upload)[0] + " of an earlier version", "1")  # noqa: E731
        with monkeypatch.context() as patch:
            patch.setattr(type(MATES), "place", earlier)
            first = take("reads/S1_R1_1P.fastq", fastq(1))
        second = take("reads/S1_R1_2P.fastq", fastq(2))
        assert (state(first), state(second)) == ("WAITING", "WAITING")
        validate(services, first)  # as the reconciler does from time to time
        validate(services, first)
        assert (state(first), state(second)) == ("VALIDATED", "VALIDATED")


class TestNamesThatMeanNothing:
    @pytest.mark.parametrize(
        ("first", "second"), [("reads/a_1.fastq", "reads/a_2.fastq"), ("raw/a_1.fq", "raw/a_2.fq")]
    )
    def test_two_single_end_samples_are_not_a_pair(self, services, take, state, sent, first, second):
        first, second = take(first, fastq(1)), take(second, fastq(1, range(5, 9)))
        assert (state(first), state(second)) == ("VALIDATED", "VALIDATED")
        assert "two samples" in read(services, "reports", second)["mate"]["note"]
        assert mails(sent) == []

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("reads/a_1.fastq", "reads/a_2.fastq"),
            ("reads/a_1_trimmed.fq", "reads/a_2_trimmed.fq"),
            ("reads/a_1.clean.fq.gz", "reads/a_2.clean.fq.gz"),
            ("reads/a.fastq.1.gz", "reads/a.fastq.2.gz"),
            ("reads/a_1P.fastq", "reads/a_2P.fastq"),
            ("raw/a_forward.fq", "raw/a_reverse.fq"),
        ],
    )
    def test_the_reads_decide_if_they_do_not_say_their_mates(self, services, take, state, first, second):
        samples = take(first, fastq(1, range(3), True)), take(second, fastq(1, range(5, 9), True))
        assert [state(version) for version in samples] == ["VALIDATED", "VALIDATED"]
        assert "no read is in both files" in read(services, "reports", samples[1])["mate"]["note"]
        broken = take(first, fastq(1, range(200), True)), take(second, fastq(2, range(1, 200), True))
        assert state(broken[1]) == "REJECTED"  # the first read of mate 2 is lost, so no two chunks are equal
        assert read(services, "reasons", broken[1])["code"] == "mates_unequal_counts"

    def test_mates_by_their_reads_that_are_those_of_other_mates_are_a_fault(self, take, state):
        versions = take("reads/a_1.fastq", fastq(1)), take("reads/a_2.fastq", fastq(2, range(5, 8)))
        assert [state(version) for version in versions] == ["REJECTED", "REJECTED"]

    def test_names_that_leave_no_doubt_need_common_reads(self, take, state):
        versions = take(R1, fastq(1, range(3), True)), take(R2, fastq(1, range(5, 8), True))
        assert [state(version) for version in versions] == ["REJECTED", "REJECTED"]

    def test_a_digest_of_an_earlier_version_has_no_sample(self, services, take, state):
        first = take("reads/a_1.fastq", fastq(1, range(3), True))
        body = services.s3.get_object(Bucket="work", Key=f"names/{first.id}")["Body"].read()
        services.s3.put_object(Bucket="work", Key=f"names/{first.id}", Body=body)
        second = take("reads/a_2.fastq", fastq(1, range(5, 9), True))
        assert state(second) == "REJECTED"
        assert "two samples" in read(services, "reasons", second)["advice"]

    def test_the_same_mate_twice_is_a_fault_if_names_leave_no_doubt(self, take, state):
        first, second = take(R1, fastq(1)), take(R2, fastq(1, range(5, 9)))
        assert (state(first), state(second)) == ("REJECTED", "REJECTED")

    def test_the_same_file_as_both_samples_is_a_fault(self, services, take, state):
        _, second = take("reads/a_1.fastq", fastq(1)), take("reads/a_2.fastq", fastq(1))
        assert state(second) == "REJECTED"
        reason = read(services, "reasons", second)
        assert reason["code"] == "mates_same_file"
        assert "two samples" in reason["advice"]

    def test_an_interleaved_file_with_a_number_has_no_mate(self, take, state):
        first, second = fastq(1, range(20)).splitlines(True), fastq(2, range(20)).splitlines(True)
        both = b"".join(b"".join(first[at : at + 4] + second[at : at + 4]) for at in range(0, len(first), 4))
        assert state(take("reads/sample_1.fastq", both)) == "VALIDATED"

    def test_fasta_has_no_mates(self, take, state):
        assert state(take("raw/asm_R1", b">c\n" + b"ACGT" * 20 + b"\n")) == "VALIDATED"

    def test_mates_single_disables_pairing(self, services, drop, state):
        first = drop(R1, fastq(1))
        validate(with_mates(services, "single"), first)
        assert state(first) == "VALIDATED"
        assert "mate" not in read(services, "reports", first)

    def test_severities_come_from_the_analysis(self, services, drop, state):
        reads = replace(services.analyses.by_name["reads"], severity={"mates_unequal_counts": "warning"})
        soft = replace(services, analyses=replace(services.analyses, by_name={"reads": reads}))
        versions = [drop(R1, fastq(1)), drop(R2, fastq(2, range(2)))]
        for version in versions:
            validate(soft, version)
        assert [state(version) for version in versions] == ["VALIDATED", "VALIDATED"]
        assert "3 reads, the second 2" in read(services, "reports", versions[1])["mate"]["note"]


def test_an_invocation_that_loses_every_race_is_retried(services, drop, monkeypatch):
    first = drop(R1, fastq(1))
    monkeypatch.setattr(type(services.ledger), "move_together", lambda *_, **__: False)
    with pytest.raises(RetryableError, match="kept moving"):
        validate(services, first)
