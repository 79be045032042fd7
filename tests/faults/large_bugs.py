"""Deliberate bugs in the start and the end of the jobs that examine large files."""

from __future__ import annotations

from seqdrop.errors import JobRefusedError
from seqdrop.sagemaker import client
from seqdrop.stages.finish import examination
from seqdrop.stages.start_processing import start_processing, tries

from tests.faults.planting import Bug, make_registry, skip_check

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("a late message starts another job for a file that was examined", quick=True)
def _examined_again():
    return [(start_processing, "load", lambda *_: None), (tries, "is_last", lambda job: False)]


@_bug("each message starts a job with a number of its own")
def _numbered_anew():
    def find_last_job(ledger, upload):
        job = original(ledger, upload)
        return job if job and job.state in ("DONE", "STOPPED") else None

    original = start_processing.find_last_job
    return [
        (start_processing, "find_last_job", find_last_job),
        (start_processing, "next_number", lambda upload, last: len(upload.timeline) + upload.revision),
    ]


@_bug("a job that exists already counts as refused")
def _in_use_is_refused():
    def adopt(sagemaker, task, request) -> bool:
        raise JobRefusedError("there is a job of this name")

    return [(client, "adopt", adopt)]


@_bug("a job that failed is final at its first try", quick=True)
def _one_try():
    return [(tries, "is_final", lambda job, state: True), (examination, "is_final", lambda job, state: True)]


@_bug("the lab is not notified of a file that no job could examine")
def _no_mail():
    silence = lambda *_: None  # noqa: E731 - one replacement for both
    return [(examination, "mail_unexamined", silence), (start_processing, "mail_unexamined", silence)]


@_bug("the end of a job sends no message to validate")
def _end_unreported():
    def finish_examination(services, job) -> None:
        class Mute:
            def __getattr__(self, name):
                return getattr(services, name)

            def send(self, queue, body) -> None:
                pass

        original(Mute(), job)

    original = examination.finish_examination
    from seqdrop.stages.finish import finish

    return [(finish, "finish_examination", finish_examination)]


for _name in ("received", "unstarted_jobs", "started_jobs"):
    _bug(f"the reconciler does not check {_name}")(skip_check(_name))
