"""The pages of a run: written with its report, in every state, and again whenever that changes."""

from __future__ import annotations

import json
from dataclasses import replace

from seqdrop.config.verdict import VerdictSettings
from seqdrop.stages.runs import pages
from seqdrop.stages.runs import run as run_module
from seqdrop.stages.runs.index import refresh_index
from seqdrop.stages.runs.report import write_part, write_state
from seqdrop.stages.runs.survey import take_survey

from tests.support.html_checks import Page, check_page
from tests.unit.stages.runs.test_run import of_run
from tests.unit.stages.runs.world import FOLDER, NAME, RunWorld

FASTQ = "Analysis/1/Data/BCLConvert/fastq/"


def page_of(world: RunWorld) -> Page:
    return check_page(world.account.s3.read("results", f"runs/runs/{NAME}/run.html").decode())


def index_of(world: RunWorld) -> Page:
    return check_page(world.account.s3.read("results", "runs/index.html").decode())


def sample(world: RunWorld, name: str) -> dict:
    return next(each for part in world.report()["parts"] for each in part["samples"] if each["sample_id"] == name)


def judge_by(world: RunWorld, **thresholds: float) -> None:
    """Let the lab have these thresholds."""
    analyses = world.services.analyses
    runs = replace(analyses.by_name["runs"], verdict=VerdictSettings(**thresholds))
    world.services = replace(world.services, analyses=replace(analyses, by_name={**analyses.by_name, "runs": runs}))


def test_samples_have_their_figures_and_verdicts_in_report_table_and_page(world, novaseq):
    judge_by(world, q30_fail=0.935, planned_mb=0.1)
    world.drop_all(novaseq)
    world.wait(60)
    first, second, third = (sample(world, name) for name in ("S1", "S2", "S3"))
    assert (first["figures"]["reads"], first["figures"]["bases"], first["figures"]["length"]) == (400, 80_000, 100.0)
    assert [each["verdict"] for each in (first, second, third)] == ["pass", "fail", "fail"]
    assert second["reasons"] == [{"verdict": "fail", "figure": "q30", "text": "Q30 93.4 %, below 93.5 %"}]
    assert set(first["uploads"]) == {name.removeprefix(FOLDER) for name in novaseq if f"{FASTQ}S1_" in name}
    rows = [line.split("\t") for line in world.samples()]
    assert [row[rows[0].index("verdict")] for row in rows[1:]] == ["pass", "fail", "fail"]
    text = page_of(world).text
    assert "1 of 3 samples pass, 2 fail" in text
    assert "pass S1 400 80 kb 80 % 93.6 %" in text
    assert (world.run().samples_passed, world.run().samples_warned, world.run().samples_failed) == (1, 0, 2)


def test_the_page_has_the_barcodes_of_reads_of_no_sample(world, novaseq):
    name = f"{FASTQ}Undetermined_S0_L001_R1_001.fastq.gz"
    lines = [f"@M:1:F:1:1:1:{number} 1:N:0:GGGG+CCCC\nACGT\n+\nIIII" for number in range(5)]
    world.drop_all({**novaseq, name.removesuffix(".gz"): "\n".join([*lines, ""]).encode()})
    world.wait(60)
    part = world.report()["parts"][-1]
    assert part["barcode_reads"] == 405
    assert ["GGGG+CCCC", 5] in part["unknown_barcodes"]
    assert "GGGG+CCCC 5 1.2 %" in page_of(world).text


def test_a_rejected_file_fails_its_sample(world, novaseq):
    name = f"{FASTQ}S1_S1_L001_R2_001.fastq.gz"
    world.drop_all({**novaseq, name: novaseq[name][:2000]})
    world.wait(60)
    assert sample(world, "S1")["verdict"] == "fail"
    assert "S1_S1_L001_R2_001.fastq.gz was rejected: gzip_truncated" in page_of(world).text


def test_a_run_has_a_page_from_its_first_file_on(world, novaseq):
    world.drop_all({name: body for name, body in of_run(novaseq).items() if "Complet" not in name})
    world.work()
    assert "State SEQUENCING" in page_of(world).text
    assert "Sequencing" in index_of(world).text
    world.drop("RTAComplete.txt")
    world.work()
    assert "State COPYING" in page_of(world).text
    assert "RTAComplete.txt" in page_of(world).text
    world.drop("CopyComplete.txt")
    world.wait(60)
    assert "State ARCHIVED" in page_of(world).text
    assert "Archived" in index_of(world).text


def test_a_failed_run_says_what_to_do(world, failed):
    world.drop_all(failed)
    world.wait(90)
    text = page_of(world).text
    assert "Failed" in text
    assert "Flow cell leak" in text
    assert f"{FOLDER}seqdrop-complete.txt" in text


def test_an_invocation_that_renders_an_old_report_renders_the_new_one_too(world, novaseq, monkeypatch):
    world.drop_all(novaseq)
    world.wait(60)
    render, key = pages.render_run, f"runs/runs/{NAME}/run.json"

    def render_while_another_writes(report):
        monkeypatch.setattr(pages, "render_run", render)
        world.account.s3.put("results", key, json.dumps({**world.report(), "cause": "It is new."}).encode())
        return render(report)

    monkeypatch.setattr(pages, "render_run", render_while_another_writes)
    write_state(take_survey(world.services, world.run()), world.run())
    assert "It is new." in page_of(world).text


def test_the_reconciler_writes_the_index_again_only_after_changes(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    world.account.s3.put("results", "runs/index.html", b"stale")
    refresh_index(world.services)
    assert NAME in index_of(world).text
    world.account.s3.put("results", "runs/index.html", b"stale")
    world.clock.advance(3 * 3600)
    refresh_index(world.services)
    assert world.account.s3.read("results", "runs/index.html") == b"stale"


def test_verdicts_read_nothing_from_s3_for_each_sample(world, novaseq, monkeypatch):
    """The figures are in the records of the files, which a judgement reads anyway."""
    reads = {name: body for name, body in novaseq.items() if "S2_S2" in name}
    more = {name.replace("S2_S2", f"X{at}_S{at}"): body for at in range(20) for name, body in reads.items()}
    requests: list[str] = []

    def write_and_count(*arguments):
        get_object = world.services.s3.get_object

        def count(**request):
            requests.append(request["Key"])
            return get_object(**request)

        with monkeypatch.context() as patch:
            patch.setattr(world.services.s3, "get_object", count)
            write_part(*arguments)

    monkeypatch.setattr(run_module, "write_part", write_and_count)
    world.drop_all({**novaseq, **more})
    world.wait(12)
    assert len(world.report()["parts"][-1]["samples"]) == 23
    assert {key for key in requests if not key.startswith(("runs/runs/", FOLDER))} == set()
    assert len(requests) < 20, "fewer than samples: run.json, the sample sheet and the description of the run"
