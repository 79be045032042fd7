"""Every route of an upload to its final state, on the deployed template."""

from __future__ import annotations

import gzip
import hashlib
import json
import uuid
from random import Random

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.results.reports import sample_path
from seqdrop.stages.archive.cold_copy import archive_key
from seqdrop.stages.duplicates import AGAIN
from seqdrop.work.items import count_windows
from seqdrop_cli.landing import plan_drops

from local.testing import make_model_archive

FASTQ = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"


def read_json(s3, bucket: str, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def list_versions(s3, bucket: str, key: str) -> list[str]:
    """Return the ids of all versions and delete markers of a key."""
    listing = s3.list_object_versions(Bucket=bucket, Prefix=key)
    return [item["VersionId"] for kind in ("Versions", "DeleteMarkers") for item in listing.get(kind, [])]


def read_rows(s3, stack, upload) -> list[dict]:
    key = f"results/{upload.attempts[-1].analysis}/{upload.upload_id}/predictions.jsonl"
    return [json.loads(line) for line in s3.get_object(Bucket=stack.results, Key=key)["Body"].iter_lines()]


def assert_archived(s3, stack, upload, body: bytes) -> None:
    """Assert that the copy is in Deep Archive with the checksum of the dropped bytes, and the original is deleted."""
    assert upload.state == "ARCHIVED", upload.detail
    head = s3.head_object(Bucket=stack.archive, Key=archive_key(upload.upload))
    assert head["StorageClass"] == "DEEP_ARCHIVE"
    assert head["ContentLength"] == len(body)
    receipt = read_json(s3, stack.results, f"receipts/{upload.upload_id}.json")
    digest = hashlib.sha256(body).hexdigest()
    assert receipt["landing"]["sha256"] == receipt["archive"]["sha256"] == digest
    assert upload.upload.version_id not in list_versions(s3, stack.landing, upload.key)


@pytest.fixture(scope="module")
def ended(samples, put, wait_for_end):
    """The final progress of each of the demo's files, and its bytes, by key."""
    bodies = {drop.key: drop.path.read_bytes() for drop in plan_drops([samples])}
    progress = wait_for_end(*[put(key, body) for key, body in bodies.items()])
    return {upload.key: upload for upload in progress}, bodies


class TestSamples:
    """The files of `make demo`."""

    def test_valid_files_are_archived_and_the_broken_one_is_rejected(self, ended):
        states = {key: upload.state for key, upload in ended[0].items()}
        broken = "reads/run1/S2_L001_R1_001.fastq"
        assert states.pop(broken) == "REJECTED"
        assert len(states) == 4
        assert set(states.values()) == {"ARCHIVED"}

    def test_raw_data_is_in_deep_archive_and_nothing_is_left_in_landing(self, ended, s3, stack):
        archived = [upload for upload in ended[0].values() if upload.state != "REJECTED"]
        for upload in archived:
            assert_archived(s3, stack, upload, ended[1][upload.key])
            assert list_versions(s3, stack.landing, upload.key) == []

    def test_the_broken_file_has_a_reason_and_stays_in_landing(self, ended, s3, stack):
        upload = ended[0]["reads/run1/S2_L001_R1_001.fastq"]
        reason = read_json(s3, stack.results, f"reasons/{upload.upload_id}.json")
        assert (reason["code"], reason["record"], reason["line"]) == ("length_mismatch", 37, 148)
        body = ended[1][upload.key]
        assert body[reason["byte"] :].split(b"\n")[0] == body.split(b"\n")[147]
        assert reason["key"] == upload.key
        assert reason["advice"]
        assert s3.get_object(Bucket=stack.landing, Key=upload.key)["Body"].read() == body

    def test_reads_have_as_many_rows_as_windows(self, ended, s3, stack):
        for mate in ("R1", "R2"):
            predictions = read_rows(s3, stack, ended[0][f"reads/run1/S1_L001_{mate}_001.fastq.gz"])
            assert len(predictions) == 400 * count_windows(100, window=70, stride=70) == 800
            assert all(0 <= row["probability"] <= 1 for row in predictions)

    def test_contigs_are_windowed_on_both_strands(self, ended, s3, stack):
        predictions = read_rows(s3, stack, ended[0]["contigs/assembly 1.fasta"])
        lengths = {"contig_1": 20_600, "contig_2": 3_500, "contig_3": 200}
        assert len(predictions) == 2 * sum(count_windows(length, 300, 150) for length in lengths.values())
        gap = [row for row in predictions if row["record"] == "contig_1" and 9_000 <= row["start"] <= 9_300]
        assert {row["not_scored"] for row in gap} == {"too_many_n"}
        assert [row["not_scored"] for row in predictions if row["record"] == "contig_3"] == ["shorter_than_window"] * 2
        assert {row["strand"] for row in predictions} == {"+", "-"}

    def test_the_summary_has_the_upload_and_the_model(self, ended, s3, stack):
        upload = ended[0]["contigs/assembly 1.fasta"]
        summary = read_json(s3, stack.results, f"results/contigs/{upload.upload_id}/summary.json")
        assert summary["upload"]["sha256"] == hashlib.sha256(ended[1][upload.key]).hexdigest()
        assert summary["counts"]["windows"] == len(read_rows(s3, stack, upload))
        archive = s3.get_object(Bucket=stack.models, Key=summary["model"]["archive"])["Body"].read()
        assert summary["model"]["sha256"] == hashlib.sha256(archive).hexdigest()

    def test_calls_are_written_as_bed(self, ended, s3, stack):
        upload = ended[0]["contigs/assembly 1.fasta"]
        bed = s3.get_object(Bucket=stack.results, Key=f"results/contigs/{upload.upload_id}/calls.bed")["Body"].read()
        lines = [line.split("\t") for line in bed.decode().splitlines() if not line.startswith("#")]
        calls = {(line[0], int(line[1]), int(line[2]), line[5]) for line in lines}
        positive = {
            (r["record"], r["start"], r["end"], r["strand"]) for r in read_rows(s3, stack, upload) if r.get("call")
        }
        assert len(calls) == len(lines)
        assert calls <= positive
        for record, start, _, strand in positive:  # each is in the BED, or starts less than a window from a call there
            assert any(
                (name, call_strand) == (record, strand) and abs(start - call_start) < 300
                for name, call_start, _, call_strand in calls
            )

    def test_every_file_has_a_report_page_and_figures_for_multiqc(self, ended, s3, stack):
        for key, upload in ended[0].items():
            page = s3.get_object(Bucket=stack.results, Key=f"reports/{upload.upload_id}.html")["Body"].read().decode()
            assert ("Rejected" if upload.state == "REJECTED" else "Valid") in page
            assert key in page
            figures = read_json(s3, stack.results, f"reports/{upload.upload_id}/seqdrop_general_mqc.json")
            assert list(figures["data"]) == [sample_path(key)]

    def test_the_name_of_each_file_leads_to_what_it_has(self, ended, s3, stack):
        for key, upload in ended[0].items():
            (item,) = s3.list_objects_v2(Bucket=stack.results, Prefix=f"index/{key}/")["Contents"]
            entry = read_json(s3, stack.results, item["Key"])
            assert (entry["upload"], entry["state"]) == (upload.upload_id, upload.state)
            for address in entry["links"].values():
                prefix = address.removeprefix(f"s3://{stack.results}/")
                assert s3.list_objects_v2(Bucket=stack.results, Prefix=prefix)["KeyCount"] > 0

    def test_mates_share_a_job(self, ended):
        jobs = {
            upload.attempts[-1].job for key, upload in ended[0].items() if key.startswith("reads/") and upload.attempts
        }
        assert len(jobs) <= 2  # one job if both arrived within the batching window


@pytest.mark.long
def test_a_sample_of_a_large_file_is_predicted(put, wait_for_end, s3, stack):
    """The reads are too short to be scored, so a hundred thousand of them take the model no time."""
    limit, reads = packaged().by_name["reads"].settings.max_reads, 100_200
    assert limit == 100_000
    body = b"".join(b"@r%d\nACGTACGTAC\n+\nIIIIIIIIII\n" % number for number in range(1, reads + 1))
    (upload,) = wait_for_end(put("reads/many.fastq.gz", gzip.compress(body, 1, mtime=0)))
    generator = Random(0)
    priorities = {number: generator.random() for number in range(1, reads + 1)}
    sample = sorted(sorted(priorities, key=priorities.get)[:limit])
    assert [row["record"] for row in read_rows(s3, stack, upload)] == [f"r{number}" for number in sample]
    summary = read_json(s3, stack.results, f"results/reads/{upload.upload_id}/summary.json")
    assert summary["selection"] == {
        "analysis": "reads",
        "records": reads,
        "taken": limit,
        "max_reads": limit,
        "seed": 0,
    }


class TestKeys:
    KEYS = (
        "raw/with space.fastq",
        "raw/with+plus.fastq",
        "raw/with%25percent.fastq",
        "raw/with%20both+of them.fastq",
        "raw/probe_é_日本.fastq",
    )

    def test_every_key_is_kept_unchanged(self, put, wait_for_end, s3, stack):
        uploads = wait_for_end(*[put(key, FASTQ) for key in self.KEYS])
        assert [upload.key for upload in uploads] == list(self.KEYS)
        for upload in uploads:
            assert upload.upload.key == upload.key
            assert_archived(s3, stack, upload, FASTQ)

    def test_a_key_under_no_prefix_is_rejected_with_the_prefixes(self, put, wait_for_end, s3, stack):
        (upload,) = wait_for_end(put("somewhere/x.fastq", FASTQ))
        reason = read_json(s3, stack.results, f"reasons/{upload.upload_id}.json")
        assert reason["code"] == "no_analysis"
        assert all(prefix in reason["advice"] for prefix in ("reads/", "contigs/", "raw/"))

    def test_a_folder_created_in_the_console_is_not_an_upload(self, put, wait_for_end, target):
        marker = put("raw/new folder/", b"")
        # It is dropped later, so the message of the marker has been handled first.
        wait_for_end(put("raw/after the folder.fastq", FASTQ))
        assert target.ledger().find_upload(marker.id) is None


class TestVersionsAndDuplicates:
    def test_two_versions_of_one_key_are_two_uploads(self, put, wait_for_end, s3, stack):
        bodies = [FASTQ, FASTQ.replace(b"r1", b"r2")]
        first, second = wait_for_end(*[put("raw/twice.fastq", body) for body in bodies])
        assert first.upload_id != second.upload_id
        for upload, body in zip((first, second), bodies, strict=True):
            assert_archived(s3, stack, upload, body)
        assert list_versions(s3, stack.landing, "raw/twice.fastq") == []

    def test_a_repeated_event_changes_nothing(self, put, wait_for_end, aws, stack, target, s3):
        version = put("raw/again.fastq", FASTQ)
        (before,) = wait_for_end(version)
        self._send_again(aws, version, times=3)
        wait_for_end(put("raw/after again.fastq", FASTQ))
        ledger = target.ledger()
        assert ledger.find_upload(version.id) == before.upload
        assert len(list_versions(s3, stack.archive, archive_key(before.upload))) == 1

    def test_simultaneous_events_start_one_attempt_and_one_job(self, put, wait_for_end, aws, target, samples):
        version = put("contigs/together.fasta", b">c\n" + b"ACGT" * 100 + b"\n")
        self._send_again(aws, version, times=4)
        (upload,) = wait_for_end(version)
        assert upload.state == "ARCHIVED", upload.detail
        assert len(upload.attempts) == 1
        jobs = aws.client("sagemaker").list_transform_jobs(NameContains=version.id)["TransformJobSummaries"]
        assert len(jobs) == 1

    @staticmethod
    def _send_again(aws, version, times: int) -> None:
        from seqdrop.runtime.events import make_landed_message

        queues = aws.client("sqs").list_queues()["QueueUrls"]
        url = next(url for url in queues if "ValidateQueue" in url)
        for _ in range(times):
            aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(make_landed_message(version)))


