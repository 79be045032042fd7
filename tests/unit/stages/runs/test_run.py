"""Runs of sequencers from the first file to the archive, with their report and their mail."""

import pytest

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
    parts = {part["folder"]: part for part in world.report()["parts"]}
    assert set(parts) == {"", "Analysis/1"}
    assert (parts[""]["samples"], parts[""]["files"]) == ([], len(novaseq))
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
