"""Runs of sequencers from the first file to the archive, with their report and their mail."""

import hashlib
import json
from dataclasses import replace

import pytest
from seqdrop import clock
from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.runtime.services import iso
from seqdrop.sagemaker.tags import cost_tags
from seqdrop.stages.reconcile.due_runs import judge_due_runs
from seqdrop.stages.runs.arrival import SOON

from tests.unit.stages.runs.world import FOLDER, NAME

ANALYSIS = "Analysis/1/"


def of_run(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: body for name, body in files.items() if not name.startswith("Analysis/")}


def test_a_novaseq_run_is_archived_with_one_mail(world, novaseq):
    world.drop_all(novaseq)
    world.work()
    assert world.run().state == "COPYING"
    world.wait(60)
    run = world.run()
    assert (run.state, run.instrument_name, run.number) == ("ARCHIVED", "Illumina NovaSeq X", 1)
    assert world.states() == {"ARCHIVED"}
    assert [subject for subject, _ in world.mails] == [f"Seqdrop archived the run {run.name}"]


def test_the_report_has_the_samples_of_the_analysis(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    report = world.report()
    parts = {part["folder"]: part for part in report["parts"]}
    assert set(parts) == {"", "Analysis/1"}
    (tag,) = (tag for tag in cost_tags("runs", "made up", [world.run().folder]) if tag["Key"] == "seqdrop:run")
    assert report["cost_tag"] == tag["Value"]
    assert (parts[""]["samples"], parts[""]["files"]) == ([], len(of_run(novaseq)))
    samples = {sample["sample_id"]: sample["status"] for sample in parts["Analysis/1"]["samples"]}
    assert samples == {"S1": "complete", "S2": "complete", "S3": "missing"}
    assert 0 < parts["Analysis/1"]["undetermined_share"] < 0.5
    assert [line.split("\t")[0] for line in world.samples()] == ["sample_id", "S1", "S2", "S3"]
    assert "S3" in world.mails[-1][1]


@pytest.mark.parametrize("marker", ["CopyComplete.txt", "RTAComplete.txt"])
def test_without_a_marker_no_file_of_the_run_advances(world, novaseq, marker):
    world.drop_all({name: body for name, body in of_run(novaseq).items() if name != marker})
    world.wait(60)
    assert world.run().state in ("SEQUENCING", "COPYING")
    assert world.states() == {"VALIDATED"}
    world.drop(marker)
    world.wait(60)
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})


def test_an_analysis_that_comes_weeks_later_is_a_new_revision(world, novaseq):
    world.drop_all(of_run(novaseq))
    world.wait(60)
    assert (world.run().state, world.run().number) == ("ARCHIVED", 1)
    world.clock.advance(20 * 86400)
    analysis = {name: body for name, body in novaseq.items() if name.startswith(ANALYSIS)}
    last = ANALYSIS + "CopyComplete.txt"
    world.drop_all({name: body for name, body in analysis.items() if name != last})
    world.wait(30)
    assert (world.run().state, world.run().number) == ("COPYING", 2)
    assert {world.upload(name).state for name in analysis if name != last} == {"VALIDATED"}
    world.drop(last)
    world.wait(60)
    assert (world.run().state, world.run().number, world.states()) == ("ARCHIVED", 2, {"ARCHIVED"})
    samples = {sample["sample_id"] for part in world.report()["parts"] for sample in part["samples"]}
    assert samples == {"S1", "S2", "S3"}
    assert len(world.mails) == 2


def test_receipts_say_what_the_sequencer_wrote(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    listed = {line.split(b"\t")[0].decode() for line in novaseq[ANALYSIS + "Manifest.tsv"].splitlines()}
    for name in listed:
        entry = world.receipt(ANALYSIS + name)["checksum_list"]
        assert (entry["as"], entry["algorithm"]) == ("as the sequencer wrote it", "crc32")
    part = world.report()["parts"][-1]
    assert part["checksums"]["agreed"] == {"Analysis/1/Manifest.tsv": len(listed)}
    assert f"{len(listed)} files with the checksum that Analysis/1/Manifest.tsv has" in world.mails[-1][1]


def test_a_file_that_differs_from_the_list_is_rejected_and_named_in_the_mail(world, novaseq):
    name = ANALYSIS + "Data/BCLConvert/fastq/Reports/Demultiplex_Stats.csv"
    world.drop_all(novaseq | {name: b"changed"})
    world.wait(60)
    assert (world.upload(name).state, world.upload(name).reason) == ("REJECTED", "checksum_differs")
    assert (world.run().state, world.run().rejected) == ("ARCHIVED", 1)
    ((_, text),) = world.mails
    assert "DIFFERS: Analysis/1/Data/BCLConvert/fastq/Reports/Demultiplex_Stats.csv" in text


def test_a_run_that_the_instrument_calls_failed_waits_for_a_person(world, failed):
    world.drop_all(failed)
    world.wait(90)
    assert (world.run().state, world.states()) == ("FAILED", {"VALIDATED"})
    ((subject, text),) = world.mails
    assert subject == f"Seqdrop: the run {NAME} failed"
    assert "Flow cell leak" in text
    assert f"--key {FOLDER}seqdrop-complete.txt" in text
    world.drop("seqdrop-complete.txt")
    world.wait(60)
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})
    assert len(world.mails) == 2


