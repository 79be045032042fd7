"""Deliberate bugs of workflows. The schedules must find them."""

from __future__ import annotations

import random

from seqdrop.aws import omics
from seqdrop.ledger.records import apply_facts
from seqdrop.runtime.services import now
from seqdrop.stages.workflow import ending, outcomes, start

from tests.faults.planting import Bug, make_registry, skip_check

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("each try of a start has a token of its own", quick=True)
def _random_token():
    original = start._start_run

    def start_run(services, job, request):
        return original(services, job, {**request, "requestId": f"{job.name}-{random.random()}"})

    return [(start, "_start_run", start_run)]


@_bug("an event is believed, and the run is not asked for", quick=True)
def _believed():
    def describe_run(client, run_id):
        response = client.get_run(id=run_id)
        return omics.OmicsRun.of({**response, "status": "COMPLETED"})

    return [(ending, "describe_run", describe_run)]


@_bug("a file that was replaced while its run read it is not noticed", quick=True)
def _replaced():
    return [(start, "check_inputs", lambda *_: None), (ending, "check_inputs", lambda *_: None)]


@_bug("outputs of other bytes are used")
def _other_bytes():
    return [(ending, "find_read", lambda order, _run: {each["key"] for each in order.inputs})]


@_bug("starts do not wait for their turn", quick=True)
def _no_pace():
    def reserve(services, job, *, again=False):
        facts = {"due_at": now()}
        services.ledger.note(job, **facts)
        return apply_facts(job, facts)

    return [(start, "reserve", reserve)]


@_bug("a throttled start is given up", quick=True)
def _given_up():
    return [(start, "is_throttle", lambda _error: False), (start, "is_invalid", lambda _error: True)]


@_bug("the reconciler does not ask for runs that have ended", quick=True)
def _not_asked():
    return skip_check("started_jobs")()


@_bug("each mate gets a run of its own", quick=True)
def _mates_alone():
    original = start.find_group

    def find_group(services, attempt, analysis):
        group = original(services, attempt, analysis)
        return group if len(group.uploads) < 2 else type(group)(group.samples, {}, group.uploads[:1])

    return [(start, "find_group", find_group)]


@_bug("a run that the service lost is not tried again", quick=True)
def _not_again():
    return [(ending, "MAX_LOST", 0)]


@_bug("members that fail are not mailed", quick=True)
def _not_mailed():
    def fail_members(services, members, reason, job=""):
        for member in members:
            services.ledger.move(member, "FAILED", reason=reason)

    return [(module, "fail_members", fail_members) for module in (ending, outcomes, start)]


@_bug("the sample sheet is announced after its files are done", quick=True)
def _announced_late():
    from seqdrop.stages.workflow import launcher

    def hand_over(services, job, order):
        sheet = f"s3://{services.settings.results}/{order.sheet_key}"
        launcher.complete(services, job, order, launcher.describe_handover(sheet))
        launcher.emit(services.events, launcher.DETAIL_TYPE, {"id": job.name})

    return [(start, "hand_over", hand_over)]
