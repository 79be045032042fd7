# ruff: noqa: ANN401  # requests and responses of boto3
"""The cost of bundles of the archive: `python benchmarks/archive.py [--files 20000] [--kilobytes 20]`.

Files are packed by the code of the function `bundle`, beside the SHA-256 of the same bytes (hashlib, which is OpenSSL)
and GNU tar, in rounds of all of them on one core. The first row of packing has an S3 in memory that costs nothing, the
second boto3's client without a network: requests are built, signed and parsed, and answered in this process. Peak
memory is that of a process that only packs. Then a run of 100,000 such files is priced, in bundles and not.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import boto3
from botocore.awsrequest import AWSResponse
from isal import isal_zlib
from seqdrop.aws.crc32 import combine_crc32, decode_crc32, encode_crc32
from seqdrop.runs.bundle_layout import PART, lay_out
from seqdrop.runs.bundle_policy import select
from seqdrop.runs.files import RunFile
from seqdrop.runtime.services import BUNDLING
from seqdrop.stages.bundle.plan import Plan
from seqdrop.stages.bundle.savings import BundleSize, compute_savings
from seqdrop.stages.bundle.tar_object import TarObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
POOL = 1 << 22  # random bytes, each file is a slice of them that begins elsewhere
RUNS = 7
HASHING = "SHA-256 of each file (hashlib)"
CLASS = "DEEP_ARCHIVE"
IN_PRICED_RUN = 100_000


@dataclass
class Files:
    """The files of a run: `size` bytes each, made when they are read."""

    count: int
    size: int
    pool: bytes = field(default_factory=lambda: os.urandom(POOL))

    def name(self, number: int) -> str:
        """Return the path of a file below the run."""
        return f"Data/Intensities/BaseCalls/L001/C{number // 100 + 1}.1/s_1_{number % 100:04d}.bcl"

    def body(self, number: int) -> bytes:
        """Return the bytes of a file."""
        start = number * 7919 % (POOL - self.size)
        return self.pool[start : start + self.size]

    def plans(self) -> list[Plan]:
        """Return the plans of the bundles, as the function makes them of the records of validation."""
        numbers = {self.name(number): number for number in range(self.count)}
        selection = select((RunFile(name, self.size, WRITTEN) for name in numbers), lambda _: False)
        return [self._plan(bundle.files, numbers) for bundle in selection.bundles]

    def _plan(self, files: Iterable[RunFile], numbers: dict[str, int]) -> Plan:
        rows = ((file, self.body(numbers[file.name])) for file in files)  # one body at a time
        hashed = ((file, f"{isal_zlib.crc32(body):08x}", hashlib.sha256(body).hexdigest()) for file, body in rows)
        index = lay_out(hashed)
        uploads = tuple(str(numbers[entry.name]) for entry in index.entries)
        return Plan("run", "landing", "runs/a/", CLASS, uploads, uploads, index)


class Memory:
    """An S3 client without an S3: reads make the bytes of a file, writes are counted and forgotten."""

    def __init__(self, files: Files) -> None:
        self.files, self.reads, self.parts, self.tar = files, 0, 0, (0, 0)

    def list_multipart_uploads(self, **_: Any) -> dict[str, Any]:
        """Return no unfinished upload."""
        return {}

    def create_multipart_upload(self, **_: Any) -> dict[str, Any]:
        """Begin an empty tar."""
        self.tar = (0, 0)
        return {"UploadId": "m"}

    def list_parts(self, **_: Any) -> dict[str, Any]:
        """Return no part."""
        return {}

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Return a file, whose number is its version id."""
        self.reads += 1
        return {"Body": io.BytesIO(self.files.body(int(request["VersionId"])))}

    def upload_part(self, **request: Any) -> dict[str, Any]:
        """Count a part; its bytes are not kept."""
        self.parts += 1
        size, crc32 = self.tar
        length, part = len(request["Body"]), decode_crc32(request["ChecksumCRC32"])
        self.tar = (size + length, combine_crc32(crc32, part, length))
        return {"ETag": "e"}

    def complete_multipart_upload(self, **_: Any) -> dict[str, Any]:
        """Do nothing."""
        return {}

    def head_object(self, **_: Any) -> dict[str, Any]:
        """Return size and CRC32 of the tar."""
        size, crc32 = self.tar
        about = {"StorageClass": CLASS, "ChecksumType": "FULL_OBJECT", "ChecksumCRC32": encode_crc32(crc32)}
        return {"ContentLength": size, "VersionId": "v", **about}


def make_client(memory: Memory) -> Any:
    """Return boto3's client, whose requests are answered by `memory` instead of a connection."""
    session = boto3.Session("key", "secret", region_name="us-east-1")
    client = session.client("s3", config=BUNDLING)

    def respond(request: Any, event_name: str, **_: Any) -> AWSResponse:
        headers, body = _answer(memory, event_name.rpartition(".")[2], request)
        raw = SimpleNamespace(read=io.BytesIO(body).read, stream=lambda *_, **__: iter([body]), close=lambda: None)
        return AWSResponse(request.url, 200, headers, raw)

    client.meta.events.register("before-send.s3", respond)
    return client


