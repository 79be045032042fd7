"""What tests of pairs share: FASTQ of mates, and validations that take turns at every step in the ledger."""

from __future__ import annotations

import threading
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


class PausingLedger:
    """A ledger that lets others go on before each of its calls."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.turns: Turns | None = None

    def __getattr__(self, name: str):
        found = getattr(self._ledger, name)

        def call(*args, **kwargs):
            if self.turns and name in ("upload", "pair", "move", "move_together"):
                self.turns.pause()
            return found(*args, **kwargs)

        return call


class Explorer:
    """Every order in which jobs can take turns, one after another: `choose` for a run, then `next`."""

    def __init__(self):
        self._path: list[list[int]] = []  # [taken, of how many] at each step
        self._at = 0

    def choose(self, alive: list[int]) -> int:
        if self._at == len(self._path):
            self._path.append([0, len(alive)])
        taken = self._path[self._at][0]
        self._at += 1
        return alive[taken]

    def next(self) -> bool:
        """Go to the next order; False after the last."""
        self._at = 0
        while self._path:
            self._path[-1][0] += 1
            if self._path[-1][0] < self._path[-1][1]:
                return True
            self._path.pop()
        return False
