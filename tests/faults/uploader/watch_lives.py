"""The lives of a watch: as those of an uploader, with bundles, and with crashes while they are packed."""

from __future__ import annotations

import io
import os
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from seqdrop.runs import bundle_policy
from seqdrop.runs.bundle_index import INDEX_SUFFIX, is_bundle, is_index, read_index
from seqdrop.runs.bundles import check, extract
from seqdrop_cli.uploader import parts, sending, uploader
from seqdrop_cli.uploader.run_bundles import spool_folder
from seqdrop_cli.uploader.uploader import Options, Uploader
from seqdrop_cli.uploader.watching import Watcher, WatchSettings

from tests.faults.uploader import lives
from tests.faults.uploader.lives import MIB, RUN, Lab, Points, Target, WatchedState, digest, watch_direct_writes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOKS = 4
PACKING_STEPS = 9  # three bundles in three steps each


class Clock:
    """A clock a week ahead: all files are quiet and each grace time has passed. A look takes an hour."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(days=7)

    def __call__(self) -> datetime:
        return self.now


def send(endpoint: str, bucket: str, folder: Path, state: Path, points: Points, pages: int | None = None) -> bool:
    """Watch the folder for some looks; return True if everything is there."""
    parts.SMALLEST_PART, sending.WHOLE_BYTES, uploader.PAUSE = 5 * MIB, MIB, 0.05
    bundle_policy.LEAST_FILES, bundle_policy.FULL_FILES = 3, 4
    packing, points = divide(points)
    os.fsync = lambda _: packing.pass_one()
    clock = Clock()
    with WatchedState(state, points, pages) as opened:
        target = Target(endpoint, bucket, points)
        watch_direct_writes(points)
        engine = Uploader(target, opened, Options(jobs=4, patience=10), lambda event: watcher.note(event))
        settings = WatchSettings((folder,), spool_folder(state, bucket), 0.0, lambda _: True)
        watcher = Watcher(settings, engine.run, lambda _: None, clock)
        for _ in range(LOOKS):
            watcher.step()
            clock.now += timedelta(hours=1)
        is_complete = has_sent_all(watcher)
        watcher.close()
        engine.close()
    return is_complete


def divide(points: Points) -> tuple[Points, Points]:
    """Return the places where a process may end: for a third of them only while bundles are packed, else anywhere."""
    if points.at % 3:
        return points, points
    return Points(points.at // 3 % PACKING_STEPS + 1, points.act), Points()


def has_sent_all(watcher: Watcher) -> bool:
    """Return True if the watch has the run, and S3 all its files."""
    runs = [watched.run for watched in watcher._runs.values()]
    return bool(runs) and all(run.is_sent(file) for run in runs for file in run.folder.scan())


def list_contents(endpoint: str, bucket: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each object version, and of each file in bundles, which are checked."""
    s3 = boto3.client("s3", endpoint_url=endpoint)
    bodies: dict[str, list[bytes]] = defaultdict(list)
    for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        response = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        bodies[version["Key"].removeprefix(f"runs/{RUN}/")].append(response["Body"].read())
    for name, versions in bodies.items():
        if is_index(name):
            (tar,) = bodies[name.removesuffix(INDEX_SUFFIX)]  # a second version would be sent in vain
            (body,) = versions
            index = read_index(body, name)
            check(index, io.BytesIO(tar))
            for entry in index.entries:
                yield entry.name, extract(index, entry.name, lambda at, size, tar=tar: tar[at : at + size])
        elif not is_bundle(name):
            yield from ((name, body) for body in versions)


def check_contents(endpoint: str, bucket: str, lab: Lab) -> Iterator[str]:
    """Yield what is wrong: contents that are torn, repeated or missing, and unfinished uploads."""
    stored = defaultdict(list)
    for name, body in list_contents(endpoint, bucket):
        stored[name].append(digest(body))
    for name, contents in lab.contents.items():
        digests = stored.pop(name, [])
        if digest((lab.folder / name).read_bytes()) not in digests:
            yield f"{name}: the file is not there"
        if len(digests) != len(set(digests)):
            yield f"{name}: the same content is there twice"
        if not set(digests) <= set(contents):
            yield f"{name}: a version is torn"
    yield from (f"{name}: unexpected" for name in stored)
    s3 = boto3.client("s3", endpoint_url=endpoint)
    yield from (f"{upload['Key']}: left" for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


if __name__ == "__main__":
    lives.send, lives.check = send, check_contents
    sys.exit(lives.main())
