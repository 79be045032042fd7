"""Runs whose small files are inside bundles: rules, checksums and counts see the files, not the bundles."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from seqdrop import clock
from seqdrop.runs.bundle_index import name_bundle
from seqdrop.runs.bundles import write_bundle
from seqdrop.runs.files import RunFile
from seqdrop.stages.runs.judgement import judge_survey
from seqdrop.stages.runs.survey import Survey, take_survey

from tests.unit.stages.runs.test_run import ANALYSIS

FASTQ = "Data/BCLConvert/fastq"
SMALL = (f"{FASTQ}/Reports/Demultiplex_Stats.csv", "Data/BCLConvert/SampleSheet.csv", "Data/Logs/Warnings.log")


@dataclass
class Memory:
    """A folder in memory, from which bundles are written."""

    files: dict[str, bytes]
    moment: object = field(default_factory=lambda: clock.utc_now())

    def look(self, name: str) -> RunFile:
        return RunFile(name, len(self.files[name]), self.moment)

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.files[name])


def bundle(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the tar and the index of these files."""
    folder, stream = Memory(files), io.BytesIO()
    run_files = [folder.look(name) for name in files]
    index = write_bundle(run_files, folder, stream)
    assert index.tar == name_bundle(run_files)
    return {index.tar: stream.getvalue(), index.name: index.body}


def with_bundle(novaseq: dict[str, bytes], changed: bytes | None = None) -> dict[str, bytes]:
    """Return the run with the small files of its analysis in a bundle; one has other bytes if `changed`."""
    inside = {name: novaseq[ANALYSIS + name] for name in SMALL}
    if changed is not None:
        inside[SMALL[0]] = changed
    outside = {name: body for name, body in novaseq.items() if name.removeprefix(ANALYSIS) not in SMALL}
    return outside | {ANALYSIS + name: body for name, body in bundle(inside).items()}


def test_an_analysis_with_bundled_files_is_complete_and_agrees_with_its_list(world, novaseq):
    world.drop_all(with_bundle(novaseq))
    world.wait(60)
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})
    part = world.report()["parts"][-1]
    assert part["files"] == sum(name.startswith(ANALYSIS) for name in novaseq)
    listed = len(novaseq[ANALYSIS + "Manifest.tsv"].splitlines())
    assert part["checksums"]["agreed"] == {"Analysis/1/Manifest.tsv": listed}
    assert part["checksums"]["missing_count"] == 0
    assert world.run().files == len(novaseq)


def test_a_bundled_file_that_differs_is_named_in_the_mail(world, novaseq):
    world.drop_all(with_bundle(novaseq, changed=b"other"))
    world.wait(60)
    assert world.run().state == "ARCHIVED"
    assert f"DIFFERS: {ANALYSIS}{SMALL[0]}" in world.mails[-1][1]


def test_an_index_that_cannot_be_read_is_a_problem_of_the_run(world, novaseq):
    files = with_bundle(novaseq)
    index = next(name for name in files if name.endswith(".index.tsv"))
    world.drop_all(files | {index: b"#seqdrop-bundle\t9\n"})
    world.wait(60)
    assert world.run().state in ("COPYING", "COMPLETE")  # files of the list are missing
    assert world.upload(ANALYSIS + "Manifest.tsv").state == "VALIDATED"


def test_a_judgement_reads_each_index_once(world, novaseq, monkeypatch):
    names, read = [], Survey.read
    monkeypatch.setattr(Survey, "read", lambda survey, name: names.append(name) or read(survey, name))
    files = with_bundle(novaseq)
    world.drop_all(files)
    world.wait(1)  # its grace time is not over
    names.clear()
    survey = take_survey(world.services, world.run())
    judge_survey(survey)
    survey.divide(["Analysis/1"]).files_below("Analysis/1")
    assert [name for name in names if name.endswith(".index.tsv")] == [
        name for name in files if name.endswith(".index.tsv")
    ]
