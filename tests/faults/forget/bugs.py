"""Deliberate bugs of the deletion on request. The schedules must find them."""

from __future__ import annotations

from seqdrop.stages.forget import forget, request
from seqdrop.stages.reconcile import manifests

from tests.faults import operators
from tests.faults.planting import Bug, make_registry, skip_check

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("a copy is deleted as soon as a person asks", quick=True)
def _at_once():
    def ask(services, upload, wish) -> bool:
        done = original(services, upload, wish)
        services.send(services.settings.forget_queue, {"upload": upload.id})
        return done

    original = request.ask
    return [(request, "ask", ask), (forget, "_is_due", lambda upload: upload.state == "FORGETTING")]


@_bug("a copy is deleted although the request was taken back", quick=True)
def _withdrawn():
    return [(forget, "_is_due", lambda upload: upload.state in ("FORGETTING", "ARCHIVED"))]


@_bug("that the deletion begins is not recorded, and a request can be taken back meanwhile")
def _not_begun():
    return [(forget, "_begin", lambda services, member: member)]


@_bug("a request is taken back although the deletion has begun")
def _taken_back_late():
    return [(request, "explain_no_cancel", lambda upload: "" if upload.state == "FORGETTING" else "it is not")]


@_bug("a cancellation reports success, and does nothing", quick=True)
def _not_cancelled():
    return [(request, "cancel", lambda services, upload: True)]


@_bug("a bundle is deleted when one of its files is to be forgotten", quick=True)
def _whole_bundle():
    return [(forget, "_count_files", lambda services, copy: 0)]


@_bug("a copy is deleted without its version id", quick=True)
def _no_version():
    def delete(services, members) -> None:
        for member in members:
            services.s3.delete_object(Bucket=member.copy["bucket"], Key=member.copy["key"])
            forget._complete(services, member)

    return [(forget, "_delete", delete)]


@_bug("results are deleted without a person's wish", quick=True)
def _results_too():
    def complete(services, member) -> None:
        forget.delete_results(services, member.upload)
        original(services, member)

    original = forget._complete
    return [(forget, "_complete", complete)]


@_bug("a deletion that S3 refuses counts as done", quick=True)
def _refusal_ignored():
    def give_up(services, uploads, why) -> None:
        for upload in uploads:
            member = forget._read_member(services, upload)
            forget._complete(services, member)

    return [(forget, "_give_up", give_up)]


@_bug("the lab is not notified of a request", quick=True)
def _no_mail():
    return [(operators.request, "mail_request", lambda services, uploads, wish: None)]


@_bug("a receipt that is to be forgotten is in no manifest")
def _not_listed():
    return [(manifests, "_asked_since", lambda services, after: iter(()))]


_bug("the reconciler does not look for deletions that are due", quick=True)(skip_check("forgetting"))
_bug("the lab is not notified of deletions that are done", quick=True)(skip_check("forgotten"))


def _late_tombstone():
    def complete(services, member) -> None:
        services.ledger.move(member.upload, "FORGOTTEN")
        forget.write_tombstone(services, member.upload, member.receipt, member.receipt_sha256, [])

    return [(forget, "_complete", complete)]


# One crash between two calls shows it; seeded schedules seldom have it there.
LATE_TOMBSTONE = Bug("an upload moves to FORGOTTEN before its tombstone is written", _late_tombstone)
