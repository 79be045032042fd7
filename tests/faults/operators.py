"""A person's commands, `seqdrop replay` and `seqdrop release`: they run beside the functions, and die like them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.runtime.services import Services, services
from seqdrop.stages.operator import release as releases
from seqdrop.stages.operator import replay as replays

from tests.faults.lambdas import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable

REPLAY, REPLAY_AGAIN, RELEASE = ("replay", "replay --again", "release")
LATE = "replay after days"  # when work items have expired
COMMANDS = (REPLAY, REPLAY_AGAIN, RELEASE, LATE)


@dataclass(frozen=True)
class Outcome:
    """What became of one upload: whether it was `done` (else refused, or too late), and for which attempt."""

    done: bool
    number: int = 0


class Command(Invocation):
    """One command about some uploads. `outcomes` are by upload id; a command that broke off lacks some."""

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
        """Ids of uploads of which it did not say what became: it was killed, or S3 or the ledger failed."""
        return tuple(upload_id for upload_id in self.upload_ids if upload_id not in self.outcomes)


def _replay(made: Services, upload_id: str, again: bool = False) -> Outcome:
    found = replays.plan_replay(made, made.ledger.find_upload(upload_id), again)
    return Outcome(not found.refused and replays.replay(made, found), found.number)


def _release(made: Services, upload_id: str) -> Outcome:
    upload = made.ledger.find_upload(upload_id)
    return Outcome(not releases.explain_refusal(made, upload) and releases.release(made, upload))


DO: dict[str, Callable[[Services, str], Outcome]] = {
    REPLAY: _replay,
    REPLAY_AGAIN: lambda made, upload_id: _replay(made, upload_id, again=True),
    RELEASE: _release,
}
