"""Monitoring jobs: what they read, what they report, and that each time is looked at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.models.code_bundles import push_code
from seqdrop.monitoring.baseline import OWN, Baseline
from seqdrop.monitoring.sequences import SequenceProfiler
from seqdrop.sagemaker.names import PATTERN
from seqdrop.stages.monitor import reporting
from seqdrop.stages.monitor.collection import hours
from seqdrop.stages.monitor.container import run
from seqdrop.stages.monitor.monitor import job_name, monitor
from seqdrop.uploads import UploadVersion

from tests.support.aws.clock import Clock
from tests.unit.monitoring.species import reads
from tests.unit.monitoring.test_captures import line as captured_line

ANALYSIS, DAY = "reads", 24 * 60
DIGEST = "d" * 64


class Lab:
    """A lab whose reads are predicted, day by day."""

    def __init__(self, services, cloud, clock) -> None:
        self.services, self.cloud, self.clock = services, cloud, clock
        self.metrics: list[dict] = []

    def pass_minutes(self, minutes: float) -> None:
        self.clock.advance(60 * minutes)

    def predict(self, name: str, sequences: list[str], seed: int = 0, mean: float = -2.0) -> str:
        """Put shards and results of an upload as its stages write them; return its id."""
        services, version = self.services, UploadVersion("landing", f"reads/{name}.fastq", "v", 1, "e")
        services.ledger.create(Upload.from_version(version, ANALYSIS))
        number, plan = len(sequences), packaged().by_name[ANALYSIS].as_json()
        attempt = Attempt(
            "PLANNED", upload_id=version.id, analysis=ANALYSIS, shards=1, items=number, windows=number, plan=plan
        )
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", attempt)
        items = [
            {"id": f"{version.id}:{n}:0", "record": f"r{n}", "start": 0, "sequence": text}
            for n, text in enumerate(sequences, 1)
        ]
        logits = np.random.default_rng(seed).normal(mean, 1.0, number)
        rows = [
            {
                "record": f"r{n}",
                "start": 0,
                "end": 150,
                "probability": round(1 / (1 + np.exp(-x)), 6),
                "call": bool(x > 0),
            }
            for n, x in enumerate(logits.tolist(), 1)
        ]
        self._put("work", keys.shard(version.id, "", attempt.key, 0), items)
        self._put("results", keys.result(ANALYSIS, version.id, 1, "predictions.jsonl"), rows)
        self._end(attempt)
        return version.id

    def _end(self, attempt: Attempt) -> None:
        ledger, name = self.services.ledger, f"job-{attempt.upload_id}"
        planned = ledger.require_attempt(attempt.key)
        job = Job("PLANNED", name=name, analysis=ANALYSIS, members=[attempt.key], model="m", model_digest=DIGEST)
        ledger.claim(job, [planned])
        ledger.move(ledger.require_attempt(attempt.key), "PREDICTED")

    def _put(self, bucket: str, key: str, lines: list) -> None:
        body = "".join(json.dumps(entry) + "\n" for entry in lines).encode()
        self.services.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def put_truth(self, name: str, labels: list[bool]) -> None:
        body = "record\tlabel\n" + "".join(f"r{n}\t{int(label)}\n" for n, label in enumerate(labels, 1))
        self.services.s3.put_object(Bucket="landing", Key=f"truth/{name}", Body=body.encode())

    def calls(self, upload: str) -> list[bool]:
        key = keys.result(ANALYSIS, upload, 1, "predictions.jsonl")
        body = self.services.s3.get_object(Bucket="results", Key=key)["Body"].read()
        return [json.loads(line)["call"] for line in body.splitlines()]

    def start(self) -> str:
        """Let the schedule start a job; return its name, "" if none was started."""
        before = set(self.cloud.sagemaker.requests)
        monitor(self.services, "")
        return next(iter(set(self.cloud.sagemaker.requests) - before), "")

    def brief(self, name: str) -> dict:
        return json.loads(self.services.s3.get_object(Bucket="work", Key=keys.job_request(name))["Body"].read())

    def run(self, name: str) -> None:
        run(self.brief(name), self.services.s3)
        self.cloud.sagemaker.end(name, "Completed")

    def day(self) -> dict:
        """Let the schedule start a job, run it, and report it; return its report on batch predictions."""
        name = self.start()
        self.run(name)
        monitor(self.services, name)
        self.pass_minutes(DAY)
        return self.report(self.brief(name)["date"])

    def report(self, date: str, stream: str = "batch") -> dict:
        key = keys.monitoring_report(ANALYSIS, stream, date, "report.json")
        return json.loads(self.services.s3.get_object(Bucket="results", Key=key)["Body"].read())


@pytest.fixture
def mails(sent):
    return lambda: [mail for queue, mail in sent if queue == "topic"]


@pytest.fixture
def lab(services, cloud, monkeypatch) -> Lab:
    """A lab with pushed code and a current model. Its ledger and its buckets have the same clock."""
    clock = Clock()
    clock.now = datetime(2026, 3, 1, 5, tzinfo=UTC)
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: clock.now)
    monkeypatch.setattr(services.ledger, "_now", lambda: clock.now.isoformat(timespec="milliseconds")[:23] + "Z")
    monkeypatch.setattr(cloud.s3, "_clock", clock)
    push_code(services.s3, "models", b"packages", "now")
    target = {"key": "models/m/x.tar.gz", "digest": DIGEST, "labels": ["other", "promoter"]}
    model = packaged().by_name[ANALYSIS].settings.model
    services.put_json("models", keys.model_pointer(model), {"current": target, "history": []})
    lab = Lab(services, cloud, clock)
    monkeypatch.setattr(reporting, "publish", lambda _stack, _function, counts: lab.metrics.append(dict(counts)))
    return lab


def later(lab: Lab) -> None:
    """Let some minutes pass between a prediction and the schedule."""
    lab.pass_minutes(10)


class TestDrift:
    def test_days_without_drift_raise_nothing_and_another_species_does(self, lab, mails):
        for day in range(4):
            lab.predict(f"day{day}", reads(700, seed=day), seed=day)
            later(lab)
            report = lab.day()
            assert (report["drifted"], report["uploads"]) == ([], 1)
        assert {entry["feature"] for entry in report["comparisons"]} == {
            *("length", "gc", "unknown", "kmers", "score", "calls")
        }
        assert mails() == []
        lab.predict("other", reads(700, seed=9, species=2), seed=9, mean=0.0)
        later(lab)
        report = lab.day()
        assert {"kmers", "score", "calls"} <= set(report["drifted"])
        (mail,) = mails()
        assert mail["Subject"] == "Seqdrop: monitoring has findings in reads"
        assert "4-mers, both strands: distance" in mail["Message"]
        assert "docs/monitoring.md" in mail["Message"]
        assert [counts["drifted_features"] for counts in lab.metrics] == [0, 0, 0, 0, len(report["drifted"])]

    def test_the_first_results_of_a_model_become_its_baseline(self, lab):
        lab.predict("a", reads(300, seed=1))
        later(lab)
        assert lab.day()["comparisons"] == []  # too few: they are gathered
        lab.predict("b", reads(300, seed=2))
        later(lab)
        assert lab.day()["comparisons"] == []
        lab.predict("c", reads(300, seed=3))
        later(lab)
        report = lab.day()
        assert report["baseline"] == {"inputs": "the first results of this model"} | {
            "predictions": "the first results of this model"
        }
        first = json.loads(
            lab.services.s3.get_object(Bucket="results", Key=keys.first_baseline(ANALYSIS, "batch", DIGEST))[
                "Body"
            ].read()
        )
        assert (first["inputs"]["observations"], len(first["dates"])) == (600, 2)

    def test_the_labs_own_baseline_comes_before_that_of_the_training(self, lab, services):
        profile = SequenceProfiler("dna").add_all(reads(900, seed=20, gc=0.55)).finish()
        own = Baseline(OWN, "dna", "now", inputs=profile)
        services.put_json("results", keys.own_baseline(ANALYSIS, "batch"), own.as_dict())
        lab.predict("a", reads(700, seed=1))
        later(lab)
        report = lab.day()
        assert report["baseline"]["inputs"] == OWN
        assert "gc" in report["drifted"]

    def test_predictions_of_another_model_are_left_out(self, lab, services):
        first = lab.predict("a", reads(100, seed=1))
        lab.pass_minutes(1)
        lab.predict("b", reads(120, seed=2))
        services.ledger.note(services.ledger.require_job(f"job-{first}"), model_digest="e" * 64)
        later(lab)
        report = lab.day()
        assert (report["left_out"], report["observations"]["inputs"]) == (1, 120)

    def test_the_page_loads_nothing_and_names_the_features(self, lab, services):
        for day in range(2):
            lab.predict(f"day{day}", reads(700, seed=day), seed=day)
            later(lab)
            report = lab.day()
        key = keys.monitoring_report(ANALYSIS, "batch", report["date"], "report.html")
        html = services.s3.get_object(Bucket="results", Key=key)["Body"].read().decode()
        assert "default-src 'none'" in html
        assert "<script" not in html
        for text in ("Stable", "GC content", "4-mers, both strands", "Distance from the baseline"):
            assert text in html


class TestTruth:
    def test_quality_is_followed_and_swapped_labels_are_reported(self, lab, mails):
        for day in range(3):
            upload = lab.predict(f"day{day}", reads(300, seed=day), seed=day, mean=-0.5)
            lab.put_truth(f"{upload}.tsv", lab.calls(upload))
            later(lab)
            (quality,) = lab.day()["quality"]
            assert (quality["details"]["mcc"], quality["details"]["accuracy"], quality["dropped"]) == (1.0, 1.0, False)
        upload = lab.predict("swapped", reads(300, seed=9), seed=9, mean=-0.5)
        lab.put_truth(f"{upload}.tsv", [not call for call in lab.calls(upload)])
        later(lab)
        report = lab.day()
        assert report["dropped"] == [upload]
        (mail,) = mails()
        assert f"upload {upload}: MCC -1 on 300 labels" in mail["Message"]
        assert lab.metrics[-1]["quality_drops"] == 1

    def test_truth_that_fits_no_prediction_cannot_be_used(self, lab, mails):
        upload = lab.predict("a", reads(300, seed=1))
        lab.services.s3.put_object(Bucket="landing", Key=f"truth/{upload}.tsv", Body=b"record\tlabel\nother\t1\n")
        later(lab)
        assert lab.day()["quality"] == []
        assert "none of its labels fits a prediction" in mails()[0]["Message"]

    def test_truth_that_comes_later_is_judged_once(self, lab):
        upload = lab.predict("a", reads(300, seed=1))
        later(lab)
        assert lab.day()["quality"] == []
        lab.put_truth(f"folder/{upload}.tsv", lab.calls(upload))
        lab.pass_minutes(10)
        assert [entry["upload"] for entry in lab.day()["quality"]] == [upload]
        lab.predict("b", reads(300, seed=2))
        later(lab)
        assert lab.day()["quality"] == []

    def test_truth_that_comes_while_a_job_is_being_started_is_left_to_the_next_one(self, lab):
        """Otherwise that one would start for nothing else than to find that the file was judged."""
        upload = lab.predict("a", reads(300, seed=1))
        later(lab)
        lab.put_truth(f"{upload}.tsv", lab.calls(upload))
        assert lab.day()["quality"] == []
        assert [entry["upload"] for entry in lab.day()["quality"]] == [upload]
        assert lab.start() == ""

    def test_files_that_cannot_be_used_are_mailed_with_advice(self, lab, mails, services):
        upload = lab.predict("a", reads(300, seed=1))
        services.s3.put_object(Bucket="landing", Key="truth/labels.tsv", Body=b"")
        services.s3.put_object(Bucket="landing", Key=f"truth/{upload}.tsv", Body=b"record\nr1\n")
        services.s3.put_object(Bucket="landing", Key=f"truth/{'A' * 26}.bed", Body=b"c\t1\t2\n")
        later(lab)
        lab.day()
        (mail,) = mails()
        assert mail["Subject"] == "Seqdrop: a truth file cannot be used"
        for text in ("truth/UPLOAD_ID.tsv", f"truth of upload {upload}: line 1", "has no predictions"):
            assert text in mail["Message"]
        assert "labels.tsv" not in mail["Message"]


class TestCaptured:
    def test_captured_requests_are_a_stream_of_their_own(self, lab, services):
        kmers = [" ".join(text[n : n + 6] for n in range(145)) for text in reads(200, seed=1)]
        lines = [
            captured_line(json.dumps({"inputs": each}), '[{"label": "promoter", "score": 0.75}]') for each in kmers
        ]
        key = f"captured/stack-{ANALYSIS}/current/2026/03/01/03/x.jsonl"
        services.s3.put_object(Bucket="work", Key=key, Body="\n".join([*lines, "{}"]).encode())
        name = lab.start()
        (subject,) = lab.brief(name)["subjects"]
        assert (subject["stream"], subject["captured"]) == ("requests", [key.rsplit("/", 1)[0] + "/"])
        lab.run(name)
        report = lab.report(lab.brief(name)["date"], "requests")
        assert report["observations"] == {"inputs": 200, "predictions": 200}
        assert report["unreadable_captures"] == 1

    def test_each_hour_belongs_to_one_of_two_successive_times(self):
        times = [
            "2026-03-01T04:17:00.000Z",
            "2026-03-02T04:17:30.000Z",
            "2026-03-03T05:00:00.000Z",
            "2026-03-03T07:59:59.999Z",
        ]
        each = [hour for since, until in pairwise(times) for hour in hours(since, until)]
        assert len(each) == len(set(each)) == 51
        assert each == sorted(each)


class TestJobs:
    def test_nothing_new_starts_no_job(self, lab):
        assert lab.start() == ""

    def test_the_job_has_its_own_role_and_a_name_that_sagemaker_accepts(self, lab, cloud):
        lab.predict("a", reads(20, seed=1))
        later(lab)
        name = lab.start()
        request = cloud.sagemaker.requests[name]
        assert request["RoleArn"] == "monitoring_role"
        assert PATTERN.fullmatch(name)
        assert PATTERN.fullmatch(job_name("b" * 63, "2026-03-01T04:17:00.000Z"))

    def test_a_second_schedule_leaves_a_running_job_alone(self, lab, cloud):
        lab.predict("a", reads(20, seed=1))
        later(lab)
        assert lab.start()
        lab.predict("b", reads(20, seed=2))
        later(lab)
        assert lab.start() == ""

    def test_a_repeated_event_sends_one_mail(self, lab, mails):
        upload = lab.predict("a", reads(300, seed=1))
        lab.services.s3.put_object(Bucket="landing", Key=f"truth/{upload}.tsv", Body=b"x")
        later(lab)
        name = lab.start()
        lab.run(name)
        for _ in range(3):
            monitor(lab.services, name)
        assert len(mails()) == 1

    def test_a_lost_event_is_made_up_for_by_the_next_schedule(self, lab):
        lab.predict("a", reads(20, seed=1))
        later(lab)
        lab.run(lab.start())
        lab.pass_minutes(DAY)
        lab.predict("b", reads(20, seed=2))
        later(lab)
        assert lab.start()
        assert len(lab.metrics) == 1

    def test_missing_capacity_is_tried_again_with_the_same_job(self, lab, cloud):
        lab.predict("a", reads(20, seed=1))
        later(lab)
        cloud.sagemaker.refusal = "ResourceLimitExceeded"
        with pytest.raises(RetryableError):
            lab.start()
        cloud.sagemaker.refusal = None
        lab.pass_minutes(30)
        name = lab.start()
        assert lab.brief(name)["until"] < "2026-03-01T05:10"

    def test_a_crash_before_the_job_was_created_is_made_up_for(self, lab, cloud, monkeypatch):
        lab.predict("a", reads(20, seed=1))
        later(lab)
        with monkeypatch.context() as patch:
            patch.setattr("seqdrop.stages.monitor.monitor.create", lambda *_: (_ for _ in ()).throw(OSError("crash")))
            with pytest.raises(OSError, match="crash"):
                lab.start()
        assert cloud.sagemaker.creations == 0
        assert lab.start()

    def test_a_failed_job_is_mailed_and_its_time_is_looked_at_again(self, lab, cloud, mails):
        upload = lab.predict("a", reads(20, seed=1))
        later(lab)
        name = lab.start()
        cloud.sagemaker.end(name, "Failed", FailureReason="AlgorithmError: exit code 1")
        monitor(lab.services, name)
        (mail,) = mails()
        assert "AlgorithmError: exit code 1" in mail["Message"]
        lab.pass_minutes(DAY)
        again = lab.brief(lab.start())["subjects"][0]
        assert [attempt["upload"] for attempt in again["attempts"]] == [upload]

    def test_without_pushed_code_the_mail_says_what_to_do(self, lab, services, mails):
        services.s3.delete_object(Bucket="models", Key=keys.PROCESSING_POINTER)
        lab.predict("a", reads(20, seed=1))
        later(lab)
        assert lab.start() == ""
        (mail,) = mails()
        assert "seqdrop processing push" in mail["Message"]

    def test_a_report_that_cannot_be_read_yet_is_tried_again(self, lab, mails, monkeypatch):
        """An error between the end of the job and the mail must not lose the findings."""
        upload = lab.predict("a", reads(300, seed=1))
        lab.services.s3.put_object(Bucket="landing", Key=f"truth/{upload}.tsv", Body=b"x")
        later(lab)
        name = lab.start()
        lab.run(name)
        with monkeypatch.context() as patch:
            patch.setattr(reporting, "_load", lambda *_: (_ for _ in ()).throw(OSError("timeout")))
            with pytest.raises(OSError, match="timeout"):
                monitor(lab.services, name)
        monitor(lab.services, name)
        assert len(mails()) == len(lab.metrics) == 1

    def test_objects_that_have_expired_are_counted_and_do_not_fail_the_job(self, lab, services):
        upload = lab.predict("a", reads(20, seed=1))
        services.s3.delete_object(Bucket="work", Key=keys.shard(upload, "", f"{upload}-{ANALYSIS}-1", 0))
        later(lab)
        report = lab.day()
        assert (report["missing_objects"], report["observations"]) == (1, {"inputs": 0, "predictions": 20})

    def test_the_results_of_a_failed_job_are_gathered_once(self, lab, cloud, services):
        lab.predict("a", reads(300, seed=1))
        later(lab)
        failed = lab.start()
        lab.run(failed)
        cloud.sagemaker.end(failed, "Failed", FailureReason="another analysis has a baseline of another version")
        monitor(lab.services, failed)
        lab.pass_minutes(DAY)
        again = lab.start()
        lab.run(again)
        key = keys.first_baseline(ANALYSIS, "batch", DIGEST)
        first = json.loads(services.s3.get_object(Bucket="results", Key=key)["Body"].read())
        assert (first["inputs"]["observations"], len(first["dates"])) == (300, 1)

    def test_the_job_of_another_stack_is_ignored(self, lab, mails):
        monitor(lab.services, "seqdrop-monitor-00000000-20260301000000")
        assert (mails(), lab.metrics) == ([], [])

    def test_a_baseline_of_another_version_fails_the_job_with_advice(self, lab, services):
        services.put_json("results", keys.own_baseline(ANALYSIS, "batch"), {"version": 0})
        lab.predict("a", reads(20, seed=1))
        later(lab)
        name = lab.start()
        with pytest.raises(SystemExit, match="make it again"):
            lab.run(name)
        with pytest.raises(ClientError):
            lab.report(lab.brief(name)["date"])
