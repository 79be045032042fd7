"""Deliberate bugs of restores. The schedules must find them."""

from __future__ import annotations

from dataclasses import replace

from seqdrop.stages.restore import asking, copies, copying, waiting

from tests.faults.planting import Bug, make_registry, skip_check

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("the multipart uploads of copies are not recorded before they are completed", quick=True)
def _not_recorded():
    def copy_files(services, request, plan) -> None:
        part = copying._select(copies.list_copies(services, request, plan), request.copied)
        if part:
            request = replace(request, pending=[copies.begin(services, copy) for copy in part])
            copying._complete_all(services, request, plan, part)
            services.ledger.note(replace(request, pending=[]), copied=request.copied + len(part))
            services.send(services.settings.restore_queue, {"restore": request.id})
        else:
            original(services, request, plan)

    from seqdrop.stages.restore import restore

    original = copying.copy_files
    return [(restore, "copy_files", copy_files)]


@_bug("a copy is processed without the record that the archive has its file", quick=True)
def _not_claimed():
    return [(copying, "claim", lambda services, copy: None)]


@_bug("an event is believed without a look at S3", quick=True)
def _event_believed():
    def refresh(services, item) -> tuple[str, str]:
        waiting.mark_restored(services, item, "2027-01-01T00:00:00.000Z")
        return waiting.BACK, "2027-01-01T00:00:00.000Z"

    return [(waiting, "refresh", refresh)]


@_bug("an object is asked for before its record is written, and its event is not found", quick=True)
def _asked_first():
    def is_asked(services, request, item) -> bool:
        status = asking.read_status(services, item)
        return not item.needs_restore or status.is_ongoing or bool(status.until)

    return [(asking, "is_asked", is_asked)]


@_bug("what expired is not asked for again", quick=True)
def _not_asked_again():
    return [(module, "ask_again", lambda services, request, index: None) for module in (waiting, copying)]


@_bug("a throttled restore counts as asked for", quick=True)
def _throttle_ignored():
    original = asking.start_restore

    def start_restore(services, request, item) -> None:
        try:
            original(services, request, item)
        except asking.BusyError:
            waiting.mark_failed(services, item, "busy")

    return [(asking, "start_restore", start_restore)]


_bug("the reconciler does not look at restores", quick=True)(skip_check("restores"))
