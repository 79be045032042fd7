"""A plan whose small files of runs are sent in bundles (docs/bundles.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.clock import utc_now
from seqdrop.runs.bundle_policy import select
from seqdrop.runs.completion import judge

from seqdrop_cli.errors import CommandError
from seqdrop_cli.uploader.bundling import BundleSpool, SpoolTakenError
from seqdrop_cli.uploader.disk import DiskFolder
from seqdrop_cli.uploader.events import has_arrived
from seqdrop_cli.uploader.records import Item
from seqdrop_cli.uploader.run_bundles import RunBundles, may_be_bundled, name_spool, run_folder, stays_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop.runs.files import RunFile

    from seqdrop_cli.uploader.events import Event
    from seqdrop_cli.uploader.plan import Unit
    from seqdrop_cli.uploader.uploader import Source


@dataclass
class BundledPlan:
    """A plan around another one. `spools` is the folder of the spools of this bucket.

    The uploader reports to `take`, which passes events on to `report`. Without `is_bundling`, the plan is that of
    `plan`; with `again`, files are sent that are in a bundle already. Iterating raises CommandError if another process
    of this computer uploads one of the runs.
    """

    plan: Source
    spools: Path
    report: Callable[[Event], None]
    is_bundling: bool = True
    again: bool = False
    files: int = 0  # in bundles that were sent now
    bundles: int = 0
    known: int = 0  # files in bundles that were sent before
    _runs: dict[str, RunBundles] = field(default_factory=dict)

    def early(self) -> Iterator[Unit]:
        """Yield what the plan does."""
        return self.plan.early()

    def usual(self) -> Iterator[Unit]:
        """Yield large files and sequences as they come, then the small files of each run in bundles."""
        if not self.is_bundling:
            yield from self.plan.usual()
            return
        small: dict[str, list[RunFile]] = {}
        for unit in self.plan.usual():
            file = _find_small(unit)
            if file:
                small.setdefault(unit[0].group, []).append(file)
                self._open(unit[0])
            else:
                yield unit
        for prefix, files in small.items():
            yield from self._bundle(self._runs[prefix], files)

    def last(self) -> Iterator[Unit]:
        """Yield what the plan does."""
        return self.plan.last()

    def take(self, event: Event) -> None:
        """Record what S3 has, and pass the event on. Threads of the uploader call this, one at a time."""
        if has_arrived(event):
            for run in list(self._runs.values()):
                run.note(event.facts["key"])
        self.report(event)

    def describe(self) -> list[str]:
        """Return a line for people about the files in bundles, if there are any."""
        lines = [f"{self.files:,} small files were sent in bundles: {self.bundles:,}"] if self.files else []
        return lines + ([f"{self.known:,} small files are in bundles that were sent before"] if self.known else [])

    def find_spool(self, group: str) -> BundleSpool | None:
        """Return the spool of a run that has small files; `group` is the prefix of its keys."""
        run = self._runs.get(group)
        return run.spool if run else None

    def close(self) -> None:
        """Let other processes upload the runs."""
        for run in self._runs.values():
            run.spool.close()

    def _open(self, item: Item) -> None:
        if item.group in self._runs:
            return
        path = run_folder(item)
        try:
            self._runs[item.group] = RunBundles(path, item.group, BundleSpool(self.spools / name_spool(path)))
        except SpoolTakenError as error:
            reason = "another process on this computer uploads it, such as `seqdrop watch`; wait for its end"
            raise CommandError(f"{path}: {reason}") from error

    def _bundle(self, run: RunBundles, files: list[RunFile]) -> Iterator[Unit]:
        for packed in run.spool.unsent:
            yield run.offer(packed)
        new = [file for file in files if self.again or not run.spool.has(file)]
        self.known += len(files) - len(new)
        selection = select(new, stays_alone, find_units(run.path) if new else ())
        yield from (self._alone(run, file.name) for file in selection.objects)
        for bundle in selection.bundles:
            new_bundle, changed = run.pack(bundle)
            if new_bundle:
                self.bundles += 1
                self.files += len(bundle.files) - len(changed)
                yield run.offer(new_bundle)
            yield from (self._alone(run, name) for name in changed)  # the uploader waits until it is quiet

    def _alone(self, run: RunBundles, name: str) -> Unit:
        path = run.path / name
        return (Item(str(path), run.prefix + name, path.stat().st_size if path.exists() else 0, run.prefix),)


def find_units(run: Path) -> set[str]:
    """Return the folders of a run that become complete by themselves, such as flow cells."""
    folder = DiskFolder(run)
    verdict = judge(run.name, folder.scan(), folder.read, utc_now())
    return {unit.folder for unit in verdict.units} - {""}


def _find_small(unit: Unit) -> RunFile | None:
    """Return the file of a unit if a bundle may have it; its name is the path below the run."""
    item = unit[0]
    if len(unit) > 1 or not item.group:
        return None
    try:
        file = DiskFolder(run_folder(item)).look(item.key.removeprefix(item.group))
    except OSError:
        return None  # the uploader reports why it cannot be read
    return file if may_be_bundled(file) else None
