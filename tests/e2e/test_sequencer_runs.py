"""Whole run folders on the deployed template: kept, judged by their instrument's rule, archived with one mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from seqdrop.ledger.run_record import Run, run_id

from local.run_samples import FLOW_CELL, NOVASEQ_X, ONT, write_novaseq_run, write_ont_run
from local.testing import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def find_run(target, name: str) -> Run | None:
    return target.ledger().find_run(run_id(target.landing, f"runs/{name}/"))


def wait_until_archived(target, name: str) -> Run:
    wait_for(lambda: (run := find_run(target, name)) and run.state == "ARCHIVED", timeout=120)
    return find_run(target, name)


def drop_run(put, folder: Path) -> dict:
    """Drop all files of a run folder and its manifest, so that no grace time is needed."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    entries = [{"name": name, "size": len(body)} for name, body in files.items()]
    files["seqdrop-manifest.json"] = json.dumps({"files": entries}).encode()
    return {name: put(f"runs/{folder.name}/{name}", body) for name, body in sorted(files.items())}


def read_json(s3, stack, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=stack.results, Key=key)["Body"].read())


@pytest.fixture(scope="module")
def novaseq(put, target, tmp_path_factory):
    versions = drop_run(put, write_novaseq_run(tmp_path_factory.mktemp("novaseq")))
    return versions, wait_until_archived(target, NOVASEQ_X)


def test_a_novaseq_run_is_archived_with_its_samples_and_one_mail(novaseq, target, s3, stack, mails):
    versions, run = novaseq
    assert {target.ledger().find_upload(version.id).state for version in versions.values()} == {"ARCHIVED"}
    assert (run.instrument_name, run.flow_cell, run.files) == ("Illumina NovaSeq X", "22ABCDLT4", len(versions))
    report = read_json(s3, stack, f"runs/runs/{NOVASEQ_X}/run.json")
    (part,) = [part for part in report["parts"] if part["folder"] == "Analysis/1"]
    assert {sample["sample_id"]: sample["status"] for sample in part["samples"]} == {
        "S1": "complete",
        "S2": "complete",
        "S3": "missing",
    }
    mail = mails.wait_for(f"runs/{NOVASEQ_X}/")
    assert mail["Subject"] == f"Seqdrop archived the run {NOVASEQ_X}"[:100]
    assert sum(NOVASEQ_X in each["Message"] for each in mails.all()) == 1


def test_its_receipts_say_that_the_bytes_are_as_the_sequencer_wrote_them(novaseq, s3, stack):
    versions, _ = novaseq
    name = "Analysis/1/Data/BCLConvert/fastq/S1_S1_L001_R1_001.fastq.gz"
    listed = read_json(s3, stack, f"receipts/{versions[name].id}.json")["checksum_list"]
    assert (listed["algorithm"], listed["as"]) == ("crc32", "as the sequencer wrote it")
    assert listed["key"] == f"runs/{NOVASEQ_X}/Analysis/1/Manifest.tsv"


def test_a_flow_cell_of_a_promethion_is_archived_with_its_hashes(put, target, s3, stack, tmp_path):
    versions = drop_run(put, write_ont_run(tmp_path))
    run = wait_until_archived(target, ONT)
    assert run.instrument_name.startswith("Oxford Nanopore")
    reads = [name for name in versions if name.startswith(f"{FLOW_CELL}/fastq_")]
    for name in reads:
        listed = read_json(s3, stack, f"receipts/{versions[name].id}.json")["checksum_list"]
        assert (listed["algorithm"], listed["as"]) == ("sha256", "as the sequencer wrote it")
