"""CPU time of `seqdrop --help` and `seqdrop status`, compared with an earlier commit.

    .venv/bin/python benchmarks/command_line.py COMMIT [--rounds 5]

The commit is checked out to a temporary folder. Both sides run alternately with this Python. Each row shows the median
of user plus system time over the rounds for both sides, and the ratio of this checkout to the commit. `status` calls
the embedded AWS that `make demo KEEP=1` left running in this checkout; without it, `status` is skipped.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[1]
PROGRAM = "import sys; from seqdrop_cli.main import main; sys.exit(main(sys.argv[1:]))"
COMMANDS = (("--help",), ("status", "--help"), ("status",))


@contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """Yield a temporary folder with the files of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], cwd=CHECKOUT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=CHECKOUT, check=True)


def cpu_seconds(tree: Path, words: tuple[str, ...]) -> float:
    """Return the user plus system time, in seconds, of a command that runs with the code of a checkout."""
    environment = os.environ | {"PYTHONPATH": f"{tree / 'cli'}:{tree / 'layers/seqdrop'}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", PROGRAM, *words]
    subprocess.run(command, cwd=CHECKOUT, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(trees: tuple[Path, Path], words: tuple[str, ...], rounds: int) -> tuple[float, float]:
    """Return the median seconds of each side. The first run of each is ignored, because it writes compiled Python."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for tree, seconds in zip(trees, times, strict=True):
            seconds.append(cpu_seconds(tree, words))
    return median(times[0][1:]), median(times[1][1:])


def main() -> None:
    """Print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side that count (default: %(default)s)")
    options = parser.parse_args()
    has_stack = (CHECKOUT / ".seqdrop/stack.json").is_file()
    print(f"{'command':<24} {options.commit[:12]:>14} {'this checkout':>14} {'ratio':>7}")
    with worktree(options.commit) as tree:
        for words in COMMANDS:
            if words == ("status",) and not has_stack:
                print("seqdrop status           left out: `make demo KEEP=1` starts the embedded AWS that it needs")
                continue
            earlier, now = measure((tree, CHECKOUT), words, options.rounds)
            print(f"{' '.join(('seqdrop', *words)):<24} {earlier:>12.3f} s {now:>12.3f} s {now / earlier:>7.2f}")


if __name__ == "__main__":
    main()
