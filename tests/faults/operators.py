"""A person's commands, such as `seqdrop replay`. They run beside the functions, and crash like them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seqdrop.runtime.services import Services, services
from seqdrop.stages.forget import request
from seqdrop.stages.operator import release as releases
from seqdrop.stages.operator import replay as replays
from seqdrop.stages.restore.requests import Wishes, make_plan, request_restore

from tests.faults.lambdas import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable

REPLAY, REPLAY_AGAIN, RELEASE = ("replay", "replay --again", "release")
FORGET, FORGET_RESULTS, CANCEL = FORGETS = ("forget", "forget --results", "forget --cancel")
RESTORE, RESTORE_RUN, RESTORE_TO = RESTORES = ("restore", "restore --run", "restore --to")
LATE = "replay after days"  # a replay after the work items have expired
REPAIRS = (REPLAY, REPLAY_AGAIN, RELEASE, LATE)
COMMANDS = (*REPAIRS, *RESTORES, *FORGETS)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command for one upload.

    `done` is False if the command was refused, or the upload changed in the meantime. `number` is that of the attempt.
    """

    done: bool
    number: int = 0


class Command(Invocation):
    """A command for some uploads. `outcomes` maps upload ids to outcomes; after a crash some are missing."""

    def __init__(self, act: str, upload_ids: tuple[str, ...]):
        super().__init__(act)
        self.upload_ids, self.outcomes = upload_ids, {}

    def _run(self) -> None:
        for upload_id in self.upload_ids:
            self.outcomes[upload_id] = DO[self.folder](services(), upload_id)

    def has_done(self, upload_id: str) -> bool:
        return upload_id in self.outcomes and self.outcomes[upload_id].done

    @property
    def unsure(self) -> tuple[str, ...]:
        """The ids of uploads without an outcome, because the command crashed, or S3 or the ledger failed."""
        return tuple(upload_id for upload_id in self.upload_ids if upload_id not in self.outcomes)


class RestoreCommand(Command):
    """A request for some uploads, for a day. The same command has the same id, also after a crash."""

    def __init__(self, act: str, upload_ids: tuple[str, ...]):
        super().__init__(act, upload_ids)
        self.id = f"r{hashlib.sha256(repr((act, upload_ids)).encode()).hexdigest()[:8]}"

    def _run(self) -> None:
        more = {RESTORE_RUN: {"run": "reads"}, RESTORE_TO: {"to": "kept"}}.get(self.folder, {})
        plan, missing = make_plan(services(), [services().ledger.find_upload(id_) for id_ in self.upload_ids])
        assert not missing, "an ARCHIVED upload has no receipt"
        request_restore(services(), plan, Wishes("some files", "Bulk", 1, **more), self.id)
        self.outcomes = {upload_id: Outcome(True) for upload_id in self.upload_ids}


def make_command(act: str, upload_ids: tuple[str, ...]) -> Command:
    """Return the command of an act for some uploads."""
    return RestoreCommand(act, upload_ids) if act in RESTORES else Command(act, upload_ids)


def _replay(services: Services, upload_id: str, again: bool = False) -> Outcome:
    plan = replays.plan_replay(services, services.ledger.find_upload(upload_id), again)
    return Outcome(not plan.refused and replays.replay(services, plan), plan.number)


def _release(services: Services, upload_id: str) -> Outcome:
    upload = services.ledger.find_upload(upload_id)
    return Outcome(not releases.explain_refusal(services, upload) and releases.release(services, upload))


def _forget(services: Services, upload_id: str, with_results: bool = False) -> Outcome:
    upload, wish = services.ledger.find_upload(upload_id), request.Request("end of project", with_results)
    if request.explain_refusal(upload):
        return Outcome(False)
    request.mail_request(services, [upload], wish)
    return Outcome(request.ask(services, upload, wish))


def _cancel(services: Services, upload_id: str) -> Outcome:
    upload = services.ledger.find_upload(upload_id)
    return Outcome(not request.explain_no_cancel(upload) and request.cancel(services, upload))


DO: dict[str, Callable[[Services, str], Outcome]] = {
    REPLAY: _replay,
    REPLAY_AGAIN: partial(_replay, again=True),
    RELEASE: _release,
    FORGET: _forget,
    FORGET_RESULTS: partial(_forget, with_results=True),
    CANCEL: _cancel,
}