def test_silence_is_mailed_once_and_the_run_goes_on(world, novaseq):
    files = of_run(novaseq)
    world.drop_all({name: body for name, body in files.items() if name != "CopyComplete.txt"})
    world.wait(10)
    for _ in range(30):
        world.clock.advance(3600)
        judge_due_runs(world.services)
        world.work()
    # NovaSeq: without CopyComplete it is taken for complete six hours after RTAComplete, with a warning
    assert world.run().state == "ARCHIVED"
    assert "RTAComplete.txt was there for 6 hours" in world.mails[-1][1]


def test_an_instrument_that_breaks_off_is_mailed_of(world, ont):
    data = {name: body for name, body in ont.items() if "fastq_" in name or "pod5" in name}
    world.drop_all(data, "runs/PRJ7/")
    world.work()
    for _ in range(60):
        world.clock.advance(3600)
        judge_due_runs(world.services)
        world.work()
    assert (world.run("runs/PRJ7/").state, world.states()) == ("SEQUENCING", {"VALIDATED"})
    assert [subject for subject, _ in world.mails] == ["Seqdrop: no more files arrive from the run PRJ7"]
    world.drop_all({name: body for name, body in ont.items() if name not in data}, "runs/PRJ7/")
    world.wait(60)
    assert (world.run("runs/PRJ7/").state, world.states()) == ("ARCHIVED", {"ARCHIVED"})


def test_the_flow_cells_of_a_run_advance_one_by_one(world, ont):
    second = {name.replace("S1/", "S2/", 1): body for name, body in ont.items() if "output_hash" not in name}
    later = next(name for name in second if "final_summary" in name)
    world.drop_all(ont | {name: body for name, body in second.items() if name != later}, "runs/PRJ7/")
    world.wait(60)
    assert {world.upload(name).state for name in ont} == {"ARCHIVED"}
    assert {world.upload(name).state for name in second if name != later} == {"VALIDATED"}
    assert world.run("runs/PRJ7/").state == "SEQUENCING"
    reads = [name for name in ont if "fastq_" in name]
    assert {world.receipt(name)["checksum_list"]["algorithm"] for name in reads} == {"sha256"}
    world.drop(later, second[later], "runs/PRJ7/")
    world.wait(60)
    assert (world.run("runs/PRJ7/").state, world.states()) == ("ARCHIVED", {"ARCHIVED"})


def test_a_run_that_is_dropped_again_is_not_archived_twice(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    first = dict(world.dropped)
    world.drop_all(novaseq)
    world.wait(120)
    assert {world.upload(name).state for name in novaseq} == {"DUPLICATE"}
    assert {world.ledger.require_upload(version.id).state for version in first.values()} == {"ARCHIVED"}
    assert (world.run().state, world.run().number, len(world.mails)) == ("ARCHIVED", 1, 1)


def test_errors_of_a_sample_sheet_are_mailed_while_the_run_is_sequenced(world, novaseq):
    wrong = novaseq["SampleSheet.csv"].replace(b"TTGCATGC", b"ACGTACGT")
    world.drop_all({"RunInfo.xml": novaseq["RunInfo.xml"], "SampleSheet.csv": wrong})
    world.wait(5)
    ((subject, text),) = world.mails
    assert subject == f"Seqdrop: the sample sheet of the run {NAME} has errors"
    assert "line 18" in text
    world.drop("SampleSheet.csv", novaseq["SampleSheet.csv"])
    world.wait(5)
    assert len(world.mails) == 1
    world.drop_all({name: body for name, body in novaseq.items() if name not in ("RunInfo.xml", "SampleSheet.csv")})
    world.wait(60)
    assert world.run().state == "ARCHIVED"


def test_a_late_file_of_a_complete_run_is_archived_when_it_arrives(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    world.drop("Logs/late.log", b"late\n")
    world.wait(5)
    assert world.upload("Logs/late.log").state == "ARCHIVED"
    assert (world.run().state, len(world.mails)) == ("ARCHIVED", 1)


def test_a_file_that_is_rejected_after_its_run_was_archived_is_a_mail(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    world.drop("late.fastq", b"@r1\nACGT\n+\nII\n")
    world.wait(5)
    assert world.upload("late.fastq").state == "REJECTED"
    assert [subject for subject, _ in world.mails][1:] == [f"Seqdrop rejected {FOLDER}late.fastq"]


def test_the_markers_of_earlier_versions_open_a_folder_of_an_unknown_instrument(world):
    world.drop_all({"a.txt": b"a", "b/c.txt": b"c", "b/CopyComplete.txt": b""}, "runs/run7/")
    world.wait(5)
    assert [world.upload(name).state for name in ("a.txt", "b/c.txt")] == ["VALIDATED", "ARCHIVED"]
    world.drop("RTAComplete.txt", b"", "runs/run7/")
    world.wait(5)
    assert (world.run("runs/run7/").state, world.states()) == ("ARCHIVED", {"ARCHIVED"})


def test_a_manifest_completes_a_run_without_a_grace_time(world, novaseq):
    world.drop_all(of_run(novaseq))
    entries = [{"name": name, "size": len(body)} for name, body in of_run(novaseq).items()]
    world.drop("seqdrop-manifest.json", json.dumps({"files": entries}).encode())
    world.wait(2)
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})


def test_a_folder_is_opened_when_all_its_files_have_been_read(world, novaseq):
    world.drop_all(novaseq)
    late = "Analysis/1/Data/BCLConvert/fastq/S1_S1_L001_R1_001.fastq.gz"
    events = world.queues.waiting
    unread = next(event for event in events if event.body["version"].key.endswith(late))
    events.remove(unread)
    world.wait(60)
    assert {world.upload(name).state for name in novaseq if name.startswith(ANALYSIS) and name != late} == {"VALIDATED"}
    unread.at = world.clock.seconds
    world.queues.waiting.append(unread)
    world.wait(60)
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})
    assert "checksum_list" in world.receipt(late)


