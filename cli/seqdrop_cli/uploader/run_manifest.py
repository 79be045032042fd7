"""The manifest of a run (docs/runs.md): the last file that `seqdrop upload` sends, when everything else is in S3.

With it the pipeline knows that nothing is missing, and waits for no grace time. It is sent only if the run on disk is
complete by its instrument's rule, or if no rule knows the instrument: then the person who uploads the folder says so.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.clock import utc_now
from seqdrop.companions.manifest import MOST_BYTES
from seqdrop.runs.completion import Known, judge
from seqdrop.runs.names import MANIFEST

from seqdrop_cli.uploader.disk import DiskFolder
from seqdrop_cli.uploader.records import Identity, Item
from seqdrop_cli.uploader.run_bundles import name_spool, run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop_cli.uploader.bundled_plan import BundledPlan
    from seqdrop_cli.uploader.plan import Plan, Unit
    from seqdrop_cli.uploader.state import UploadState

Entry = dict[str, str | int]


class Manifests:
    """The manifests of all runs of a plan, as what the uploader sends after it."""

    def __init__(self, plan: Plan, source: BundledPlan, state: UploadState, bucket: str) -> None:
        self._plan, self._source, self._state, self._bucket = plan, source, state, bucket

    def early(self) -> Iterator[Unit]:
        """Yield nothing."""
        return iter(())

    def usual(self) -> Iterator[Unit]:
        """Yield nothing."""
        return iter(())

    def last(self) -> Iterator[Unit]:
        """Yield the manifest of each run that is complete, and whose files are all in S3."""
        for group, items in self._find_runs().items():
            folder = run_folder(items[0])
            if is_complete(folder) and (entries := self._list(folder, group, items)):
                path = self._write(folder, entries)
                yield (Item(str(path), group + MANIFEST, path.stat().st_size, group, is_last=True),)

    def _find_runs(self) -> dict[str, list[Item]]:
        """Return the files of each run of the plan, by the prefix of their keys."""
        runs: dict[str, list[Item]] = defaultdict(list)
        for unit in self._plan.units():
            for item in unit:
                if item.group and item.key != item.group + MANIFEST:
                    runs[item.group].append(item)
        return runs

    def _list(self, folder: Path, group: str, items: list[Item]) -> list[Entry]:
        """Return the entries of all files; an empty list if one of them is not in S3, or not by this state file."""
        entries = [self._describe(DiskFolder(folder), item, item.key.removeprefix(group)) for item in items]
        return [entry for entry in entries if entry] if all(entries) else []

    def _describe(self, folder: DiskFolder, item: Item, name: str) -> Entry | None:
        spool = self._source.find_spool(item.group)
        try:
            status = Path(item.path).stat()
            sent = self._state.find(self._bucket, item.key, Identity.of(item.path, status))
            is_bundled = sent is None and spool is not None and spool.has(folder.look(name))
        except OSError:
            return None
        if sent is None:
            return {"name": name, "size": status.st_size} if is_bundled else None
        crc32 = binascii.hexlify(base64.b64decode(sent.crc32)).decode()
        return {"name": name, "size": status.st_size, "sha256": sent.sha256, "crc32": crc32}

    def _write(self, folder: Path, entries: list[Entry]) -> Path:
        """Write a manifest beside the spool of its run, unless the same one is there: then it was sent before."""
        body = _encode(entries)
        if len(body) > MOST_BYTES:  # the checksums are in the state file, and those of bundles in their indexes
            body = _encode([{"name": entry["name"], "size": entry["size"]} for entry in entries])
        path = self._source.spools / f"{name_spool(folder)}.{MANIFEST}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != body:
            path.write_bytes(body)
        return path


def is_complete(folder: Path) -> bool:
    """Return True if a run on disk is complete by the rule of its instrument, or if no rule knows the instrument."""
    disk = DiskFolder(folder)
    verdict = judge(folder.name, disk.scan(), disk.read, utc_now(), Known(grace_minutes=0))
    pending = [unit for unit in verdict.units if unit.kind == "analysis" and unit.state != "COMPLETE"]
    return not verdict.instrument or (verdict.state == "COMPLETE" and not pending)


def _encode(entries: list[Entry]) -> bytes:
    return json.dumps({"files": entries}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
