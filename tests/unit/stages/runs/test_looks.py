"""When a run is judged again, and what two judgements at the same moment do to each other."""

from __future__ import annotations

import json

import pytest
from seqdrop.ledger.moves import UPLOAD
from seqdrop.stages.reconcile.due_runs import judge_due_runs, leave_out_waiting
from seqdrop.stages.runs import run as run_module
from seqdrop.stages.runs import survey as survey_module
from seqdrop.stages.runs.judgement import judge_survey
from seqdrop.stages.runs.report import write_state
from seqdrop.stages.runs.run import advance_run
from seqdrop.stages.runs.survey import take_survey

from tests.unit.stages.runs.world import NAME


def judgements(monkeypatch) -> list[str]:
    """Return a list to which the state of each judgement is added."""
    states = []

    def judge(survey):
        judgement = judge_survey(survey)
        states.append(judgement.state)
        return judgement

    monkeypatch.setattr(run_module, "judge_survey", judge)
    return states


def start(world, files: dict[str, bytes]) -> None:
    """Drop a run that is sequenced."""
    world.drop_all({name: files[name] for name in ("RunInfo.xml", "RunParameters.xml", "SampleSheet.csv")})
    world.work()


def test_a_run_that_only_a_file_can_change_is_judged_once_a_day(world, novaseq, monkeypatch):
    start(world, novaseq)
    world.clock.advance(2 * 86400)
    states = judgements(monkeypatch)
    for _ in range(3 * 24 * 12):  # the reconciler runs every five minutes
        world.clock.advance(300)
        judge_due_runs(world.services)
        world.work()
    assert 3 <= len(states) <= 5


def test_a_file_that_is_read_for_hours_causes_few_judgements(world, novaseq, monkeypatch):
    world.drop_all({name: body for name, body in novaseq.items() if not name.startswith("Analysis")})
    unread = next(event for event in world.queues.waiting if event.body["version"].key.endswith("Logs/run.log"))
    world.queues.waiting.remove(unread)
    states = judgements(monkeypatch)
    for _ in range(10 * 60):
        world.clock.advance(60)
        judge_due_runs(world.services)
        world.work()
    assert world.run().state == "COPYING"
    assert len(states) < 50
    unread.at = world.clock.seconds
    world.queues.waiting.append(unread)
    for _ in range(4 * 60):
        world.clock.advance(60)
        judge_due_runs(world.services)
        world.work()
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})


def test_the_descriptions_of_a_run_are_copied_once(world, novaseq):
    start(world, novaseq)
    for _ in range(3):
        advance_run(world.services, world.run().id)
    versions = world.account.s3.buckets["results"].keys
    assert {len(versions[f"runs/runs/{NAME}/{name}"]) for name in ("RunInfo.xml", "SampleSheet.csv")} == {1}


def test_a_waiting_file_is_checked_once_a_day(world, novaseq):
    start(world, novaseq)
    waiting = list(world.ledger.in_state(UPLOAD, "VALIDATED"))
    assert waiting
    assert list(leave_out_waiting(world.services, waiting)) == []
    world.clock.advance(86400 + 1)
    assert list(leave_out_waiting(world.services, waiting)) == waiting


def test_a_grace_time_that_ends_during_the_listing_does_not_count(world, novaseq, monkeypatch):
    world.drop_all({name: body for name, body in novaseq.items() if not name.startswith("Analysis")})
    world.work()
    run, read = world.run(), survey_module._read_entries

    def read_slowly(*args):
        world.clock.advance(3600)
        return read(*args)

    monkeypatch.setattr(survey_module, "_read_entries", read_slowly)
    assert judge_survey(take_survey(world.services, run)).ready == ()
    assert judge_survey(take_survey(world.services, run)).ready == ("",)


def test_two_invocations_that_report_at_the_same_moment_lose_no_part(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    run = world.run()
    key, s3 = f"runs/runs/{NAME}/run.json", world.services.s3
    survey, original = take_survey(world.services, run), s3.get_object

    def read_before_another_writes(**request):
        response = original(**request)
        s3.get_object = original
        document = json.loads(world.account.s3.read("results", key))
        document["parts"].append({**document["parts"][-1], "folder": "Analysis/2"})
        world.account.s3.put("results", key, json.dumps(document).encode())
        return response

    s3.get_object = read_before_another_writes
    try:
        write_state(survey, run)
    finally:
        s3.get_object = original
    assert [part["folder"] for part in world.report()["parts"]] == ["", "Analysis/1", "Analysis/2"]


def test_a_listing_older_than_the_record_reports_nothing(world, novaseq, monkeypatch):
    """An invocation crashes while it opens a run. Two repeat it, and one lists the files when they have advanced."""
    world.drop_all(novaseq)
    world.work()
    run, take = world.run(), run_module.take_survey
    world.clock.advance(1800)
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "compare_lists", crash)
        with pytest.raises(RuntimeError):
            advance_run(world.services, run.id)
    assert world.run().opening

    def take_late(services, record):
        monkeypatch.setattr(run_module, "take_survey", take)
        advance_run(services, record.id)
        world.work()
        return take(services, record)

    monkeypatch.setattr(run_module, "take_survey", take_late)
    advance_run(world.services, run.id)
    world.wait(60)
    parts = {part["folder"]: part["files"] for part in world.report()["parts"]}
    assert parts[""] == sum(not name.startswith("Analysis/") for name in novaseq)
    assert (world.run().state, len(world.mails)) == ("ARCHIVED", 1)


def crash(*_: object) -> None:
    raise RuntimeError


def test_a_part_that_begins_after_the_last_listing_is_not_forgotten(world, novaseq, monkeypatch):
    world.drop_all({name: body for name, body in novaseq.items() if not name.startswith("Analysis")})
    world.wait(60)
    first = world.drop("Analysis/1/first.bin", b"1")
    world.wait(20)
    assert world.run().state == "COPYING"
    world.account.s3.delete("landing", first.key, first.version_id)
    take = run_module.take_survey

    def take_early(services, record):
        monkeypatch.setattr(run_module, "take_survey", take)
        survey = take(services, record)
        world.drop("Analysis/2/second.bin", b"2")
        world.work()
        return survey

    monkeypatch.setattr(run_module, "take_survey", take_early)
    advance_run(world.services, world.run().id)
    world.wait(60)
    assert (world.run().state, world.upload("Analysis/2/second.bin").state) == ("COPYING", "VALIDATED")
