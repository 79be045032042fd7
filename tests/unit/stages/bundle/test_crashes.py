"""A crash between any two calls while bundles are planned and made loses nothing and packs nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from seqdrop.runs import bundle_layout

from tests.unit.stages.bundle.world import MARKERS, BundleWorld, small_files
from tests.unit.stages.runs.test_crashes import CALLED, CrashError, Crashing

if TYPE_CHECKING:
    from tests.unit.stages.runs.world import Message

PART = 8192
COUNT = 24


class CrashWorld(BundleWorld):
    """A world that crashes once, at a moment of the work on bundles. After a crash the message comes again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moment: int):
        super().__init__(monkeypatch)
        self.moment, self.moments, self.is_bundling = moment, 0, False
        self.account.s3.least_part = PART
        for name in CALLED:
            object.__setattr__(self.services, name, Crashing(getattr(self.services, name), self))

    def count(self, after: int) -> None:
        if not self.is_bundling:
            return
        self.moments += 1
        if self.moments == self.moment:
            raise CrashError

    def handle(self, message: Message) -> None:
        self.is_bundling = message.queue == "bundle_queue"
        try:
            super().handle(message)
        except CrashError:
            message.at = self.clock.seconds + 30
            self.queues.waiting.append(message)
        finally:
            self.is_bundling = False


def check(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], moment: int) -> bool:
    """Play with a crash at this moment; return False if there was no such moment."""
    with monkeypatch.context() as patch:
        patch.setattr(bundle_layout, "PART", PART)
        world = CrashWorld(patch, moment)
        world.drop_all(files)
        world.wait(50)
        world.is_bundling = False
        world.check_archived(files)
    assert world.states() == {"ARCHIVED"}, moment
    assert len(world.tars) == len(world.copies) == 1, moment  # one bundle, and no file beside it
    assert not world.account.s3.unfinished, moment
    assert len(world.report()["bundles"]) == 1, moment
    assert not world.ledger.run_bundles(world.run().id).plans, moment
    return world.moments >= moment


@pytest.fixture(scope="module")
def files(novaseq) -> dict[str, bytes]:
    return small_files(COUNT) | {name: novaseq[name] for name in MARKERS}


def test_a_crash_at_some_moments(monkeypatch, files):
    assert not check(monkeypatch, files, 10_000)
    for moment in range(7, 190, 45):
        check(monkeypatch, files, moment)


@pytest.mark.long
def test_a_crash_at_every_moment(monkeypatch, files):
    moment = 1
    while check(monkeypatch, files, moment):
        moment += 1
    assert moment > 150
