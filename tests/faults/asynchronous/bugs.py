"""Deliberate bugs of asynchronous jobs. The schedules must find them."""

from __future__ import annotations

from datetime import timedelta

from seqdrop.stages import async_progress, transform_way
from seqdrop.stages.finish import asynchronous as ending
from seqdrop.stages.start_transform import asynchronous as starting

from tests.faults.planting import Bug, make_registry, skip_check

BUGS: list[Bug] = []
_bug = make_registry(BUGS)
NEVER = timedelta(days=9999)


@_bug("predictions count although the endpoint got another model", quick=True)
def _model_not_compared():
    return [(async_progress, "_has_changed", lambda *_: False)]


@_bug("a message that reports a result is believed", quick=True)
def _believed():
    def find_progress(services, job, attempt, unserved=()):
        numbers = range(len(async_progress.Order.of(job).invocations))
        outputs = [async_progress.keys.async_output(job.name, number) for number in numbers]
        return async_progress.Progress("FAILED" if unserved else "DONE", outputs, "it failed")

    return [(ending, "find_progress", find_progress)]


@_bug("a deleted endpoint is waited for", quick=True)
def _waited_for():
    return [(async_progress, "is_lost", lambda *_: False), (async_progress, "LIMIT", NEVER)]


@_bug("a request that expired is waited for")
def _expiry_ignored():
    original = async_progress.find_progress
    ignore = lambda services, job, attempt, unserved=(): original(services, job, attempt)  # noqa: E731
    return [(ending, "find_progress", ignore), (async_progress, "LIMIT", NEVER)]


@_bug("what the endpoint could not predict is sent to it again", quick=True)
def _sent_again():
    return [(starting, "takes_transform", lambda attempt: False)]


@_bug("an attempt that the endpoint did not predict has failed for good", quick=True)
def _no_next_attempt():
    def return_to_transform(services, job, attempt, reason) -> None:
        services.ledger.move(attempt, "FAILED", reason=reason)
        transform_way.close_job(services, job.name, "FAILED", reason=reason)

    return [(module, "return_to_transform", return_to_transform) for module in (starting, ending)]


@_bug("a job whose member was resolved before a crash stays open")
def _left_open():
    original = ending.finish_async

    def finish_async(services, job, unserved=()) -> None:
        if services.ledger.require_attempt(job.members[0]).state == "SUBMITTED":
            original(services, job, unserved)

    return [(ending, "finish_async", finish_async)]


@_bug("the reconciler does not look at the outputs of asynchronous jobs", quick=True)
def _not_looked_at():
    # The reconciler imports it when it has such a job; finish has its own name for it.
    return [(async_progress, "find_progress", lambda *_: async_progress.Progress(None, []))]


_bug("the reconciler does not start asynchronous jobs that a crash left")(skip_check("unstarted_jobs"))
