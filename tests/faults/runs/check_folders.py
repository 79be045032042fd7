"""Invariants of each run folder, which hold when nothing moves any more: its record, its report and its mails."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ENDS, UPLOAD

from tests.faults.runs import folders as f
from tests.faults.runs import rules
from tests.faults.runs.check import FilesCheck
from tests.faults.runs.world import ROOTS, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop


class RunsCheck(FilesCheck):
    """The invariants of each dropped file, and of each run folder."""

    def all(self) -> Iterator[str]:
        yield from super().all()
        by_root = defaultdict(list)
        for drop in self.drops:
            by_root[root_of(drop.key)].append(drop)
        for root, drops in by_root.items():
            for fault in self._of_run(root, drops):
                yield f"{root}: {fault}"

    def _of_run(self, root: str, drops: list[Drop]) -> Iterator[str]:
        record = self.record(root)
        if not record:
            if not all(self.is_gone(drop) for drop in drops):
                yield "the run has no record"
            return
        if early := set(record.get("complete", [])) - self.world.complete[root]:
            yield f"its record says that {early} are complete"
        yield from self._state(root, drops, record)
        yield from self._revision(drops, record)
        yield from self._mails(root, drops, record)
        yield from self._report(root, drops, record)

    def _state(self, root: str, drops: list[Drop], record: dict) -> Iterator[str]:
        """Check that the state of the run fits its files."""
        ended = [not self.upload(drop) or self.state(drop) in ENDS[UPLOAD] for drop in drops]
        complete, state = record.get("complete", []), record["state"]
        if state == "ARCHIVED" and not all(ended):
            yield "it is ARCHIVED, and a file of it is not"
        if state == "COMPLETE" and all(ended):
            yield "all its files have ended, and it is COMPLETE"
        if "" in complete and state in ("SEQUENCING", "FAILED"):
            yield f"it was complete, and is {state}"
        if "" in complete and all(ended) and state != "ARCHIVED":
            yield f"it was complete, all its files have ended, and it is {state}"
        if state == "COMPLETE" and not complete:
            yield "it is COMPLETE, and no folder of it is"
        there = rules.present(self.landing, root)
        has_failed = ROOTS[root] in (f.ILLUMINA, f.SCORED) and rules.is_failed(there)
        if has_failed and not complete and state != "FAILED":
            yield f"its instrument reports a failure, and it is {state}"
        if state == "FAILED" and not has_failed:
            yield "it is FAILED, and no instrument says so"

    def _revision(self, drops: list[Drop], record: dict) -> Iterator[str]:
        """Check the revision: one more for each part that was added after the run was complete.

        If parts are deleted while they grow, they may be added more than once.
        """
        number = int(record["number"])
        parts = {folder for drop in drops for folder in self._parts_of(drop)}
        undone = sum(self.is_gone(drop) for drop in drops)
        if number > max(1, len(parts)) + undone:
            yield f"its revision is {number}, and it has the parts {sorted(parts)}"
        if len(record.get("complete", [])) == 1 and number > 1 + undone + len(parts - {*record["complete"]}):
            yield f"its revision is {number}, and only {record['complete']} was ever complete"

    @staticmethod
    def _parts_of(drop: Drop) -> set[str]:
        """Return the folders that may be complete by themselves because of a file."""
        name = drop.key.removeprefix(root_of(drop.key))
        is_marker = name.rsplit("/", 1)[-1] in (f.OVERRIDE, "CopyComplete.txt")
        return {rules.unit_of(name), *([name.rpartition("/")[0]] if is_marker else [])}

    def _mails(self, root: str, drops: list[Drop], record: dict) -> Iterator[str]:
        """Check the number of mails about a run of each kind: a fault may repeat one, but leaves none out."""
        mine = [(subject, text) for subject, text in self.world.mails if root in text]
        texts = (text for subject, text in mine if subject.startswith("Seqdrop archived the run "))
        archived = Counter(text.partition("revision ")[2].partition(")")[0] for text in texts)
        for number, count in archived.items():
            if count > 1 + self.disturbed:
                yield f"there were {count} mails that its revision {number} is archived"
        if record["state"] == "ARCHIVED" and str(int(record["number"])) not in archived:
            yield "it is archived, and there was no mail about this revision"
        failures = sum(subject.endswith(" failed") for subject, _ in mine)
        silences = sum("no more files arrive" in subject for subject, _ in mine)
        sheets = sum("sample sheet" in subject for subject, _ in mine)
        bad = sum(drop.kind.endswith("bad sheet") for drop in drops)
        for name, count, most in (("failure", failures, 1), ("silence", silences, 1), ("its sheet", sheets, bad)):
            if count > most + (self.disturbed if most else 0):
                yield f"there were {count} mails about {name}"
        if record["state"] == "FAILED" and not failures:
            yield "it is FAILED, and there was no mail"
        waits = record["state"] in ("SEQUENCING", "COPYING") and not record.get("complete")
        if waits and rules.present(self.landing, root) and not silences:
            yield "no file arrives any more, and there was no mail"

    def _report(self, root: str, drops: list[Drop], record: dict) -> Iterator[str]:
        """Check run.json and samples.tsv."""
        area, _, name = root.rstrip("/").rpartition("/")
        place, complete = f"runs/{area}/{name}/", record.get("complete", [])
        report = self.json(f"{place}run.json")
        if complete and not report:
            yield f"{complete} are complete, and the report is {report and sorted(report)}"
        if not report:
            return
        parts = {part["folder"]: part for part in report["parts"]}
        if set(parts) != set(complete):
            yield f"{complete} are complete, and the report has {sorted(parts)}"
        for folder, part in parts.items():
            yield from self._part(root, folder, part, drops)
        if record["state"] == "ARCHIVED":
            yield from self._final(report, record, drops)
        reads = [drop for drop in drops if "/Analysis/" in drop.key and drop.key.endswith(".fastq")]
        sampled = any(self.is_plain(drop) and self.state(drop) == "ARCHIVED" for drop in reads)
        if sampled and self.world.s3.read(self.results.name, f"{place}samples.tsv") is None:
            yield "there is no samples.tsv"

    def _part(self, root: str, folder: str, part: dict, drops: list[Drop]) -> Iterator[str]:
        """Check the numbers of a part whose files all landed once, before any of them could advance."""
        inside = [drop for drop in drops if folder in rules.releasing(drop.key.removeprefix(root))]
        nested = {name for drop in inside for name in self._parts_of(drop)} - {folder, ""}
        if nested or not all(map(self.is_plain, inside)):
            return
        expected = (len(inside), sum(len(drop.body) for drop in inside))
        if (part["files"], part["bytes"]) != expected:
            yield f"the report has {part['files']} files, {part['bytes']} bytes of {folder!r}; expected {expected}"

    def _final(self, report: dict, record: dict, drops: list[Drop]) -> Iterator[str]:
        if (report.get("state"), report.get("revision")) != ("ARCHIVED", int(record["number"])):
            yield f"the report says {report.get('state')}, revision {report.get('revision')}"
        at = record["timeline"]["ARCHIVED"]
        certain = {drop.key.removeprefix(report["folder"]) for drop in drops if self._is_rejected(drop, at)}
        possible = {drop.key.removeprefix(report["folder"]) for drop in drops if self.reason(drop)}
        if not certain <= {entry["name"] for entry in report["rejected"]} <= possible:
            yield f"the report says that {report['rejected']} are rejected; expected {certain}"

    def _is_rejected(self, drop: Drop, at: str) -> bool:
        """Return True if a current file was rejected before its run was archived at this time."""
        current, upload = self.landing.current(drop.key), self.upload(drop) or {}
        is_current = current is not None and current.id == drop.version_id
        return is_current and upload.get("state") == "REJECTED" and upload["timeline"]["REJECTED"] < at
