"""User CPU of validation with QC, all checks and duplicate names, beside isal alone and the peers that are installed.

    .venv/bin/python benchmarks/reads.py [--reads 1600000] [--rounds 3] [--only isal,seqdrop]

Makes seeded reads of 150 bp (Illumina names, four quality bins) and as many bases of long reads, as gzip -6, in a
folder of its own. Every side runs in a process of its own, one after the other, several rounds, and the best user
time counts, less the side's own time on a file of four reads. Single thread each. Peers are taken from PATH (seqtk,
seqkit, fastp, sequali); for dnaio a `python-peers` there that has it, or this Python if it has.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from seqdrop.reads import kernel

PYTHON = sys.executable
ISAL = "from isal import igzip\nwith igzip.open(path) as f:\n    while f.read(1 << 19): pass"
SEQDROP = (
    "from seqdrop.reads.check import Reading\n"
    "reading = Reading(open(path, 'rb', buffering=0), ['fastq'], name=path)\nreading.run()\nreading.report()"
)
NUMPY = "from seqdrop.reads import kernel\nkernel.lib = None\n" + SEQDROP
DNAIO = (
    "import dnaio\nfrom collections import Counter\nseen, lengths, bases = set(), Counter(), Counter()\n"
    "legal = b'ACGTUNRYSWKMBDHVacgtunryswkmbdhv'\nquality = bytes(range(33, 127)).decode()\n"
    "with dnaio.open(path, open_threads=0) as f:\n"
    "    for r in f:\n"
    "        s = r.sequence\n"
    "        assert not s.encode().translate(None, legal)\n"
    "        assert r.name and r.id not in seen\n"
    "        seen.add(r.id); lengths[len(s)] += 1\n"
    "        for b in 'ACGTN': bases[b] += s.count(b)\n"
    "        sum(r.qualities_as_bytes()) - 33 * len(s)\n"
)


def script(text: str):
    return lambda path: [PYTHON, "-c", f"path = {str(path)!r}\n{text}"]


def sides(folder: Path) -> dict:
    """The command of each side that is installed, by name."""
    found = {"isal": script(ISAL), "seqdrop numpy": script(NUMPY)}
    if kernel.lib:
        found["seqdrop kernel"] = script(SEQDROP)
    if shutil.which("seqtk"):
        found["seqtk fqchk"] = lambda path: ["seqtk", "fqchk", str(path)]
    if shutil.which("seqkit"):
        found["seqkit stats -a"] = lambda path: ["seqkit", "stats", "-a", "-j", "1", str(path)]
    if shutil.which("fastp"):
        out = ["-w", "1", "-A", "-G", "-Q", "-L", "-j", str(folder / "f.json"), "-h", str(folder / "f.html")]
        found["fastp"] = lambda path: ["fastp", *out, "-i", str(path)]
    if shutil.which("sequali"):
        found["sequali"] = lambda path: ["sequali", "-t", "1", "--outdir", str(folder), str(path)]
    if peers := shutil.which("python-peers") or importable(PYTHON):
        found["dnaio, same checks"] = lambda path: [peers, "-c", f"path = {str(path)!r}\n{DNAIO}"]
    return found


def importable(python: str) -> str | None:
    """The interpreter, if it has dnaio."""
    return None if subprocess.run([python, "-c", "import dnaio"], capture_output=True).returncode else python


def short_reads(path: Path, count: int, length: int = 150) -> None:
    """Reads of a random genome; qualities of four bins, 90 % the best, N where the worst."""
    source = np.random.default_rng(1)
    genome = np.frombuffer(b"ACGT", np.uint8)[source.integers(0, 4, 5_000_000)]
    with path.open("wb") as file:
        for first in range(0, count, 50_000):
            size = min(50_000, count - first)
            starts = source.integers(0, len(genome) - length, size)
            bases = np.lib.stride_tricks.sliding_window_view(genome, length)[starts].copy()
            chance = source.random((size, length))
            quality = np.select([chance < 0.0005, chance < 0.03, chance < 0.08], list(b"#,:"), ord("F")).astype(
                np.uint8
            )
            bases[chance < 0.0005] = ord("N")
            file.write(b"".join(map(_read, range(first, first + size), bases, quality)))


def _read(number: int, bases: np.ndarray, quality: np.ndarray) -> bytes:
    tile, x, y = 1101 + number // 20_000, 1000 + number % 31_000, 1000 + number // 31 % 30_000
    name = b"A00123:45:HXXXXDRXX:1:%d:%d:%d 1:N:0:ACGTACGT+TTGCAATG" % (tile, x, y)
    return b"@%b\n%b\n+\n%b\n" % (name, bases.tobytes(), quality.tobytes())


def long_reads(path: Path, bases: int) -> None:
    """Reads of 1 to 60 kb with qualities as nanopores give them."""
    source = np.random.default_rng(2)
    with path.open("wb") as file:
        number = 0
        while bases > 0:
            size = int(min(60_000, 1_000 + source.exponential(9_000)))
            sequence = np.frombuffer(b"ACGT", np.uint8)[source.integers(0, 4, size)]
            quality = (33 + np.clip(source.normal(18, 8, size), 1, 50)).astype(np.uint8)
            name = b"%08x-0000-4000-8000-0123456789ab runid=1 ch=%d" % (number, number % 512)
            file.write(b"@%b\n%b\n+\n%b\n" % (name, sequence.tobytes(), quality.tobytes()))
            bases, number = bases - size, number + 1


def measured(command: list[str]) -> tuple[float, int]:
    """(user seconds, peak memory in MB) of a command. Raises CalledProcessError."""
    timed = [shutil.which("time") or "/usr/bin/time", "-f", "%U %M", *command]
    done = subprocess.run(timed, capture_output=True, text=True)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    user, peak = re.search(r"([\d.]+) (\d+)\s*$", done.stderr).groups()
    return float(user), int(peak) // 1024


def compare(name: str, path: Path, four: Path, rounds: int, commands: dict) -> None:
    """Print each side's best time, less its own best time on four reads: their difference in one round is noise."""
    whole: dict[str, tuple[float, int]] = {}
    own: dict[str, float] = {}
    for _ in range(rounds):  # interleaved, so that what else the machine does strikes all alike
        for side, command in commands.items():
            try:
                whole[side] = min(whole.get(side, (1e9, 0)), measured(command(path)))
            except subprocess.CalledProcessError as error:
                print(f"{side}: {error.stderr.strip().splitlines()[-2:]}", file=sys.stderr)
                continue
            own[side] = min(own.get(side, 1e9), measured(command(four))[0])
    best = {side: (user - own[side], peak) for side, (user, peak) in whole.items()}
    base = best["isal"][0]
    print(f"\n{name}: {path.stat().st_size / 1e6:.0f} MB of {path.suffix}")
    for side, (user, peak) in sorted(best.items(), key=lambda item: item[1]):
        print(f"  {side:<18} {user:7.2f} s user   {user / base:6.2f} x isal   {peak:5d} MB peak")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--reads", type=int, default=1_600_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", default="", help="how the names of sides begin, with commas between")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        four = folder / "four.fastq"
        short_reads(four, 4)
        subprocess.run(["gzip", "-6", str(four)], check=True)
        commands = sides(folder)
        if options.only:
            commands = {
                side: make for side, make in commands.items() if side.startswith(tuple(options.only.split(",")))
            }
        makers = {
            "short": lambda p: short_reads(p, options.reads),
            "long": lambda p: long_reads(p, options.reads * 150),
        }
        for kind, make in makers.items():
            path = folder / f"{kind}.fastq"
            make(path)
            subprocess.run(["gzip", "-6", str(path)], check=True)
            compare(
                f"{kind} reads", path.with_suffix(".fastq.gz"), four.with_suffix(".fastq.gz"), options.rounds, commands
            )


if __name__ == "__main__":
    main()
