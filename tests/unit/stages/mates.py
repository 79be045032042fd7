"""FASTQ files of mates, and jobs that take turns at every call to the ledger, for tests of pairs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.faults.lambdas import Catch

if TYPE_CHECKING:
    from collections.abc import Callable


def fastq(mate: int, names: range | list[int] = range(3), silent: bool = False) -> bytes:
    """Return reads of a mate. With `silent`, their names do not say which mate it is."""
    comment = "" if silent else f" {mate}:N:0:ACGT"
    bases = "ACGT"[mate] * 30 + "ACGT" * 12
    return "".join(f"@read{n}{comment}\n{bases}\n+\n{'I' * len(bases)}\n" for n in names).encode()


class Turns:
    """Runs jobs as threads, one at a time. At each step, `choose` returns the number of the job that continues."""

    def __init__(self, jobs: list[Callable[[], None]], choose: Callable[[list[int]], int]):
        self._jobs, self._choose = jobs, choose
        self._mine = threading.local()
        self._back = threading.Semaphore(0)
        self._go = [threading.Semaphore(0) for _ in jobs]
        self.errors: dict[int, BaseException] = {}

    def run(self) -> None:
        alive = list(range(len(self._jobs)))
        threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in alive]
        self._ended: set[int] = set()
        for thread in threads:
            thread.start()
        while alive:
            number = self._choose(alive)
            self._go[number].release()
            assert self._back.acquire(timeout=60)
            alive = [number for number in alive if number not in self._ended]

    def _work(self, number: int) -> None:
        self._mine.number = number
        self._go[number].acquire()
        with Catch() as caught:
            self._jobs[number]()
        if caught.error:
            self.errors[number] = caught.error
        self._ended.add(number)
        self._back.release()

    def pause(self) -> None:
        """Let another job continue. Do nothing outside a job."""
        number = getattr(self._mine, "number", None)
        if number is not None:
            self._back.release()
            self._go[number].acquire()


PAUSES = {"find_upload", "require_upload", "file_set", "move", "move_together"}


class PausingLedger:
    """A ledger that lets other jobs continue before each of its calls."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.turns: Turns | None = None

    def __getattr__(self, name: str):
        attribute = getattr(self._ledger, name)

        def call(*args, **kwargs):
            if self.turns and name in PAUSES:
                self.turns.pause()
            return attribute(*args, **kwargs)

        return call


class Explorer:
    """Enumerates all orders in which jobs take turns, with at most `most` interruptions of a job by another.

    Each call of `next` prepares another order, and `choose` then returns the job that continues. One or two
    interruptions are enough to show a mistake.
    """

    def __init__(self, most: int):
        self._most = most
        self._path: list[list] = []  # [the jobs that may continue at this step, the index of the one that does]
        self._begun = False

    def next(self) -> bool:
        """Go to the next order; return False after the last."""
        self._at, self._last, self._interrupted = 0, None, 0
        if not self._begun:
            self._begun = True
            return True
        while self._path:
            self._path[-1][1] += 1
            if self._path[-1][1] < len(self._path[-1][0]):
                return True
            self._path.pop()
        return False

    def choose(self, alive: list[int]) -> int:
        continues = [self._last] if self._last in alive else []
        if self._at == len(self._path):
            others = [number for number in alive if number not in continues]
            self._path.append([continues + (others if not continues or self._interrupted < self._most else []), 0])
        able, taken = self._path[self._at]
        self._interrupted += bool(continues) and able[taken] != self._last
        self._at, self._last = self._at + 1, able[taken]
        return self._last
