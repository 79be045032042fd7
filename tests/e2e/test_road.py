"""Every road's end, on the template that a lab deploys."""

from __future__ import annotations

import gzip
import hashlib
import json
import uuid
from random import Random

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.stages.archive.cold_copy import archive_key
from seqdrop.work.items import count_windows
from seqdrop_cli.landing import plan_drops

from local.testing import make_model_archive

FASTQ = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"


def read_json(s3, bucket: str, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def versions(s3, bucket: str, key: str) -> list[str]:
    """All that is left of a key: versions and delete markers."""
    found = s3.list_object_versions(Bucket=bucket, Prefix=key)
    return [item["VersionId"] for kind in ("Versions", "DeleteMarkers") for item in found.get(kind, [])]


def rows(s3, stack, one) -> list[dict]:
    key = f"results/{one.attempts[-1].analysis}/{one.upload_id}/predictions.jsonl"
    return [json.loads(line) for line in s3.get_object(Bucket=stack.results, Key=key)["Body"].iter_lines()]


def assert_archived(s3, stack, one, body: bytes) -> None:
    """The copy is in Deep Archive, its checksum is that of the dropped bytes, and the landing key is empty."""
    assert one.state == "ARCHIVED", one.detail
    head = s3.head_object(Bucket=stack.archive, Key=archive_key(one.upload))
    assert head["StorageClass"] == "DEEP_ARCHIVE"
    assert head["ContentLength"] == len(body)
    receipt = read_json(s3, stack.results, f"receipts/{one.upload_id}.json")
    digest = hashlib.sha256(body).hexdigest()
    assert receipt["landing"]["sha256"] == receipt["archive"]["sha256"] == digest
    assert one.upload.version_id not in versions(s3, stack.landing, one.key)


@pytest.fixture(scope="module")
def ended(samples, put, end):
    """Where each of the demo's files ended, by key; and its bytes."""
    bodies = {drop.key: drop.path.read_bytes() for drop in plan_drops([samples])}
    found = end(*[put(key, body) for key, body in bodies.items()])
    return {one.key: one for one in found}, bodies


class TestSamples:
    """The files of `make demo`."""

    def test_valid_files_are_archived_and_the_broken_one_is_rejected(self, ended):
        states = {key: one.state for key, one in ended[0].items()}
        broken = "reads/run1/S2_L001_R1_001.fastq"
        assert states.pop(broken) == "REJECTED"
        assert len(states) == 4
        assert set(states.values()) == {"ARCHIVED"}

    def test_raw_data_is_in_deep_archive_and_nothing_is_left_in_landing(self, ended, s3, stack):
        archived = [one for one in ended[0].values() if one.state != "REJECTED"]
        for one in archived:
            assert_archived(s3, stack, one, ended[1][one.key])
            assert versions(s3, stack.landing, one.key) == []

    def test_the_broken_file_has_its_reason_and_is_still_there(self, ended, s3, stack):
        one = ended[0]["reads/run1/S2_L001_R1_001.fastq"]
        reason = read_json(s3, stack.results, f"reasons/{one.upload_id}.json")
        assert (reason["code"], reason["record"], reason["line"]) == ("length_mismatch", 37, 148)
        body = ended[1][one.key]
        assert body[reason["byte"] :].split(b"\n")[0] == body.split(b"\n")[147]
        assert reason["key"] == one.key
        assert reason["advice"]
        assert s3.get_object(Bucket=stack.landing, Key=one.key)["Body"].read() == body

    def test_reads_have_as_many_rows_as_windows(self, ended, s3, stack):
        for mate in ("R1", "R2"):
            found = rows(s3, stack, ended[0][f"reads/run1/S1_L001_{mate}_001.fastq.gz"])
            assert len(found) == 400 * count_windows(100, window=70, stride=70) == 800
            assert all(0 <= row["probability"] <= 1 for row in found)

    def test_contigs_are_windowed_on_both_strands(self, ended, s3, stack):
        found = rows(s3, stack, ended[0]["contigs/assembly 1.fasta"])
        lengths = {"contig_1": 20_600, "contig_2": 3_500, "contig_3": 200}
        assert len(found) == 2 * sum(count_windows(length, 300, 150) for length in lengths.values())
        gap = [row for row in found if row["record"] == "contig_1" and 9_000 <= row["start"] <= 9_300]
        assert {row["not_scored"] for row in gap} == {"too_many_n"}
        assert [row["not_scored"] for row in found if row["record"] == "contig_3"] == ["shorter_than_window"] * 2
        assert {row["strand"] for row in found} == {"+", "-"}

    def test_summary_says_what_made_the_predictions(self, ended, s3, stack):
        one = ended[0]["contigs/assembly 1.fasta"]
        summary = read_json(s3, stack.results, f"results/contigs/{one.upload_id}/summary.json")
        assert summary["upload"]["sha256"] == hashlib.sha256(ended[1][one.key]).hexdigest()
        assert summary["counts"]["windows"] == len(rows(s3, stack, one))
        archive = s3.get_object(Bucket=stack.results, Key=summary["model"]["archive"])["Body"].read()
        assert summary["model"]["sha256"] == hashlib.sha256(archive).hexdigest()

    def test_calls_are_bed(self, ended, s3, stack):
        one = ended[0]["contigs/assembly 1.fasta"]
        bed = s3.get_object(Bucket=stack.results, Key=f"results/contigs/{one.upload_id}/calls.bed")["Body"].read()
        lines = [line.split("\t") for line in bed.decode().splitlines() if not line.startswith("#")]
        kept = {(line[0], int(line[1]), int(line[2]), line[5]) for line in lines}
        called = {(r["record"], r["start"], r["end"], r["strand"]) for r in rows(s3, stack, one) if r.get("call")}
        assert len(kept) == len(lines)
        assert kept <= called
        for record, start, _, strand in called:  # each is kept, or nearer than a window to one that is
            assert any((at, on) == (record, strand) and abs(start - place) < 300 for at, place, _, on in kept)

    def test_every_file_has_its_page_and_its_figures_for_multiqc(self, ended, s3, stack):
        for key, one in ended[0].items():
            page = s3.get_object(Bucket=stack.results, Key=f"reports/{one.upload_id}.html")["Body"].read().decode()
            assert ("Rejected" if one.state == "REJECTED" else "Valid") in page
            assert key in page
            found = read_json(s3, stack.results, f"reports/{one.upload_id}/seqdrop_general_mqc.json")
            assert list(found["data"]) == [key.rsplit("/", 1)[-1].split(".")[0]]

    def test_mates_share_a_job(self, ended):
        jobs = {one.attempts[-1].job for key, one in ended[0].items() if key.startswith("reads/") and one.attempts}
        assert len(jobs) <= 2  # one job if both came within the batching window


def test_a_sample_of_a_large_file_goes_to_the_model(put, end, s3, stack):
    """Reads too short to be scored, so that a hundred thousand of them cost the model nothing."""
    most, reads = packaged().by_name["reads"].settings.max_reads, 100_200
    assert most == 100_000
    body = b"".join(b"@r%d\nACGTACGTAC\n+\nIIIIIIIIII\n" % number for number in range(1, reads + 1))
    (one,) = end(put("reads/many.fastq.gz", gzip.compress(body, 1, mtime=0)))
    source = Random(0)
    priorities = {number: source.random() for number in range(1, reads + 1)}
    chosen = sorted(sorted(priorities, key=priorities.get)[:most])
    assert [row["record"] for row in rows(s3, stack, one)] == [f"r{number}" for number in chosen]
    summary = read_json(s3, stack.results, f"results/reads/{one.upload_id}/summary.json")
    assert summary["selection"] == {
        "analysis": "reads",
        "records": reads,
        "taken": most,
        "max_reads": most,
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

    def test_every_key_arrives_as_it_is(self, put, end, s3, stack):
        found = end(*[put(key, FASTQ) for key in self.KEYS])
        assert [one.key for one in found] == list(self.KEYS)
        for one in found:
            assert one.upload.key == one.key
            assert_archived(s3, stack, one, FASTQ)

    def test_a_key_under_no_prefix_is_rejected_with_the_prefixes(self, put, end, s3, stack):
        (one,) = end(put("somewhere/x.fastq", FASTQ))
        reason = read_json(s3, stack.results, f"reasons/{one.upload_id}.json")
        assert reason["code"] == "no_analysis"
        assert all(prefix in reason["advice"] for prefix in ("reads/", "contigs/", "raw/"))

    def test_a_folder_made_in_the_console_is_no_upload(self, put, end, target):
        marker = put("raw/new folder/", b"")
        end(put("raw/after the folder.fastq", FASTQ))  # sent later, so the marker's message came first
        assert target.ledger().find_upload(marker.id) is None


class TestVersionsAndDuplicates:
    def test_two_versions_of_one_key_are_two_uploads(self, put, end, s3, stack):
        bodies = [FASTQ, FASTQ.replace(b"r1", b"r2")]
        first, second = end(*[put("raw/twice.fastq", body) for body in bodies])
        assert first.upload_id != second.upload_id
        for one, body in zip((first, second), bodies, strict=True):
            assert_archived(s3, stack, one, body)
        assert versions(s3, stack.landing, "raw/twice.fastq") == []

    def test_the_same_event_again_changes_nothing(self, put, end, aws, stack, target, s3):
        version = put("raw/again.fastq", FASTQ)
        (before,) = end(version)
        self._send_again(aws, version, times=3)
        end(put("raw/after again.fastq", FASTQ))
        ledger = target.ledger()
        assert ledger.find_upload(version.id) == before.upload
        assert len(versions(s3, stack.archive, archive_key(before.upload))) == 1

    def test_events_that_come_together_make_one_attempt_and_one_job(self, put, end, aws, target, samples):
        version = put("contigs/together.fasta", b">c\n" + b"ACGT" * 100 + b"\n")
        self._send_again(aws, version, times=4)
        (one,) = end(version)
        assert one.state == "ARCHIVED", one.detail
        assert len(one.attempts) == 1
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

    def test_each_has_its_reason_and_stays(self, put, end, s3, stack):
        found = end(*[put(key, body) for key, (body, _) in self.BROKEN.items()])
        for one in found:
            body, code = self.BROKEN[one.key]
            assert (one.key, one.state, one.detail) == (one.key, "REJECTED", code)
            assert read_json(s3, stack.results, f"reasons/{one.upload_id}.json")["code"] == code
            assert s3.get_object(Bucket=stack.landing, Key=one.key)["Body"].read() == body

    def test_the_lab_is_told(self, put, end, mails):
        (one,) = end(put("raw/tell me.fastq", FASTQ[:-4]))
        mail = mails.wait_for(one.upload_id)
        assert "raw/tell me.fastq" in mail["Subject"]
        assert "truncated" in mail["Message"]
        assert b"ACGTACGTAC".decode() not in mail["Message"]


class TestModels:
    CONTIG = b">c\n" + b"ACGTTGCATGCCGATC" * 40 + b"\n"

    @pytest.fixture
    def with_archive(self, aws, s3, stack):
        """Makes bytes the current promoter-300 archive, and puts the seed back afterwards."""
        from seqdrop.models.archives import push_archive

        from local.deploy import push_seeds

        yield lambda body: push_archive(s3, stack.results, "promoter-300", body, "2026-01-01T00:00:00Z")
        push_seeds(aws, stack)

    def test_another_model_gives_other_probabilities(self, put, end, s3, stack, with_archive, repository, tmp_path):
        (before,) = end(put("contigs/same.fasta", self.CONTIG))
        with_archive(other_model(repository, tmp_path))
        (after,) = end(put("contigs/same.fasta", self.CONTIG))
        old, new = rows(s3, stack, before), rows(s3, stack, after)
        assert [(row["start"], row["strand"]) for row in old] == [(row["start"], row["strand"]) for row in new]
        assert all(a["probability"] != b["probability"] for a, b in zip(old, new, strict=True))

    def test_a_broken_archive_fails_the_attempt_and_keeps_the_file(
        self, put, end, s3, stack, with_archive, mails, repository
    ):
        config = (repository / "model_code/dnabert/seeds/promoter-300/config.json").read_text()
        with_archive(make_model_archive({"config.json": config, "note": uuid.uuid4().hex}))  # no code, no weights
        version = put("contigs/unlucky.fasta", self.CONTIG)
        (one,) = end(version)
        assert (one.state, one.upload.state) == ("FAILED", "VALIDATED")
        assert one.detail
        assert versions(s3, stack.landing, version.key) == [version.version_id]
        assert not s3.list_objects_v2(Bucket=stack.archive, Prefix=archive_key(one.upload)).get("Contents")
        assert "no predictions" in mails.wait_for(one.upload_id)["Subject"]


def other_model(repository, tmp_path) -> bytes:
    """The seed with a shifted output bias: a model of its own."""
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