class TestRejections:
    BROKEN = {  # noqa: RUF012
        "raw/empty.fastq": (b"", "empty_file"),
        "raw/cut.fastq.gz": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b", "gzip_truncated"),
        "contigs/reads.fasta": (FASTQ, "wrong_format"),
        "reads/text.fastq": (b"hello\n", "wrong_format"),
        "raw/cut.fastq": (FASTQ[:-4], "truncated"),
        "raw/tool.fastq.bz2": (b"BZh91AY&SY", "unsupported_compression"),
    }

    def test_each_broken_file_has_a_reason_and_stays_in_landing(self, put, wait_for_end, s3, stack):
        uploads = wait_for_end(*[put(key, body) for key, (body, _) in self.BROKEN.items()])
        for upload in uploads:
            body, code = self.BROKEN[upload.key]
            assert (upload.key, upload.state, upload.detail) == (upload.key, "REJECTED", code)
            assert read_json(s3, stack.results, f"reasons/{upload.upload_id}.json")["code"] == code
            assert s3.get_object(Bucket=stack.landing, Key=upload.key)["Body"].read() == body

    def test_the_lab_is_notified(self, put, wait_for_end, mails):
        (upload,) = wait_for_end(put("raw/cut short.fastq", FASTQ[:-4]))
        mail = mails.wait_for(upload.upload_id)
        assert "raw/cut short.fastq" in mail["Subject"]
        assert "truncated" in mail["Message"]
        assert b"ACGTACGTAC".decode() not in mail["Message"]


