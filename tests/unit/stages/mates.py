"""What tests of pairs share: FASTQ of mates, and validations that take turns at every step in the ledger."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def fastq(mate: int, names: range | list[int] = range(3), silent: bool = False) -> bytes:
    """Reads of a mate. `silent` names do not say which."""
    comment = "" if silent else f" {mate}:N:0:ACGT"
    bases = "ACGT"[mate] * 30 + "ACGT" * 12
    return "".join(f"@read{n}{comment}\n{bases}\n+\n{'I' * len(bases)}\n" for n in names).encode()


class Turns:
    """Runs jobs as threads of which one moves at a time; `choose` says who goes on at each step."""

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
            alive = [one for one in alive if one not in self._ended]

    def _work(self, number: int) -> None:
        self._mine.number = number
        self._go[number].acquire()
        try:
            self._jobs[number]()
        except BaseException as error:
            self.errors[number] = error
        self._ended.add(number)
        self._back.release()

    def pause(self) -> None:
        """Let another go on. Does nothing outside a job."""
        number = getattr(self._mine, "number", None)
        if number is not None:
            self._back.release()
            self._go[number].acquire()


PAUSES = {"find_upload", "require_upload", "file_set", "move", "move_together"}


class PausingLedger:
    """A ledger that lets others go on before each of its calls."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.turns: Turns | None = None

    def __getattr__(self, name: str):
        found = getattr(self._ledger, name)

        def call(*args, **kwargs):
            if self.turns and name in PAUSES:
                self.turns.pause()
            return found(*args, **kwargs)

        return call


class Explorer:
    """Orders in which jobs can take turns: each `next` prepares another, `choose` then says who goes on.

    All orders in which a job is interrupted by another at most `most` times. Mistakes show with one or two.
    """

    def __init__(self, most: int):
        self._most = most
        self._path: list[list] = []  # [who may go on at this step, which of them does]
        self._begun = False

    def next(self) -> bool:
        """Go to the next order; False after the last."""
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
        goes_on = [self._last] if self._last in alive else []
        if self._at == len(self._path):
            others = [one for one in alive if one not in goes_on]
            self._path.append([goes_on + (others if not goes_on or self._interrupted < self._most else []), 0])
        able, taken = self._path[self._at]
        self._interrupted += bool(goes_on) and able[taken] != self._last
        self._at, self._last = self._at + 1, able[taken]
        return self._last
