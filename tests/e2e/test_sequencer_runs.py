"""Whole run folders on the deployed template: kept, judged by their instrument's rule, archived with one mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from seqdrop.ledger.run_record import Run, run_id
from seqdrop_cli.main import main

from local.run_samples import FLOW_CELL, NOVASEQ_X, write_novaseq_run, write_ont_run
from local.testing import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def find_run(target, name: str) -> Run | None:
    return target.ledger().find_run(run_id(target.landing, f"runs/{name}/"))


def wait_until_archived(target, name: str) -> Run:
    wait_for(lambda: (run := find_run(target, name)) and run.state == "ARCHIVED", timeout=120)
    return find_run(target, name)


@pytest.fixture(scope="module")
def upload(target, tmp_path_factory):
    """Return a function that runs `seqdrop upload` with a state file of its own; it returns the events."""
    state = tmp_path_factory.mktemp("state") / "uploads.sqlite3"

    def run(folder: Path) -> list[dict]:
        lines: list[dict] = []
        with (
            patch("seqdrop_cli.target.find_target", lambda _: target),
            patch(
                "seqdrop_cli.uploader.command.write_json",
                lambda event: lines.append({"event": event.kind, **event.facts}),
            ),
        ):
            assert main(["upload", str(folder), "--json", "--state", str(state)]) == 0
        return lines

    return run


def read_json(s3, stack, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=stack.results, Key=key)["Body"].read())


def ids_of(events: list[dict], name: str) -> dict[str, str]:
    """Return the upload id of each object that was sent, by its path below the run folder."""
    finished = [event for event in events if event["event"] == "finished"]
    return {event["key"].removeprefix(f"runs/{name}/"): event["upload"] for event in finished}


@pytest.fixture(scope="module")
def novaseq(upload, target, tmp_path_factory):
    folder = write_novaseq_run(tmp_path_factory.mktemp("novaseq"))
    ids = ids_of(upload(folder), NOVASEQ_X)
    return folder, ids, wait_until_archived(target, NOVASEQ_X)


def test_a_novaseq_run_is_archived_with_its_samples_and_one_mail(novaseq, target, s3, stack, mails):
    folder, ids, run = novaseq
    assert {target.ledger().find_upload(upload_id).state for upload_id in ids.values()} == {"ARCHIVED"}
    assert any(name.endswith(".tar") for name in ids)  # its small files are in bundles
    files = 1 + sum(path.is_file() for path in folder.rglob("*"))  # and the manifest
    assert (run.instrument_name, run.flow_cell, run.files) == ("Illumina NovaSeq X", "22ABCDLT4", files)
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
    _, ids, _ = novaseq
    name = "Analysis/1/Data/BCLConvert/fastq/S1_S1_L001_R1_001.fastq.gz"
    listed = read_json(s3, stack, f"receipts/{ids[name]}.json")["checksum_list"]
    assert (listed["algorithm"], listed["as"]) == ("crc32", "as the sequencer wrote it")
    assert listed["key"] == f"runs/{NOVASEQ_X}/Analysis/1/Manifest.tsv"


def test_a_run_that_is_sent_again_is_neither_uploaded_nor_archived_again(novaseq, upload, target, s3, stack, mails):
    folder, ids, run = novaseq
    again = upload(folder)
    assert ids_of(again, NOVASEQ_X) == {}
    assert again[-1]["sent"] == 0
    for name in ids:  # another computer, which knows of nothing, sends an object once more
        if name == "Analysis/1/Manifest.tsv":
            body = (folder / name).read_bytes()
            s3.put_object(Bucket=stack.landing, Key=f"runs/{NOVASEQ_X}/{name}", Body=body)
    key = f"runs/{NOVASEQ_X}/Analysis/1/Manifest.tsv"
    wait_for(lambda: not s3.list_objects_v2(Bucket=stack.landing, Prefix=key).get("KeyCount"), timeout=60)
    copies = s3.list_object_versions(Bucket=stack.archive, Prefix=f"runs/{NOVASEQ_X}/Analysis/1/")["Versions"]
    assert sum(copy["Key"].endswith("/Manifest.tsv") for copy in copies) == 1
    assert find_run(target, NOVASEQ_X).number == run.number
    assert sum(NOVASEQ_X in each["Message"] for each in mails.all()) == 1


@pytest.mark.long
def test_a_flow_cell_of_a_promethion_is_archived_with_its_hashes(upload, target, s3, stack, tmp_path):
    flow_cell = FLOW_CELL.rpartition("/")[2]
    ids = ids_of(upload(write_ont_run(tmp_path)), flow_cell)
    run = wait_until_archived(target, flow_cell)
    assert run.instrument_name.startswith("Oxford Nanopore")
    reads = [name for name in ids if name.startswith("fastq_")]
    assert len(reads) == 4
    for name in reads:
        listed = read_json(s3, stack, f"receipts/{ids[name]}.json")["checksum_list"]
        assert (listed["algorithm"], listed["as"]) == ("sha256", "as the sequencer wrote it")
