"""`seqdrop estimate`: the bill of a drop, from the first megabytes of its files and a table of list prices."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace

import pytest
from seqdrop.archive.storage_classes import monthly_usd
from seqdrop.kinds.plans import packaged
from seqdrop_cli.costs import archive, bill, drop_estimate
from seqdrop_cli.costs.prices import PRICES
from seqdrop_cli.costs.sampling import sample_file
from seqdrop_cli.costs.workload import Machines, Rates, Workload, count_copy_requests, count_upload_requests
from seqdrop_cli.main import main

from benchmarks import cost


def fastq(reads: int, length: int = 150, seed: int = 1) -> bytes:
    draw = random.Random(seed)
    return b"".join(
        b"@read%d\n%s\n+\n%s\n" % (number, bytes(draw.choices(b"ACGT", k=length)), b"I" * length)
        for number in range(reads)
    )


def estimate(capsys, *words: object) -> tuple[int, dict]:
    choice = [] if "--prefix" in words else ["--to", "auto"]
    status = main(["estimate", *map(str, words), *choice, "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run7"
    folder.mkdir()
    for name in ("S1_R1.fastq.gz", "S1_R2.fastq.gz"):
        (folder / name).write_bytes(gzip.compress(fastq(1000)))
    return folder


def test_the_bill_of_a_run_is_the_sum_of_its_lines(capsys, run):
    status, content = estimate(capsys, run)
    (part,) = content["parts"]
    assert status == 0
    assert part["analysis"] == "reads"
    assert (part["files"], part["predictions"], part["is_exact"], part["jobs"]) == (2, 2 * 1000 * 3, True, 2)
    assert content["usd"] == pytest.approx(sum(line["usd"] for line in content["lines"]), abs=1e-4)
    assert {line["group"] for line in content["lines"]} == {
        bill.JOBS,
        bill.FUNCTIONS,
        bill.REQUESTS,
        bill.STORAGE,
        bill.ARCHIVE,
    }


def test_without_a_model_there_is_no_job(capsys, run):
    status, content = estimate(capsys, run, "--prefix", "raw/")
    assert status == 0
    assert content["parts"][0]["predictions"] == content["parts"][0]["jobs"] == 0
    assert bill.JOBS not in {line["group"] for line in content["lines"]}
    assert not any("finish" in line["item"] or "work bucket" in line["item"] for line in content["lines"])


def make_sparse(path, size: int):
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_file_of_a_run_that_is_only_hashed_needs_no_job_up_to_20_gb(capsys, tmp_path):
    """It is hashed by a Lambda, although it is above `lambda_gb`; a FASTQ of that size is validated by a job."""
    folder = tmp_path / "20260105_LH00999_0012_A22ABCDLT4"
    for number in range(3):
        make_sparse(folder / f"C{number}.cbcl", 4096)
    large = make_sparse(folder / "reads.pod5", 19_000_000_000)
    assert packaged().needs_job(large.stat().st_size)

    def list_jobs() -> list[str]:
        status, content = estimate(capsys, folder, "--prefix", "runs/")
        assert status == 0
        assert content["parts"][0]["jobs"] == 0
        return [line["item"] for line in content["lines"] if line["group"] == bill.JOBS]

    assert list_jobs() == []
    make_sparse(folder / "S1_R1.fastq.gz", 3_000_000_000)
    assert list_jobs() == ["SageMaker processing of large files"]
    (folder / "S1_R1.fastq.gz").unlink()
    make_sparse(large, 21_000_000_000)
    assert list_jobs() == ["SageMaker processing of large files"]


def test_a_file_that_is_only_hashed_is_billed_for_the_calls_that_it_causes(capsys, tmp_path):
    for number in range(20):
        make_sparse(tmp_path / "run7" / f"C{number}.cbcl", 4096)
        path = tmp_path / "sequences" / f"C{number}.fasta"
        path.parent.mkdir(exist_ok=True)
        path.write_text(">a\n" + "A" * 4092 + "\n")

    def requests(folder: str, prefix: str) -> float:
        _, content = estimate(capsys, tmp_path / folder, "--prefix", prefix)
        return sum(line["usd"] for line in content["lines"] if line["group"] == bill.REQUESTS)

    assert requests("run7", "runs/") < requests("sequences", "raw/") / 2


def test_the_speed_and_price_of_the_machine_decide_the_price_of_jobs(capsys, run):
    def jobs(*words: str) -> float:
        _, content = estimate(capsys, run, *words)
        (line,) = [line for line in content["lines"] if line["group"] == bill.JOBS]
        return line["usd"]

    start = 2 * Rates().start_minutes / 60
    work = 6000 / 2 / 3600
    assert jobs("--price", "10", "--windows-per-second", "2") == pytest.approx(10 * (start + work))
    assert jobs("--instance", "ml.g5.xlarge", "--windows-per-second", "2") == pytest.approx(1.408 * (start + work))


def test_an_instance_without_a_price_needs_one(capsys, run):
    assert main(["estimate", str(run), "--instance", "ml.x9.large"]) == 2
    error = capsys.readouterr().err
    assert "the price of ml.x9.large is not known; give it with --price" in error


def test_a_long_file_is_extrapolated_from_its_first_bytes(tmp_path):
    path = tmp_path / "S1.fastq"
    path.write_bytes(fastq(20_000))
    content = sample_file(path, packaged().by_name["reads"], sample=200_000)
    assert not content.is_exact
    assert content.records == pytest.approx(20_000, rel=0.02)
    assert content.windows == pytest.approx(60_000, rel=0.02)


@pytest.mark.parametrize("packed", [False, True])
def test_a_record_longer_than_the_sample_is_read_whole(tmp_path, packed):
    path, contigs = tmp_path / ("genome.fa.gz" if packed else "genome.fa"), packaged().by_name["contigs"]
    bases = bytes(random.Random(2).choices(b"ACGT", k=300_000))
    body = b">chr1\n" + bases + b"\n>chr2\n" + bases + b"\n"
    path.write_bytes(gzip.compress(body) if packed else body)
    content = sample_file(path, contigs, sample=10_000)
    exact = sample_file(path, contigs)
    assert (exact.is_exact, exact.records) == (True, 2)
    assert content.windows == pytest.approx(exact.windows, rel=0.15)


@pytest.mark.parametrize("cut", range(3_000, 3_400, 29))
def test_the_end_of_a_sample_is_no_error_of_the_file(tmp_path, cut):
    for name, body in (("a.fastq", fastq(200)), ("b.fastq.gz", gzip.compress(fastq(200)))):
        path = tmp_path / name
        path.write_bytes(body)
        assert sample_file(path, packaged().by_name["reads"], sample=cut).fault == ""


def test_a_sample_of_reads_bounds_the_predictions(tmp_path):
    path, reads = tmp_path / "S1.fastq", packaged().by_name["reads"]
    path.write_bytes(fastq(2_000))
    content = sample_file(path, replace(reads, settings=replace(reads.settings, max_reads=500)))
    assert (content.records, content.windows) == (2_000, 1_500)


def test_a_file_that_would_be_rejected_is_named_and_changes_the_status(capsys, run):
    (run / "S2_R1.fastq").write_bytes(b"@read\nACGT\n+\nIII\n@next\nACGT\n+\nIIII\n")
    status, content = estimate(capsys, run)
    assert status == 1
    (problem,) = content["problems"]
    assert "S2_R1.fastq: the sequence has 4 bases but the quality has 3 characters" in problem


def test_an_empty_folder_is_an_error(capsys, tmp_path):
    assert main(["estimate", str(tmp_path)]) == 2
    assert "there are no files in" in capsys.readouterr().err


def test_the_marker_of_a_run_is_no_sequence_file(capsys, run):
    (run / "CopyComplete.txt").write_text("")
    status, content = estimate(capsys, run)
    assert status == 0
    assert content["parts"][0]["files"] == 3
    assert content["parts"][0]["predictions"] == 6000


def test_a_training_costs_what_its_plan_says(capsys, tmp_path):
    folder = tmp_path / "training" / "demo"
    folder.mkdir(parents=True)
    (folder / "job.toml").write_text(
        'model = "cnn"\n[data]\nformat = "three_line"\ntrain = "a.txt"\nvalidation = "b.txt"\ntest = "c.txt"\n'
    )
    for number, name in enumerate(("a.txt", "b.txt", "c.txt")):
        (folder / name).write_text(f">p{number}\n{'ACDEFGHIKL'[number:] * 5}\n{'HHHCCCEEEE'[number:] * 5}\n")
    assert main(["plan", str(folder / "job.toml"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    status, content = estimate(capsys, tmp_path)
    (line,) = [line for line in content["lines"] if line["item"] == "SageMaker training"]
    assert status == 0
    assert line["usd"] == pytest.approx(plan["dollars"], abs=0.005)
    (folder / "c.txt").unlink()
    status, content = estimate(capsys, tmp_path)
    assert status == 1
    assert "does not exist; put it beside job.toml" in content["problems"][0]


def test_people_get_a_sum_for_each_group_and_what_comes_afterwards(capsys, run):
    assert main(["estimate", str(run), "--to", "auto"]) == 0
    lines = capsys.readouterr().out.splitlines()
    place, files, size, *counts = lines[0].split("\t")
    assert (place, files, counts) == ("reads/", "2", ["6,000", "2"])
    assert size.endswith(" kB")
    assert any(line.startswith("in all") for line in lines)
    assert any("a month in Deep Archive. To restore all files once:" in line for line in lines)
    assert any("--windows-per-second replaces it" in line for line in lines)


def test_a_model_of_unknown_speed_is_named_and_its_time_left_out(capsys, tmp_path):
    (tmp_path / "p.faa").write_text(">p\nMKVLAAGIVG\n")
    _, content = estimate(capsys, tmp_path / "p.faa")
    assert content["without_model_time"] == ["proteins"]
    assert main(["estimate", str(tmp_path / "p.faa"), "--to", "auto"]) == 0
    assert "The time of the model of proteins is not included" in capsys.readouterr().out
    _, content = estimate(capsys, tmp_path / "p.faa", "--windows-per-second", "2")
    assert content["without_model_time"] == []


def test_the_worked_example_of_the_page_is_the_estimate_of_those_files():
    """docs/cost.md multiplies 96 files of 1 GB by hand; here the sums are made with prices written out again."""
    run = cost.make_run()
    lines = {line.item: line.usd for line in bill.list_lines(run, Rates())}
    assert lines["Lambda: validate"] == pytest.approx(96_000 / 10 * 1.769 * 0.0000166667)
    assert lines["SageMaker batch transform"] == pytest.approx((28.8e6 / 300 / 3600 + 3 * 5 / 60) * 0.23)
    assert lines["S3: the upload"] == pytest.approx(96 * 122 * 0.005 / 1000)
    assert lines["Deep Archive: copies"] == pytest.approx(96 * 0.05 / 1000)
    assert lines["Deep Archive: 180 days, the least that is billed"] == pytest.approx(96 * 0.00099 * 6)
    assert archive.restore_usd(run, "Bulk") == pytest.approx(96 * 0.0025 + 96 * 0.025 / 1000)
    assert archive.restore_usd(run, "Standard") == pytest.approx(96 * 0.02 + 96 * 0.10 / 1000)


def test_each_file_is_billed_in_the_storage_class_of_its_analysis():
    sizes = {"DEEP_ARCHIVE": [10**9], "GLACIER": [10**9], "GLACIER_IR": [10**9, 1000], "STANDARD_IA": [2 * 10**9]}
    work = Workload(tuple(size for group in sizes.values() for size in group), by_class=sizes)
    lines = {line.item: line for line in bill.list_lines(work, Rates()) if line.group == "archive"}
    assert lines["Glacier Flexible Retrieval: 90 days, the least that is billed"].usd == pytest.approx(0.0036 * 3)
    assert lines["Glacier Instant Retrieval: copies"].usd == pytest.approx(2 * 0.02 / 1000)
    overhead = lines["Glacier Instant Retrieval: overhead for 90 days"]
    assert overhead.usd == pytest.approx((128 * 1024 - 1000) / 1e9 * 0.004 * 3)
    assert overhead.calculation == "1 files billed as 128 KB × 3 months"
    assert lines["Standard-IA: 30 days, the least that is billed"].usd == pytest.approx(2 * 0.0125)
    month = [monthly_usd(name, size) for name, group in sizes.items() for size in group]
    assert archive.month_usd(work) == pytest.approx(sum(month))
    reading = 0.03 * (1 + 1e-6) + 0.01 * 2
    assert archive.restore_usd(work, "Standard") == pytest.approx(0.02 + 1e-4 + 0.01 + 5e-5 + reading)
    assert archive.restore_usd(work, "Bulk") == pytest.approx(0.0025 + 2.5e-5 + reading)
    assert (archive.most_hours(work, "Bulk"), archive.most_hours(work, "Standard")) == (48, 12)


def test_the_text_names_the_class_and_that_some_need_no_restore(capsys, run, monkeypatch):
    analyses = packaged()
    kept = {name: replace(entry, storage_class="GLACIER_IR") for name, entry in analyses.by_name.items()}
    monkeypatch.setattr(drop_estimate, "packaged", lambda: replace(analyses, by_name=kept))
    assert main(["estimate", str(run), "--to", "auto"]) == 0
    out = capsys.readouterr().out
    assert "a month in Glacier Instant Retrieval. To read all files once:" in out
    _, content = estimate(capsys, run)
    assert {part["storage_class"] for part in content["parts"]} == {"GLACIER_IR"}


@pytest.mark.parametrize(
    ("size", "puts", "copies"),
    [(0, 1, 1), (5, 1, 1), (8 << 20, 3, 1), ((8 << 20) + 1, 4, 1), (5_000_000_000, 599, 1), (5_000_000_001, 599, 21)],
)
def test_large_files_take_more_requests(size, puts, copies):
    assert (count_upload_requests(size), count_copy_requests(size)) == (puts, copies)


def test_a_file_too_large_for_a_lambda_is_read_by_a_job():
    size = 3_000_000_000
    work = Workload((size,), examinations=Machines(size / 1e6 / 20 / 3600, 1, 0.23))
    lines = {line.item: line for line in bill.list_lines(work, Rates())}
    assert lines["Lambda: validate"].usd == 0
    assert lines["SageMaker processing of large files"].usd == pytest.approx((150 / 3600 + 5 / 60) * 0.23)


def test_every_price_names_its_page_and_unit():
    for price in PRICES.values():
        assert price.usd > 0
        assert price.page
        assert price.unit
