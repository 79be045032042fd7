"""CPU time, requests, rate and memory of `seqdrop upload` beside `aws s3 cp --recursive`, on one machine in one run.

    .venv/bin/python benchmarks/upload.py [--files 10000] [--large 4] [--gigabytes 0.5] [--rounds 3] [--aws PATH]

Both upload to the stub of s3_stub.py: a run folder with many files of 4 KB, by Seqdrop as objects and as bundles, and a
few large files. The sides run alternately; each figure is the median of the rounds. aws-cli is installed from PyPI into
a temporary environment, or `--aws` names it. The sums include the start of each program.

Both send over plain HTTP, and neither hashes bodies to sign them, as over HTTPS; both send checksums that S3 would
verify. TLS is left out: it costs both sides the same for each byte. A row is invalid if the stub used more than a tenth
of the CPU time of the client.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from s3_stub import MOST_SHARE, Counts, Stub, run_stub
from seqdrop_cli.target import Target

CHECKOUT = Path(__file__).resolve().parents[1]
AWS_CLI = "awscli==1.46.3"
AWS_CONFIG = "[default]\nregion = us-east-1\ns3 =\n    payload_signing_enabled = false\n"
PROGRAM = "import sys; from seqdrop_cli.main import main; sys.exit(main(sys.argv[1:]))"
BUCKET = "landing"
SMALL_BYTES = 4096


@dataclass(frozen=True)
class Figures:
    """One upload: CPU and wall seconds and peak memory of the client, and what the stub counted."""

    cpu: float
    wall: float
    peak_bytes: int
    counts: Counts

    @property
    def share(self) -> float:
        """CPU time of the stub divided by that of the client."""
        return self.counts.cpu / self.cpu


@dataclass(frozen=True)
class Side:
    """A program: its name in the table, and the words of its command before the folder that it uploads."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Bench:
    """The stub, the folder of temporary files, and the program of aws-cli."""

    stub: Stub
    work: Path
    aws: str

    def command(self, side: Side, folder: Path, number: int) -> list[str]:
        """Return the command of an upload; `number` makes its place in the bucket, and its state, a new one."""
        if side.name == "aws-cli":
            place = f"s3://{BUCKET}/runs/{number}/{folder.name}/"
            cp = ["s3", "cp", "--recursive", "--only-show-errors", "--endpoint-url", self.stub.endpoint]
            return [self.aws, *cp, str(folder), place]
        state = ["--state", str(self.work / f"state-{number}.sqlite3")]
        return [sys.executable, "-c", PROGRAM, *side.words, *state, str(folder)]

    def measure(self, side: Side, folder: Path, number: int) -> Figures:
        """Run an upload. Raise CalledProcessError if it fails, and RuntimeError if not all bytes arrived."""
        before, start = self.stub.counts(), time.perf_counter()
        command = self.command(side, folder, number)
        process = subprocess.Popen(command, cwd=self.work, env=self.environment(), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        counts = self.stub.counts().since(before)
        expected = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if counts.payload < expected:
            raise RuntimeError(f"{side.name} sent {counts.payload} bytes of {expected}")
        return Figures(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024, counts)

    def environment(self) -> dict[str, str]:
        """Return the environment of both sides: invented credentials, no settings of this machine, no proxies."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "SEQDROP_"))}
        kept = {name: text for name, text in kept.items() if "proxy" not in name.lower()}
        return kept | {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",  # nosec B105 # invented, for a server of this machine
            "AWS_CONFIG_FILE": str(self.work / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": f"{CHECKOUT / 'cli'}:{CHECKOUT / 'layers/seqdrop'}",
        }

    def prepare(self) -> None:
        """Write the settings of both sides: a stack file that names the stub, and aws-cli's configuration."""
        buckets = {"landing": BUCKET, "work": "work", "results": "results", "models": "models", "archive": "archive"}
        target = Target("us-east-1", table="ledger", endpoint=self.stub.endpoint, access_key="AKIAEXAMPLE", **buckets)
        target.save(self.work / ".seqdrop/stack.json")
        (self.work / "aws-config").write_text(AWS_CONFIG)


OBJECTS = Side("seqdrop, objects", ("upload", "--run", "--no-bundles"))
BUNDLES = Side("seqdrop, bundles", ("upload", "--run"))
AWS = Side("aws-cli", ())


def make_small(folder: Path, count: int) -> None:
    """Write a run folder of `count` files of 4 KB, laid out like base calls."""
    source = random.Random(7)
    for number in range(count):
        cycle = folder / f"Data/Intensities/BaseCalls/L{number % 4 + 1:03}/C{number // 400 + 1}.1"
        cycle.mkdir(parents=True, exist_ok=True)
        (cycle / f"s_{number % 4 + 1}_{number % 400:04}.bcl").write_bytes(source.randbytes(SMALL_BYTES))


def make_large(folder: Path, count: int, size: int) -> None:
    """Write `count` sparse files of `size` bytes: the disk shall not decide."""
    folder.mkdir()
    for number in range(count):
        with (folder / f"L{number + 1:03}_1.cbcl").open("wb") as file:
            file.truncate(size)


def install_aws_cli(folder: Path) -> str:
    """Install aws-cli into a new environment; return its program."""
    venv.create(folder, with_pip=True)
    subprocess.run([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", AWS_CLI], check=True)
    return str(folder / "bin/aws")


def measure_sides(bench: Bench, sides: tuple[Side, ...], folder: Path, rounds: int) -> dict[Side, list[Figures]]:
    """Return the figures of each side, which take turns."""
    figures: dict[Side, list[Figures]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            figures[side].append(bench.measure(side, folder, number=time.time_ns()))
            print(f"{folder.name} {side.name} {number + 1}: {asdict(figures[side][-1])}", file=sys.stderr)
    return figures


def typical(rounds: list[Figures], name: str) -> float:
    """Return the median of a figure."""
    return median(float(getattr(figures, name)) for figures in rounds)


def print_table(title: str, figures: dict[Side, list[Figures]], files: int, size: int) -> None:
    """Print a row for each side, with its ratios to aws-cli."""
    base = figures[AWS]
    print(
        f"\n{title}\n\n| side | CPU per file | of aws-cli | requests | of aws-cli | rate | of aws-cli | peak | stub |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for side, rounds in figures.items():
        cpu, wall = typical(rounds, "cpu"), typical(rounds, "wall")
        requests, first = rounds[0].counts.requests, base[0].counts.requests
        share = max(figures.share for figures in rounds)
        verdict = f"{share:.1%}" if share <= MOST_SHARE else f"{share:.1%}, invalid"
        print(
            f"| {side.name} | {cpu / files * 1e3:.3f} ms | {cpu / typical(base, 'cpu'):.2f} "
            f"| {requests:,} | {requests / first:.4f} | {size / wall / 1e6:,.0f} MB/s "
            f"| {typical(base, 'wall') / wall:.2f} | {typical(rounds, 'peak_bytes') / 1e6:.0f} MB | {verdict} |"
        )


def main() -> None:
    """Print a table for small files and one for large files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="number of small files (default: %(default)s)")
    parser.add_argument("--large", type=int, default=4, help="number of large files (default: %(default)s)")
    parser.add_argument("--gigabytes", type=float, default=0.5, help="of each large file (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="uploads by each side (default: %(default)s)")
    parser.add_argument("--aws", help=f"program of aws-cli (default: install {AWS_CLI})")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, run_stub() as stub:
        work = Path(folder)
        bench = Bench(stub, work, options.aws or install_aws_cli(work / "aws-cli"))
        bench.prepare()
        version = subprocess.run([bench.aws, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
        small, large = work / "small_run", work / "large_run"
        if options.files:
            make_small(small, options.files)
            figures = measure_sides(bench, (AWS, OBJECTS, BUNDLES), small, options.rounds)
            title = f"{options.files:,} files of {SMALL_BYTES} bytes; {version}"
            print_table(title, figures, options.files, options.files * SMALL_BYTES)
        if options.large:
            size = int(options.gigabytes * 2**30)
            make_large(large, options.large, size)
            figures = measure_sides(bench, (AWS, OBJECTS), large, options.rounds)
            print_table(
                f"{options.large} files of {size:,} bytes; {version}", figures, options.large, options.large * size
            )


if __name__ == "__main__":
    main()
