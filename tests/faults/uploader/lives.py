"""The lives of an uploader: processes that are killed at any point, until the last ones finish their work.

The program forks a process for each life, so that boto3 is imported once. It has no threads of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import uuid
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from seqdrop.kinds.plans import packaged
from seqdrop_cli.uploader import parts, sending, uploader
from seqdrop_cli.uploader.direct_writes import DirectWrites
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.state import StateError, UploadState
from seqdrop_cli.uploader.uploader import Options, Uploader, UploadFailedError

from tests.faults.uploader.proxy import cut_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
RUN = "20260101_A00123_0045_AHXXXX"
SIZES = {"RunInfo.xml": 300, "InterOp/EventMetricsOut.bin": 1000, "Data/s_1.bcl": 40_000, "Data/empty.log": 0}
LARGE = {"Data/L001.cbcl": 11 * MIB, "Data/L002.cbcl": 7 * MIB}
MARKERS = ("RTAComplete.txt", "CopyComplete.txt")
KINDS = ("kill", "kill", "kill", "cut", "change", "full", "pair")


class NoLedger:
    """The ledger of a stack for an uploader that may not read it."""

    def archived_file(self, file: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetItem")


@dataclass
class Target:
    """What the uploader needs of a stack."""

    endpoint: str
    landing: str
    points: Points

    def client(self, name: str):
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=32, read_timeout=20)
        client = boto3.client(name, endpoint_url=self.endpoint, config=config)
        for event in ("before-send.s3", "after-call.s3"):
            client.meta.events.register(event, lambda **_: self.points.pass_one())
        return client

    def ledger(self) -> NoLedger:
        return NoLedger()


@dataclass
class Points:
    """The places where a process may end. `act` is called at the place with number `at`."""

    at: int = 0
    act: Callable[[], None] = lambda: None
    passed: int = 0

    def pass_one(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            self.act()


class WatchedState(UploadState):
    """A state file whose transactions are places where a process may end, and whose disk may be full."""

    def __init__(self, path: Path, points: Points, pages: int | None = None) -> None:
        self._points = Points()
        super().__init__(path)
        self._points = points
        if pages is not None:
            self._database.execute(f"PRAGMA max_page_count={pages}")

    @contextmanager
    def _transaction(self) -> Iterator:
        with super()._transaction() as database:
            yield database
        self._points.pass_one()


@dataclass
class Lab:
    """A run folder on disk, and the contents that each of its files has had."""

    folder: Path
    source: random.Random
    contents: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def write(self, name: str, size: int) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.source.randbytes(size))
        self.contents[name].append(digest(path.read_bytes()))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def play(seed: int, endpoint: str) -> list[str]:
    """Return what is wrong after the lives of a seed; [] if nothing is."""
    source = random.Random(seed)
    bucket = f"lives-{uuid.uuid4().hex[:12]}"
    run_in_child(lambda: make_bucket(endpoint, bucket))
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / RUN, source)
        for name, size in {**SIZES, **LARGE, **{f"Data/{n}.filter": 2000 + n for n in range(8)}}.items():
            lab.write(name, size)
        for name in MARKERS:
            lab.write(name, 0)
        state = Path(folder) / "state.sqlite3"
        for _ in range(source.randint(2, 5)):
            live(source, endpoint, bucket, lab, state)
        run_in_child(lambda: send(endpoint, bucket, lab.folder, state, Points()), must_succeed=True)
        return check_in_child(endpoint, bucket, lab)


def live(source: random.Random, endpoint: str, bucket: str, lab: Lab, state: Path) -> None:
    """Run one or two processes with a fault."""
    kind, at = source.choice(KINDS), source.randint(1, 90)

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if kind == "change":
        name = source.choice([*LARGE, *SIZES])
        body = source.randbytes(source.choice([500, 8 * MIB]))
        lab.contents[name].append(digest(body))
        run_in_child(lambda: send(endpoint, bucket, lab.folder, state, Points(at, lambda: rewrite(lab, name, body))))
        rewrite(lab, name, body)
    elif kind == "cut":
        port = int(endpoint.rpartition(":")[2])
        with cut_connections(port, source, 0.4) as proxy:
            run_in_child(lambda: send(f"http://127.0.0.1:{proxy}", bucket, lab.folder, state, Points(at * 3, kill)))
    elif kind == "full":
        run_in_child(lambda: send(endpoint, bucket, lab.folder, state, Points(), pages=source.randint(4, 12)))
    elif kind == "pair":
        other = source.randint(1, 90)
        children = [
            fork(lambda at=at: send(endpoint, bucket, lab.folder, state, Points(at, kill))) for at in (at, other)
        ]
        for child in children:
            os.waitpid(child, 0)
    else:
        run_in_child(lambda: send(endpoint, bucket, lab.folder, state, Points(at, kill)))


def rewrite(lab: Lab, name: str, body: bytes) -> None:
    (lab.folder / name).write_bytes(body)


def send(endpoint: str, bucket: str, folder: Path, state: Path, points: Points, pages: int | None = None) -> bool:
    """Send the folder once; return True if everything is there."""
    parts.SMALLEST_PART, sending.WHOLE_BYTES, uploader.PAUSE = 5 * MIB, MIB, 0.05
    with WatchedState(state, points, pages) as opened:
        target = Target(endpoint, bucket, points)
        watch_direct_writes(points)
        engine = Uploader(target, opened, Options(jobs=4, patience=10), lambda _: None)
        outcome = engine.run(Plan([folder], Placement(packaged())))
        engine.close()
    return outcome.is_complete


def watch_direct_writes(points: Points) -> None:
    """Make the response of a direct write a place where a process may end; boto3 reports only its own responses."""
    put = DirectWrites._put

    def put_and_pass(*arguments):
        written = put(*arguments)
        points.pass_one()
        return written

    DirectWrites._put = put_and_pass


def make_bucket(endpoint: str, bucket: str) -> bool:
    s3 = boto3.client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return True


def fork(act: Callable[[], bool]) -> int:
    """Run a function in a child process, which exits with 0 if it returns True, and with 3 after an expected error."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = 0 if act() else 2
    except (StateError, UploadFailedError) as error:
        print(f"  {error}", file=sys.stderr)
        status = 3
    except BaseException:  # noqa: BLE001 # a child must not return into the loop of its parent
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def run_in_child(act: Callable[[], bool], must_succeed: bool = False) -> None:
    _, status = os.waitpid(fork(act), 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
        raise RuntimeError("the uploader had an unexpected error")
    if must_succeed and status:
        raise RuntimeError(f"the last uploader did not send everything: status {status}")


def check_in_child(endpoint: str, bucket: str, lab: Lab) -> list[str]:
    reading, writing = os.pipe()

    def act() -> bool:
        os.write(writing, "\n".join(check(endpoint, bucket, lab)).encode()[:60_000])
        return True

    run_in_child(act)
    os.close(writing)
    with os.fdopen(reading) as lines:
        return lines.read().splitlines()


def check(endpoint: str, bucket: str, lab: Lab) -> Iterator[str]:
    """Yield what is wrong with the bucket: torn, repeated, missing or late versions, and unfinished uploads."""
    s3 = boto3.client("s3", endpoint_url=endpoint)
    versions = defaultdict(list)
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        body = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        versions[version["Key"]].append((not version["IsLatest"], digest(body)))
    for name, contents in lab.contents.items():
        digests = [content for _, content in sorted(versions.pop(f"runs/{RUN}/{name}", []))]
        if not digests or digests[0] != digest((lab.folder / name).read_bytes()):
            yield f"{name}: the newest version is not the file"
        if len(digests) != len(set(digests)):
            yield f"{name}: the same content is there twice"
        if not set(digests) <= set(contents):
            yield f"{name}: a version is torn"
    yield from (f"{key}: unexpected" for key in versions)
    yield from (f"{upload['Key']}: left" for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    failed = False
    for seed in range(options.seed, options.seed + options.seeds):
        for fault in play(seed, options.endpoint):
            print(f"seed {seed}: {fault}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