def test_a_file_that_is_dropped_again_is_a_duplicate(put, wait_for_end, s3, stack):
    """No attempt and no second copy; its landing version is removed after a look at the copy."""
    body = FASTQ.replace(b"@", b"@twice-")
    (first,) = wait_for_end(put("raw/sent every night.fastq", body))
    version = put("raw/sent every night.fastq", body)
    (second,) = wait_for_end(version)
    assert (first.state, second.state, second.upload.duplicate_of) == ("ARCHIVED", "DUPLICATE", first.upload_id)
    assert second.attempts == []
    assert list_versions(s3, stack.landing, "raw/sent every night.fastq") == []
    copies = s3.list_objects_v2(Bucket=stack.archive, Prefix="raw/")["Contents"]
    names = [item["Key"] for item in copies if item["Key"].endswith("/sent every night.fastq")]
    assert names == [archive_key(first.upload)]


class TestModels:
    CONTIG = b">c\n" + b"ACGTTGCATGCCGATC" * 40 + b"\n"

    @pytest.fixture
    def with_archive(self, aws, s3, stack):
        """Return a function that makes an archive the current promoter-300; the seed is restored afterwards."""
        from seqdrop.models.archives import push_archive

        from local.deploy import push_seeds

        yield lambda body: push_archive(s3, stack.models, "promoter-300", body, "2026-01-01T00:00:00Z")
        push_seeds(aws, stack)

    def test_another_model_gives_other_probabilities(self, pipeline, with_archive, repository, tmp_path):
        put, wait_for_end, s3, stack = pipeline.put, pipeline.wait_for_end, pipeline.s3, pipeline.stack
        (before,) = wait_for_end(put("contigs/same.fasta", self.CONTIG))
        with_archive(make_other_model(repository, tmp_path))
        (after,) = wait_for_end(put("contigs/same.fasta", self.CONTIG, Metadata={AGAIN: "1"}))
        old, new = read_rows(s3, stack, before), read_rows(s3, stack, after)
        assert [(row["start"], row["strand"]) for row in old] == [(row["start"], row["strand"]) for row in new]
        assert all(a["probability"] != b["probability"] for a, b in zip(old, new, strict=True))

    def test_a_broken_archive_fails_the_attempt_and_keeps_the_file(self, pipeline, with_archive, mails, repository):
        put, wait_for_end, s3, stack = pipeline.put, pipeline.wait_for_end, pipeline.s3, pipeline.stack
        config = (repository / "model_code/dnabert/seeds/promoter-300/config.json").read_text()
        with_archive(make_model_archive({"config.json": config, "note": uuid.uuid4().hex}))  # no code, no weights
        version = put("contigs/unlucky.fasta", self.CONTIG)
        (upload,) = wait_for_end(version)
        assert (upload.state, upload.upload.state) == ("FAILED", "VALIDATED")
        assert upload.detail
        assert list_versions(s3, stack.landing, version.key) == [version.version_id]
        assert not s3.list_objects_v2(Bucket=stack.archive, Prefix=archive_key(upload.upload)).get("Contents")
        assert "no predictions" in mails.wait_for(upload.upload_id)["Subject"]


def make_other_model(repository, tmp_path) -> bytes:
    """Return the archive of another model: the seed with a shifted output bias."""
    import shutil

    from safetensors.torch import load_file, save_file
    from seqdrop_cli.deploy.archive import pack_model

    code = repository / "model_code/dnabert"
    folder = tmp_path / "other"
    shutil.copytree(code / "seeds/promoter-300", folder)
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + weights["classifier.bias"].new_tensor([0.0, 0.7])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return pack_model(folder, code)
