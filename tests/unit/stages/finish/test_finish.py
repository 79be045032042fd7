"""The end of a job: good outputs are imported, members without outputs fail, and none is resolved twice."""

import json

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.finish.predictions import import_predictions
from seqdrop.uploads import UploadVersion

from tests.support.aws.sagemaker import TRANSFORM

NAME = "seqdrop-contigs-x-1"
TRACKS = [f"track.{strand}.{suffix}" for strand in ("plus", "minus") for suffix in ("bedgraph", "bw")]
BROWSERS = ["genome.chrom.sizes", "hub.txt", "igv_session.xml"]
FILES = ["predictions.jsonl", "predictions.parquet", "calls.bed", "calls.gff3", *TRACKS, *BROWSERS]


@pytest.fixture
def job(services):
    """Create a started job with two members of two shards each; return the keys of the members."""
    members = []
    for name in "ab":
        version = UploadVersion("landing", f"contigs/{name}", "v", 1, "e")
        services.ledger.create(Upload.from_version(version, "contigs"))
        plan = packaged().by_name["contigs"].as_json()
        attempt = Attempt("PLANNED", upload_id=version.id, analysis="contigs", shards=2, items=2, plan=plan)
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", attempt)
        members.append(services.ledger.find_attempt(attempt.key))
    planned = Job("PLANNED", name=NAME, analysis="contigs", members=[m.key for m in members], request="{}", model="m")
    services.ledger.claim(planned, members)
    services.ledger.move(services.ledger.find_job(NAME), "STARTED")
    return [member.key for member in members]


def with_job_status(services, status: str, name: str = NAME, **more):
    """Return the services, with this status of the job at SageMaker."""
    sagemaker = services.sagemaker.service
    sagemaker.put(TRANSFORM, TransformJobName=name)
    sagemaker.end(name, status, **more)
    return services


def put_outputs(services, key: str, lines_each: int = 1, folder: str = "deep/er/") -> None:
    for number in range(2):
        windows = [
            {"start": 150 * number, "end": 150 * number + 300, "strand": "+", "probability": 0.95},
            {"start": 150 * number, "end": 150 * number + 300, "strand": "-", "probability": 0.25},
        ]
        line = json.dumps({"id": f"{number}", "record": "c", "windows": windows}) + "\n"
        where = keys.job_output(NAME) + folder + keys.shard_name(key, number) + ".out"
        services.s3.put_object(Bucket="work", Key=where, Body=line.encode() * lines_each)


def read(services, key: str, name: str) -> str:
    upload = key.split("-")[0]
    return services.s3.get_object(Bucket="results", Key=f"results/contigs/{upload}/{name}")["Body"].read().decode()


def listed(services, key: str) -> list[dict]:
    upload = key.split("-")[0]
    return services.s3.list_objects_v2(Bucket="results", Prefix=f"results/contigs/{upload}/").get("Contents", [])


def states(services, job) -> list[str]:
    return [services.ledger.find_attempt(key).state for key in job]


def test_the_predictions_of_every_member_of_a_completed_job_are_imported(services, job, sent):
    for key in job:
        put_outputs(services, key)
    finish(with_job_status(services, "Completed"), NAME)
    assert states(services, job) == ["PREDICTED", "PREDICTED"]
    assert services.ledger.find_job(NAME).state == "DONE"
    rows = [json.loads(line) for line in read(services, job[0], "predictions.jsonl").splitlines()]
    assert [(row["strand"], row["probability"], row["call"]) for row in rows] == [
        ("+", 0.95, True),
        ("-", 0.25, False),
    ] * 2
    summary = json.loads(read(services, job[0], "summary.json"))
    assert summary["counts"]["calls"] == summary["calls"]["windows"] == 2
    # Of neighbouring calls one is kept; the strands are scored separately.
    assert (summary["calls"]["kept"], summary["calls"]["scored_kb"]) == (1, 0.9)
    assert summary["files"] == sorted(FILES)
    assert {item["Key"].rsplit("/")[-1] for item in listed(services, job[0])} == {*FILES, "index.html", "summary.json"}
    calls = [line.split("\t") for line in read(services, job[0], "calls.bed").splitlines() if line[0] != "#"]
    assert calls == [["c", "0", "300", "promoter", "950", "+", "0", "300", "0", "0.95", "."]]
    on = [("archive_queue", {"upload": key.split("-")[0]}) for key in job]
    assert sent == [*on, ("transform_queue", {"room": NAME})]


def test_good_outputs_of_a_failed_job_are_imported(services, job, sent):
    put_outputs(services, job[0])
    finish(with_job_status(services, "Failed", FailureReason="one object could not be read"), NAME)
    assert states(services, job) == ["PREDICTED", "FAILED"]
    assert services.ledger.find_job(NAME).state == "FAILED"
    assert "one object could not be read" in services.ledger.find_attempt(job[1]).reason
    again = services.ledger.attempts(job[1].split("-")[0])[-1]
    assert (again.number, again.state, again.shards_key, again.group) == (2, "PLANNED", job[1], f"{NAME}/1")
    assert [queue for queue, _ in sent] == ["archive_queue", "transform_queue", "transform_queue"], "and no mail yet"


