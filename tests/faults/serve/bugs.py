"""Deliberate bugs of endpoints. The schedules must find them."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

from seqdrop.ledger.table import Ledger
from seqdrop.stages.serve import idle, mails, removal, rollout, serve, stack_events

from tests.faults.planting import Bug, make_registry, write_unconditionally

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("a mail is removed from the record after it was sent")
def _sent_first():
    def send_stored(services, record):
        if not record.mail_subject:
            return record
        services.notify(record.mail_subject, record.mail_text)
        services.ledger.save(replace(record, mail_subject="", mail_text=""))
        return services.ledger.endpoint(record.name)

    return [(module, "send_stored", send_stored) for module in (rollout, serve, removal, idle)]


@_bug("a mail that SNS did not accept is lost", quick=True)
def _not_given_back():
    return [(mails, "NOT_SENT", ())]


@_bug("a rollback is not mailed", quick=True)
def _no_mail():
    def forget_mail(services, record):
        if record.mail_subject:
            services.ledger.save(replace(record, mail_subject="", mail_text=""))
        return services.ledger.endpoint(record.name)

    return [(rollout, "send_stored", forget_mail), (serve, "send_stored", forget_mail)]


@_bug("an update that was undone is tried again", quick=True)
def _tried_again():
    return [(rollout, "_is_undone", lambda *_: False)]


@_bug("scaling is taken for a rollback")
def _scaling_is_rollback():
    def is_undone(plan, state, record) -> bool:
        return record.attempted == plan.configuration and record.modified != state.modified

    return [(rollout, "_is_undone", is_undone)]


@_bug("a failed creation leaves its alarms and its configuration", quick=True)
def _failure_leaves():
    def give_up(services, plan, state, record) -> None:
        with mock.patch.multiple(rollout, remove_alarms_and_scaling=mock.DEFAULT, delete_configurations=mock.DEFAULT):
            original(services, plan, state, record)

    original = rollout._give_up
    return [(rollout, "_give_up", give_up)]


@_bug("the earlier configuration stays", quick=True)
def _configurations_stay():
    return [(rollout, "delete_configurations", lambda *_, **__: None)]


@_bug("the earlier configuration is deleted after the record was written")
def _late_deletion():
    late = []

    def delete_configurations(sagemaker, endpoint, keep=()) -> None:
        if keep:
            late.append((sagemaker, endpoint, keep))
        else:
            deletion(sagemaker, endpoint)

    def save(services, record):
        saved = original(services, record)
        while late:
            deletion(*late.pop())
        return saved

    original, deletion = rollout.save, rollout.delete_configurations
    return [(rollout, "delete_configurations", delete_configurations), (rollout, "save", save)]


@_bug("an endpoint whose next model was refused does not scale", quick=True)
def _no_scaling():
    original = rollout.advance

    def advance(services, plan, state, record) -> None:
        if state and record.refused == plan.configuration != state.configuration and state.status == "InService":
            return
        original(services, plan, state, record)

    return [(serve, "advance", advance)]


@_bug("the end of an endpoint makes it again while its stack goes", quick=True)
def _comes_back():
    def switch(services, at, *, off) -> bool:
        return True

    return [(stack_events, "switch", switch)]


@_bug("a deletion does not wait for invocations that create something")
def _no_wait():
    return [(removal, "is_busy", lambda record: False)]


@_bug("a late request of CloudFormation is obeyed")
def _late_request():
    original = removal.switch

    def switch(services, at, *, off) -> bool:
        return original(services, "9999", off=off)

    return [(stack_events, "switch", switch)]


@_bug("a deletion ends although endpoints are left", quick=True)
def _ends_early():
    original = stack_events.remove_all

    def remove_all(services) -> list[str]:
        original(services)
        return []

    return [(stack_events, "remove_all", remove_all)]


@_bug("scaling stays when an endpoint is removed", quick=True)
def _scaling_stays():
    return [(removal, "remove_alarms_and_scaling", lambda *_: None)]


@_bug("records are written without their condition")
def _no_condition():
    return [(Ledger, "_put_shared", write_unconditionally(Ledger._put_shared))]


@_bug("a promotion does not reach endpoints that exist", quick=True)
def _no_update():
    return [(rollout, "_update", lambda *_: None)]


@_bug("a failed endpoint stays", quick=True)
def _failed_stays():
    return [(rollout, "delete_endpoint", lambda *_: None)]


@_bug("an idle endpoint stays", quick=True)
def _idle_stays():
    return [(serve, "stop_idle", lambda *_: False)]
