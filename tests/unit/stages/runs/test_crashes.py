"""A crash at any call while a run is judged loses nothing and repeats nothing."""

import pytest

from tests.unit.stages.runs.test_run import ANALYSIS
from tests.unit.stages.runs.world import Message, RunWorld

CALLED = ("s3", "ledger", "sqs", "sns")
KEPT = (
    "RunInfo.xml",
    "RTAComplete.txt",
    "RunCompletionStatus.xml",
    "CopyComplete.txt",
    "SampleSheet.csv",
    "Logs/run.log",
)


class CrashError(BaseException):
    """A crash, which no code of a function can catch."""


class Crashing:
    """A proxy of `target` that crashes before or after one call, when the world says so."""

    def __init__(self, target, world: "CrashWorld"):
        self._target, self._world = target, world

    def __getattr__(self, name: str):
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        def call(*args, **kwargs):
            self._world.count(0)
            result = attribute(*args, **kwargs)
            self._world.count(1)
            return result

        return call


class CrashWorld(RunWorld):
    """A world that crashes once, at a moment of the judgements of its runs. After a crash the message comes again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moment: int):
        super().__init__(monkeypatch)
        self.moment, self.moments, self.is_judging = moment, 0, False
        for name in CALLED:
            object.__setattr__(self.services, name, Crashing(getattr(self.services, name), self))

    def count(self, after: int) -> None:
        if not self.is_judging:
            return
        self.moments += 1
        if self.moments == self.moment:
            raise CrashError

    def handle(self, message: Message) -> None:
        self.is_judging = "run" in message.body
        try:
            super().handle(message)
        except CrashError:
            message.at = self.clock.seconds + 30
            self.queues.waiting.append(message)
        finally:
            self.is_judging = False


def play(monkeypatch, files: dict[str, bytes], moment: int) -> CrashWorld:
    """Drop a small run, and its analysis ten days later; crash at this moment."""
    world = CrashWorld(monkeypatch, moment)
    world.drop_all({name: files[name] for name in KEPT})
    world.wait(45)
    world.clock.advance(10 * 86400)
    world.drop_all({name: body for name, body in files.items() if name.startswith(ANALYSIS)})
    world.wait(45)
    return world


@pytest.fixture(scope="module")
def small(novaseq) -> dict[str, bytes]:
    """A run with two files of an analysis and the list of their checksums."""
    kept = ("Data/Logs/Warnings.log", "Data/Secondary_Analysis_Complete.txt", "Data/BCLConvert/SampleSheet.csv")
    lines = [line for line in novaseq[ANALYSIS + "Manifest.tsv"].splitlines() if line.decode().startswith(kept)]
    names = [*KEPT, *(ANALYSIS + name for name in (*kept, "CopyComplete.txt"))]
    return {name: novaseq[name] for name in names} | {ANALYSIS + "Manifest.tsv": b"\n".join(lines)}


def check(monkeypatch, files: dict[str, bytes], moment: int) -> bool:
    """Play with a crash at this moment; return False if there was no such moment."""
    with monkeypatch.context() as patch:
        world = play(patch, files, moment)
    assert world.states() == {"ARCHIVED"}, moment
    assert (world.run().state, world.run().number) == ("ARCHIVED", 2), moment
    parts = world.report()["parts"]
    assert [(part["folder"], part["files"]) for part in parts] == [("", len(KEPT)), ("Analysis/1", 5)], moment
    assert 2 <= len(world.mails) <= 3, (moment, world.mails)  # a crash may repeat a mail
    receipts = [world.receipt(name) for name in files if name.startswith(ANALYSIS + "Data")]
    assert all("checksum_list" in receipt for receipt in receipts), moment
    return world.moments >= moment


def test_a_crash_at_some_moments(monkeypatch, small):
    assert not check(monkeypatch, small, 10_000)
    for moment in range(3, 150, 11):
        check(monkeypatch, small, moment)


@pytest.mark.long
def test_a_crash_at_every_moment(monkeypatch, small):
    moment = 1
    while check(monkeypatch, small, moment):
        moment += 1
    assert moment > 100