class TestMembersOfAFailedJob:
    """Members without outputs are tried again in halves; a member that fails alone is not tried again."""

    @pytest.fixture
    def ended(self, services):
        def end(members: list, reason: str = "it died", kept=()) -> list:
            """Return the groups of the members' next attempts; None for a member without one."""
            ledger = services.ledger
            name = f"seqdrop-contigs-{members[0].key[:4]}-{len(members)}-{members[0].number}"
            ledger.claim(Job("PLANNED", name=name, analysis="contigs", members=[m.key for m in members]), members)
            for member in kept:
                where = keys.job_output(name) + keys.shard_name(member.shards_key, 0) + ".out"
                window = {"start": 0, "end": 300, "strand": "+", "probability": 0.5}
                line = json.dumps({"id": "0", "record": "c", "windows": [window]}) + "\n"
                services.s3.put_object(Bucket="work", Key=where, Body=line.encode())
            finish(with_job_status(services, "Failed", name, FailureReason=reason), name)
            last = [ledger.attempts(member.upload_id)[-1] for member in members]
            return [attempt.group.rpartition("/")[2] if attempt.state == "PLANNED" else None for attempt in last]

        return end

    @pytest.fixture
    def some(self, services):
        def make(count: int) -> list[Attempt]:
            attempts = []
            for number in range(count):
                version = UploadVersion("landing", f"contigs/{number}", "v", 1, "e")
                services.ledger.create(Upload.from_version(version, "contigs"))
                plan = packaged().by_name["contigs"].as_json()
                attempt = Attempt("PLANNED", upload_id=version.id, analysis="contigs", shards=1, items=1, plan=plan)
                services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", attempt)
                attempts.append(services.ledger.find_attempt(attempt.key))
            return sorted(attempts, key=lambda attempt: attempt.key)

        return make

    def last(self, services, attempts):
        return [services.ledger.attempts(attempt.upload_id)[-1] for attempt in attempts]

    def test_halves_are_tried_again_until_the_bad_member_is_alone(self, services, some, ended, sent):
        members = some(5)
        bad = members[3].upload_id
        assert ended(members) == ["1", "1", "1", "2", "2"]
        members = self.last(services, members)
        ended(members[:3], "", kept=members[:3])
        assert ended(members[3:]) == ["1", "2"]
        alone = self.last(services, members[3:])
        assert ended(alone[1:], kept=alone[1:]) == [None]
        assert ended(alone[:1]) == [None]
        states = {attempt.upload_id: attempt.state for attempt in self.last(services, members)}
        assert states.pop(bad) == "FAILED"
        assert set(states.values()) == {"PREDICTED"}
        assert [queue for queue, _ in sent].count("topic") == 1, "there is a mail about the bad member only"

    def test_the_halves_of_members_without_outputs_are_the_same_after_a_crash(self, services, some, ended):
        members = some(4)
        first = services.ledger.find_attempt(members[0].key)
        assert ended(members, kept=members[1:2]) == ["1", None, "1", "2"]
        name = services.ledger.find_attempt(first.key).job
        finish(with_job_status(services, "Failed", name, FailureReason="it died"), name)
        numbers = [attempt.number for attempt in self.last(services, members)]
        assert numbers == [2, 1, 2, 2], "a second message changes nothing"

    @pytest.mark.parametrize("reason", ["ClientError: the model did not pass the ping health check", "cannot pull it"])
    def test_all_members_fail_if_the_data_is_not_the_cause(self, some, ended, reason, sent):
        assert ended(some(3), reason) == [None, None, None]
        assert [queue for queue, _ in sent].count("topic") == 3

    def test_members_lost_to_the_service_are_tried_again_together_but_not_for_ever(self, services, some, ended):
        members = some(2)
        for _ in range(3):
            assert ended(members, "CapacityError: none of ml.g5.xlarge") == ["0", "0"]
            members = self.last(services, members)
        assert ended(members, "CapacityError: none of ml.g5.xlarge") == [None, None]
        (first, *_) = services.ledger.attempts(members[0].upload_id)
        assert first.reason.startswith("its job failed, and it is tried again in another job: CapacityError")

    def test_a_job_that_a_person_stopped_is_not_tried_again(self, services, job):
        finish(with_job_status(services, "Stopped"), NAME)
        assert states(services, job) == ["FAILED", "FAILED"]
        assert [len(services.ledger.attempts(key.split("-")[0])) for key in job] == [1, 1]