def test_other_files_of_a_gated_run_under_a_model_prefix_are_kept_and_its_reads_are_scored(world, novaseq):
    packaged = world.services.analyses
    reads = replace(packaged.by_name["reads"], gate="run", mates="single")
    analyses = replace(packaged, by_name=packaged.by_name | {"reads": reads})
    world.services = replace(world.services, analyses=analyses)
    world.drop_all(novaseq, f"reads/{NAME}/")
    world.wait(60)
    run = world.run(f"reads/{NAME}/")
    assert run.state == "COMPLETE"
    sequences = {name for name in novaseq if ".fastq" in name}
    assert {world.upload(name).state for name in sequences} == {"VALIDATED"}  # until they are predicted
    assert {world.upload(name).state for name in novaseq if name not in sequences} == {"ARCHIVED"}
    queued = {message.body.get("attempt", "").split("-")[0] for message in world.started}
    assert queued == {world.upload(name).id for name in sequences}
    assert world.mails == []


def test_a_file_beside_the_runs_is_in_no_run(world):
    world.drop("notes.txt", b"text\n", "runs/")
    world.wait(5)
    assert world.upload("notes.txt").state == "ARCHIVED"


@pytest.mark.parametrize("first", ["L1/late.fastq", "L2/a.fastq"])
def test_a_folder_that_an_earlier_version_opened_is_open_whatever_file_lands_first(world, first):
    """Its marker has left the landing bucket. The other lane waits for its own."""
    folder, read = "runs/run7/", b"@r1\nACGT\n+\nIIII\n"
    opened = world.ledger.file_set(RUNS, f"landing/{folder}L1/").with_facts(opened_at="2026-01-01T00:00:00.000Z")
    assert world.ledger.save(opened)
    world.drop(first, read, folder)
    world.wait(1)
    for name in {"L1/late.fastq", "L2/a.fastq"} - {first}:
        world.drop(name, read, folder)
    world.wait(5)
    states = {name: world.upload(name).state for name in ("L1/late.fastq", "L2/a.fastq")}
    assert states == {"L1/late.fastq": "ARCHIVED", "L2/a.fastq": "VALIDATED"}
    assert world.run(folder).complete == ["L1"]
    world.drop("L2/CopyComplete.txt", b"", folder)
    world.wait(5)
    assert world.upload("L2/a.fastq").state == "ARCHIVED"


def test_a_checksum_list_beside_each_file_does_not_judge_the_run_for_each(world):
    """A judgement reads the records of all files, so the cost of a run would grow with the square of its files."""
    listings, list_versions = [], world.account.s3.list_object_versions
    world.account.s3.list_object_versions = lambda *call: listings.append(call) or list_versions(*call)
    for number in range(40):
        body = b"%d" % number
        world.drop(f"Data/{number}.cbcl", body)
        world.drop(f"Data/{number}.cbcl.md5", f"{hashlib.md5(body).hexdigest()}  {number}.cbcl\n".encode())
    world.wait(10)
    assert len(listings) <= 6
    world.drop_all({"RTAComplete.txt": b"", "CopyComplete.txt": b""})
    world.wait(60)
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})
    assert world.receipt("Data/7.cbcl")["checksum_list"]["key"] == f"{FOLDER}Data/7.cbcl.md5"


def test_a_checksum_list_that_lands_alone_is_judged_after_a_minute(world, novaseq):
    """It may be the only file that changes the verdict, so its message must not be left out."""
    world.drop("RunInfo.xml", novaseq["RunInfo.xml"])
    world.wait(5)
    cause, wrong = world.run().moved_at, hashlib.md5(b"other").hexdigest()
    world.drop("Logs/a.log.md5", f"{wrong}  a.log\n".encode())
    world.work()
    assert (world.run().due_at > iso(clock.utc_now()), world.run().moved_at) == (True, cause)
    waiting = [message for message in world.queues.waiting if "run" in message.body]
    assert min(message.at for message in waiting) == world.clock.seconds + SOON