def _answer(memory: Memory, operation: str, request: Any) -> tuple[dict[str, str], bytes]:
    if request.method == "GET" and "versionId=" in request.url:  # of boto3, or direct (aws/direct_reads.py)
        body = memory.get_object(VersionId=request.url.rpartition("versionId=")[2])["Body"].getvalue()
        return {"content-length": str(len(body)), "etag": '"e"', "x-amz-version-id": "v"}, body
    if operation == "UploadPart":
        body = request.body.read() if hasattr(request.body, "read") else request.body
        crc32 = request.headers["x-amz-checksum-crc32"].decode()
        return {"etag": memory.upload_part(Body=body, ChecksumCRC32=crc32)["ETag"]}, b""
    if operation == "HeadObject":
        head = memory.head_object()
        about = {"content-length": str(head["ContentLength"]), "x-amz-storage-class": CLASS}
        return about | {"x-amz-checksum-type": "FULL_OBJECT", "x-amz-checksum-crc32": head["ChecksumCRC32"]}, b""
    if operation == "CreateMultipartUpload":
        memory.create_multipart_upload()
    return {}, b"<Result><UploadId>m</UploadId></Result>"


def pack(plans: list[Plan], client: Any) -> None:
    """Send the tar of each plan."""
    for plan in plans:
        TarObject(client, "archive", plan).send(lambda: None)


def measure(what: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median of the CPU seconds that each reports, in RUNS rounds of all of them."""
    rounds = [{name: run() for name, run in what.items()} for _ in range(RUNS)]
    return {name: median(row[name] for row in rounds) for name in what}


def time_here(run: Callable[[], object]) -> float:
    """Return the CPU seconds of this process for a run."""
    began = time.process_time()
    run()
    return time.process_time() - began


def time_tar(folder: str) -> float:
    """Return the CPU seconds of GNU tar for the files in a folder, to a file beside it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["tar", "-cf", f"{folder}/run.tar", "-C", folder, "run"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def hash_all(files: Files) -> None:
    """Compute the SHA-256 of each file."""
    for number in range(files.count):
        hashlib.sha256(files.body(number)).hexdigest()


def write_files(files: Files, folder: str) -> None:
    """Write all files below a folder."""
    for number in range(files.count):
        path = Path(folder, "run", files.name(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files.body(number))


def measure_memory(arguments: argparse.Namespace) -> str:
    """Return the peak memory of a process that only packs one bundle, and of one that only imports."""
    sizes = ["--files", str(arguments.files), "--kilobytes", str(arguments.kilobytes)]
    outputs = []
    for only in ("import", "pack"):
        command = [sys.executable, __file__, *sizes, "--only", only]
        outputs.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    return f"{outputs[1]} MB; {outputs[0]} MB of them are Python with boto3, before the first file"


def price(files: Files) -> None:
    """Print requests and dollars of a run of IN_PRICED_RUN files, in bundles and not."""
    run = Files(IN_PRICED_RUN, files.size, files.pool)
    plans = run.plans()
    total = [BundleSize(len(p.uploads), len(p.parts), len(p.uploads) * run.size, p.size) for p in plans]
    savings = compute_savings(total, [run.size] * run.count, CLASS)
    print(f"\n{run.count:,} files of {run.size:,} bytes in {CLASS}, {len(plans)} bundles:")
    print("| | objects | requests | bytes besides the files | dollars a month | dollars at least |")
    print("|---|---|---|---|---|---|")
    for name, costs in (("one by one", savings["alone"]), ("in bundles", savings["bundled"])):
        counts = f"{costs['objects']:,} | {costs['requests']:,} | {costs['overhead_bytes']:,}"
        print(f"| {name} | {counts} | {costs['usd_month']:.4f} | {costs['usd_least']:.2f} |")


def main() -> None:
    """Measure, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--kilobytes", type=float, default=20)
    parser.add_argument("--only", choices=["import", "pack"], help="print only the peak memory in MB")
    arguments = parser.parse_args()
    files = Files(arguments.files, int(arguments.kilobytes * 1000))
    memory = Memory(files)
    client = make_client(memory)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the function has the memory size of about one core
    if arguments.only:
        if arguments.only == "pack":
            pack(files.plans()[:1], client)  # an invocation makes one bundle
        status = Path("/proc/self/status").read_text()
        print(f"{int(status.partition('VmHWM:')[2].split()[0]) / 1024:.0f}")
        return
    report(files, memory, client)
    print(f"peak memory: {measure_memory(arguments)}")
    price(files)


def report(files: Files, memory: Memory, client: Any) -> None:
    """Print the CPU times of hashing, tar and packing, and the requests of packing."""
    plans = files.plans()
    pack(plans, client)  # counts the requests
    requests = (memory.reads, memory.parts, sum(-(-plan.size // PART) for plan in plans))
    with tempfile.TemporaryDirectory() as folder:
        write_files(files, folder)
        rows = measure(
            {
                HASHING: lambda: time_here(lambda: hash_all(files)),
                "tar": lambda: time_tar(folder),
                "packing: SHA-256, headers, copies, CRC32 of the parts": lambda: time_here(lambda: pack(plans, memory)),
                "packing with boto3's requests, without a network": lambda: time_here(lambda: pack(plans, client)),
            }
        )
    bytes_ = f"{files.count:,} files of {files.size:,} bytes"
    print(f"{bytes_}, {len(plans)} bundles; CPU seconds on one core, medians of {RUNS} rounds")
    print("| what | CPU seconds | of SHA-256 |\n|---|---|---|")
    for name, seconds in rows.items():
        print(f"| {name} | {seconds:.2f} | {seconds / rows[HASHING]:.2f} |")
    print(f"\nGET: {requests[0]:,}; UploadPart: {requests[1]}, at most {requests[2]}")


if __name__ == "__main__":
    main()
