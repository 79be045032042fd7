"""User CPU time of validation with QC, all checks and duplicate names, compared with isal and installed tools.

    .venv/bin/python benchmarks/reads.py [--reads 1600000] [--rounds 3] [--only isal,seqdrop]

It generates seeded reads of 150 bp (Illumina names, four quality bins) and long reads with the same number of bases,
compressed by gzip -6, in a temporary folder. The sides run one after the other in separate processes, for several
rounds, each with a single thread. A side's result is its best user time, minus its best time on a file of four reads.
GNU time measures in steps of 0.01 s. If isal needs less than that on a file, no ratios are printed.

seqtk, seqkit, fastp and sequali are included if they are on PATH. dnaio is run by `python-peers` on PATH (a Python with
dnaio) or, without that, by this Python if it has dnaio.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from seqdrop.reads import kernel

Command = Callable[[Path], list[str]]
"""A function from the path of a file to the command that reads it."""
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


def python_command(text: str) -> Command:
    """Return the command that runs a Python script on a path."""
    return lambda path: [PYTHON, "-c", f"path = {str(path)!r}\n{text}"]


def find_sides(folder: Path) -> dict[str, Command]:
    """Return the command of each installed side, by name."""
    commands = {"isal": python_command(ISAL), "seqdrop numpy": python_command(NUMPY)}
    if kernel.lib:
        commands["seqdrop kernel"] = python_command(SEQDROP)
    if shutil.which("seqtk"):
        commands["seqtk fqchk"] = lambda path: ["seqtk", "fqchk", str(path)]
    if shutil.which("seqkit"):
        commands["seqkit stats -a"] = lambda path: ["seqkit", "stats", "-a", "-j", "1", str(path)]
    if shutil.which("fastp"):
        out = ["-w", "1", "-A", "-G", "-Q", "-L", "-j", str(folder / "f.json"), "-h", str(folder / "f.html")]
        commands["fastp"] = lambda path: ["fastp", *out, "-i", str(path)]
    if shutil.which("sequali"):
        commands["sequali"] = lambda path: ["sequali", "-t", "1", "--outdir", str(folder), str(path)]
    if peers := shutil.which("python-peers") or find_dnaio(PYTHON):
        commands["dnaio, same checks"] = lambda path: [peers, "-c", f"path = {str(path)!r}\n{DNAIO}"]
    return commands


def find_dnaio(python: str) -> str | None:
    """Return the interpreter if it has dnaio, else None."""
    return None if subprocess.run([python, "-c", "import dnaio"], capture_output=True).returncode else python


def write_short_reads(path: Path, count: int, length: int = 150) -> None:
    """Write reads of a random genome with four quality bins: 92 % of the bases have the best, the worst are N."""
    generator = np.random.default_rng(1)
    genome = np.frombuffer(b"ACGT", np.uint8)[generator.integers(0, 4, 5_000_000)]
    with path.open("wb") as file:
        for first in range(0, count, 50_000):
            size = min(50_000, count - first)
            starts = generator.integers(0, len(genome) - length, size)
            bases = np.lib.stride_tricks.sliding_window_view(genome, length)[starts].copy()
            draw = generator.random((size, length))
            quality = np.select([draw < 0.0005, draw < 0.03, draw < 0.08], list(b"#,:"), ord("F")).astype(np.uint8)
            bases[draw < 0.0005] = ord("N")
            file.write(b"".join(map(_read, range(first, first + size), bases, quality)))


def _read(number: int, bases: np.ndarray, quality: np.ndarray) -> bytes:
    tile, x, y = 1101 + number // 20_000, 1000 + number % 31_000, 1000 + number // 31 % 30_000
    name = b"A00123:45:HXXXXDRXX:1:%d:%d:%d 1:N:0:ACGTACGT+TTGCAATG" % (tile, x, y)
    return b"@%b\n%b\n+\n%b\n" % (name, bases.tobytes(), quality.tobytes())


def write_long_reads(path: Path, bases: int) -> None:
    """Write reads of 1 to 60 kb with the qualities of nanopore reads."""
    generator = np.random.default_rng(2)
    with path.open("wb") as file:
        number = 0
        while bases > 0:
            size = int(min(60_000, 1_000 + generator.exponential(9_000)))
            sequence = np.frombuffer(b"ACGT", np.uint8)[generator.integers(0, 4, size)]
            quality = (33 + np.clip(generator.normal(18, 8, size), 1, 50)).astype(np.uint8)
            name = b"%08x-0000-4000-8000-0123456789ab runid=1 ch=%d" % (number, number % 512)
            file.write(b"@%b\n%b\n+\n%b\n" % (name, sequence.tobytes(), quality.tobytes()))
            bases, number = bases - size, number + 1


def measure(command: list[str]) -> tuple[float, int]:
    """Return (user seconds, peak memory in MB) of a command. Raise CalledProcessError if it fails."""
    command_line = [shutil.which("time") or "/usr/bin/time", "-f", "%U %M", *command]
    done = subprocess.run(command_line, capture_output=True, text=True)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    user, peak = re.search(r"([\d.]+) (\d+)\s*$", done.stderr).groups()
    return float(user), int(peak) // 1024


def compare(name: str, path: Path, four: Path, rounds: int, commands: dict[str, Command]) -> None:
    """Print each side's best user time, minus its best time on four reads, and the ratio to isal.

    Each minimum is taken over all rounds, because the difference of the two times of one round would be mostly noise.
    A side that fails is reported on standard error and left out.
    """
    times: dict[str, tuple[float, int]] = {}
    overhead: dict[str, float] = {}
    for _ in range(rounds):  # interleaved, so that other load on the machine affects all sides alike
        for side, command in commands.items():
            try:
                times[side] = min(times.get(side, (1e9, 0)), measure(command(path)))
            except subprocess.CalledProcessError as error:
                print(f"{side}: {error.stderr.strip().splitlines()[-2:]}", file=sys.stderr)
                continue
            overhead[side] = min(overhead.get(side, 1e9), measure(command(four))[0])
    print(f"\n{name}: {path.stat().st_size / 1e6:.0f} MB of {path.suffix}")
    print_rows({side: (user - overhead[side], peak) for side, (user, peak) in times.items()})


def print_rows(best: dict[str, tuple[float, int]]) -> None:
    """Print a row for each side, given its user seconds and peak MB; a dash replaces a ratio that cannot be computed.

    There is no ratio if isal was left out, or if its time is too short for GNU time's resolution of 0.01 s.
    """
    base = best["isal"][0] if "isal" in best else None
    if base is not None and base <= 0:
        print("isal's time is too short to measure, so there are no ratios; use more --reads", file=sys.stderr)
    for side, (user, peak) in sorted(best.items(), key=lambda item: item[1]):
        ratio = f"{user / base:.2f}" if base is not None and base > 0 else "-"
        print(f"  {side:<18} {user:7.2f} s user   {ratio:>6} x isal   {peak:5d} MB peak")


def main() -> None:
    """Generate the files, and compare all sides on them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--reads", type=int, default=1_600_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument(
        "--only",
        default="",
        help="prefixes of the names of sides, separated by commas; without isal there are no ratios",
    )
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        four = folder / "four.fastq"
        write_short_reads(four, 4)
        subprocess.run(["gzip", "-6", str(four)], check=True)
        commands = find_sides(folder)
        if options.only:
            commands = {
                side: command for side, command in commands.items() if side.startswith(tuple(options.only.split(",")))
            }
        makers = {
            "short": lambda p: write_short_reads(p, options.reads),
            "long": lambda p: write_long_reads(p, options.reads * 150),
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