def test_unreadable_predictions_fail_only_their_member(services, job, sent, monkeypatch):
    for key in job:
        put_outputs(services, key)
    real = import_predictions.__globals__["_write"]

    def write(services, about, attempt, *more):
        if attempt.key == job[0]:
            raise ValueError("could not convert ACGTACGT")
        return real(services, about, attempt, *more)

    monkeypatch.setitem(import_predictions.__globals__, "_write", write)
    finish(with_job_status(services, "Completed"), NAME)
    assert states(services, job) == ["FAILED", "PREDICTED"]
    assert "ValueError" in services.ledger.find_attempt(job[0]).reason
    assert "ACGT" not in services.ledger.find_attempt(job[0]).reason + str(sent)


def test_a_passing_error_of_one_member_does_not_delay_the_others(services, job, monkeypatch):
    for key in job:
        put_outputs(services, key)
    real = import_predictions.__globals__["_write"]

    def write(services, about, attempt, *more):
        if attempt.key == job[0]:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
        return real(services, about, attempt, *more)

    with monkeypatch.context() as patched:
        patched.setitem(import_predictions.__globals__, "_write", write)
        with pytest.raises(RetryableError):
            finish(with_job_status(services, "Completed"), NAME)
    assert states(services, job) == ["SUBMITTED", "PREDICTED"]
    assert services.ledger.find_job(NAME).state == "STARTED"
    finish(with_job_status(services, "Completed"), NAME)
    assert states(services, job) == ["PREDICTED", "PREDICTED"]
    assert services.ledger.find_job(NAME).state == "DONE"


def test_an_output_with_too_few_lines_fails_the_attempt(services, job):
    put_outputs(services, job[0], lines_each=0)
    put_outputs(services, job[1])
    finish(with_job_status(services, "Completed"), NAME)
    assert states(services, job) == ["FAILED", "PREDICTED"]
    assert "0 of 2 work items" in services.ledger.find_attempt(job[0]).reason
    assert listed(services, job[0]) == [], "incomplete results in the results bucket"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"LABEL_1 0.9\n", "unknown shape"),
        (b'{"label": "LABEL_1"}\n', "unknown shape"),
        (b'{"id": "1", "record": "c", "windows": [{"start": 1}]}\n', "unknown shape"),
        (b'{"id": "1", "error": {"code": "not_json", "message": "x"}}\n', "an error for every work item"),
    ],
)
def test_output_without_usable_predictions_fails_the_attempt(services, job, line, message):
    for key in job:
        put_outputs(services, key)
        for number in range(2):
            where = keys.job_output(NAME) + "deep/er/" + keys.shard_name(key, number) + ".out"
            services.s3.put_object(Bucket="work", Key=where, Body=line)
    finish(with_job_status(services, "Completed"), NAME)
    assert states(services, job) == ["FAILED", "FAILED"]
    assert message in services.ledger.find_attempt(job[0]).reason


def test_a_second_message_only_enqueues_the_uploads(services, job, sent):
    for key in job:
        put_outputs(services, key)
    finish(with_job_status(services, "Completed"), NAME)
    before = [services.ledger.find_attempt(key) for key in job]
    finish(with_job_status(services, "Completed"), NAME)
    assert [services.ledger.find_attempt(key) for key in job] == before
    assert len(sent) == 6


def test_a_second_message_after_the_record_of_an_upload_has_expired_is_handled(services, cloud, job, sent):
    finish(with_job_status(services, "Completed"), NAME)
    before, gone = len(sent), (f"UPLOAD#{job[0].split('-')[0]}", "UPLOAD")
    cloud.table.restore({key: item for key, item in cloud.table.snapshot().items() if key != gone})
    finish(services, NAME)
    assert [queue for queue, _ in sent[before:]] == ["transform_queue"]


def test_nothing_happens_while_the_job_runs(services, job, sent):
    finish(with_job_status(services, "InProgress"), NAME)
    assert states(services, job) == ["SUBMITTED", "SUBMITTED"]
    assert services.ledger.find_job(NAME).state == "STARTED"


def test_a_job_of_another_deployment_is_left_alone(services):
    finish(with_job_status(services, "Completed", "seqdrop-somebody-elses"), "seqdrop-somebody-elses")


def test_a_stopped_job_ends_in_stopped(services, job):
    finish(with_job_status(services, "Stopped"), NAME)
    assert (services.ledger.find_job(NAME).state, states(services, job)) == ("STOPPED", ["FAILED", "FAILED"])


def test_an_unexpected_error_of_one_member_does_not_affect_the_others(services, job, monkeypatch):
    for key in job:
        put_outputs(services, key)
    bad = services.ledger.find_attempt(job[0]).upload_id
    find = type(services.ledger).find_upload

    def refuse(ledger, upload_id):
        if upload_id == bad:
            raise KeyError(upload_id)
        return find(ledger, upload_id)

    with monkeypatch.context() as patch:
        patch.setattr(type(services.ledger), "find_upload", refuse)
        with pytest.raises(RetryableError, match=job[0]):
            finish(with_job_status(services, "Completed"), NAME)
        assert states(services, job)[1] == "PREDICTED"
    finish(services, NAME)
    assert services.ledger.find_job(NAME).state == "DONE"
