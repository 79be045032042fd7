"""Invariants of a run whose small files are bundled, which hold when nothing moves any more."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import SeqdropError
from seqdrop.ledger.run_record import run_id
from seqdrop.runs.bundle_index import INDEX_SUFFIX, read_index
from seqdrop.runs.bundles import check

from tests.faults import work
from tests.faults.bundle import family
from tests.faults.bundle.world import read_copy
from tests.faults.evidence import Evidence
from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.evidence import Drop
    from tests.faults.play import Player
    from tests.support.aws.s3 import Version


class BundleCheck(Evidence):
    """Each file is archived exactly once, in a bundle or as an object, with a receipt that leads to its bytes."""

    TWINS: tuple[str, ...] = ("ARCHIVED",)  # states of an upload that another one repeats

    def __init__(self, player: Player):
        super().__init__(player)
        self.receipts = {drop: self.json(keys.receipt(self.id_of(drop))) for drop in self.drops}
        versions = [version for kept in self.archive.keys.values() for version in kept if not version.marker]
        self.tars = {version.key: version for version in versions if version.key.endswith(".tar")}
        self.objects = [version for version in versions if version.key not in self.tars]

    def all(self) -> Iterator[str]:
        for drop in self.drops:
            for fault in self._of(drop):
                yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"
        for key, tar in self.tars.items():
            for fault in self._of_tar(tar):
                yield f"{key}: {fault}"
        yield from self._run()
        yield from self._mails()
        yield from work.check_messages(self)
        yield from work.check_receipts(self)
        yield from work.check_landing(self)

    # -- each dropped file --

    def _of(self, drop: Drop) -> Iterator[str]:
        state, there = self.state(drop), self.there(drop)
        if not there and not self.is_deleted(drop) and not any(self._has_copy(other) for other in self._equals(drop)):
            yield "it is neither in the landing bucket nor in the archive"
        checks = self._checks()
        if state not in checks:
            yield f"it ends in {state}: {self.reason(drop)}"
        else:
            yield from checks[state](drop)

    def _checks(self) -> dict[str, Callable[[Drop], Iterator[str]]]:
        """Return the check of each state in which a file may end; "" is that of a file without a record."""
        return {
            "": self._unknown,
            "ARCHIVED": self._archived,
            "DUPLICATE": self._duplicate,
            "WITHDRAWN": self._withdrawn,
            "VALIDATED": self._stays,
        }

    def _has_copy(self, drop: Drop) -> bool:
        """Return True if the receipt of a file leads to its bytes."""
        receipt = self.receipts[drop]
        return receipt is not None and read_copy(self.world, receipt) == drop.body

    def _equals(self, drop: Drop) -> list[Drop]:
        return [other for other in self.drops if (other.key, other.body) == (drop.key, drop.body)]

    def _unknown(self, drop: Drop) -> Iterator[str]:
        if not self.is_gone(drop):
            yield "it has no record"

    def _archived(self, drop: Drop) -> Iterator[str]:
        receipt = self.receipts[drop]
        if receipt is None:
            yield "it is archived without a receipt"
            return
        digest = hashlib.sha256(drop.body).hexdigest()
        if (receipt["landing"]["sha256"], receipt["archive"].get("sha256")) != (digest, digest):
            yield "its receipt has another checksum"
        if not self._has_copy(drop):
            yield "its receipt leads to other bytes, or to none in Deep Archive"
        if self.upload(drop)["archive_key"] != receipt["archive"]["key"]:
            yield "its record and its receipt name two copies"
        if self.there(drop) and not self.is_gone(drop):
            yield "it is archived, and is in the landing bucket as well"
        if drop.kind not in family.BUNDLED and "bundle" in receipt["archive"]:
            yield "raw signal is in a bundle"
        places = [copy.key for copy in (*self._objects_of(drop), *self._tars_of(drop))]
        if places != [receipt["archive"]["key"]]:
            yield f"the archive has it in {places}"

    def _objects_of(self, drop: Drop) -> list[Version]:
        return [version for version in self.objects if f"/{self.id_of(drop)}/" in version.key]

    def _tars_of(self, drop: Drop) -> list[Version]:
        """Return the tars that were planned with this version of a file."""
        return [tar for key, tar in self.tars.items() if self.id_of(drop) in self._planned(key)]

    def _planned(self, key: str) -> list[str]:
        """Return the upload ids of the plan of a tar, whose key has the id of the plan."""
        plan = self._json(self.world.name("work"), keys.bundle_plan(key.split("/")[-2]))
        return plan["uploads"] if plan else []

    def _duplicate(self, drop: Drop) -> Iterator[str]:
        if self.there(drop) and not self.is_gone(drop):
            yield "it is a duplicate, and is in the landing bucket"
        twins = [other for other in self._equals(drop) if self.id_of(other) == self.upload(drop).get("duplicate_of")]
        if [self.state(twin) for twin in twins] not in [[state] for state in self.TWINS]:
            yield f"it is a duplicate of {[self.state(twin) for twin in twins]}"

    def _withdrawn(self, drop: Drop) -> Iterator[str]:
        if not self.is_gone(drop):
            yield "it was withdrawn, and the lab did not delete it"
        if self.receipts[drop]:
            yield "it was withdrawn, and has a receipt"

    def _stays(self, drop: Drop) -> Iterator[str]:
        if self.is_gone(drop) and not self.there(drop):
            yield "it waits, and was deleted"
        parents = {"", family.UNIT} if f"/{family.UNIT}/" in drop.key else {""}
        if not parents.isdisjoint(self._complete()):
            yield "it waits, and its run is complete"

    # -- tars, the run and its mails --

    def _of_tar(self, tar: Version) -> Iterator[str]:
        if tar.storage != "DEEP_ARCHIVE":
            yield f"it is in {tar.storage}"
        named = [receipt for receipt in self.receipts.values() if receipt and receipt["archive"]["key"] == tar.key]
        if not named:
            yield "no receipt names it"
            return
        body = self.world.s3.read(self.results.name, keys.bundle_index(tar.key))
        if body is None:
            yield "it has no index"
            return
        try:
            check(read_index(body, tar.key.rsplit("/", 1)[-1] + INDEX_SUFFIX), io.BytesIO(tar.body))
        except SeqdropError as error:
            yield f"it differs from its index: {error}"

    def _run(self) -> Iterator[str]:
        run = run_id(self.landing.name, family.ROOT)
        record = self.world.table.items.get((f"BUNDLES#{run}", "BUNDLES"))
        if record and to_python(record["plans"]):
            yield "the run still has plans of bundles"
        yield from self._bundles(sorted(entry["key"] for entry in self._report().get("bundles", [])))

    def _bundles(self, listed: list[str]) -> Iterator[str]:
        """Check the bundles that the report of the run lists."""
        if listed != sorted(self.tars):
            yield f"bundles are listed in the report as {listed}, and the archive has {sorted(self.tars)}"

    def _complete(self) -> list[str]:
        return [part["folder"] for part in self._report().get("parts", [])]

    def _report(self) -> dict:
        return self.json(f"runs/{family.ROOT}run.json") or {}

    def _mails(self) -> Iterator[str]:
        for subject, _ in self.world.mails:
            if "could not verify" in subject or "is gone" in subject or "rejected" in subject:
                yield f"there was a mail: {subject}"
