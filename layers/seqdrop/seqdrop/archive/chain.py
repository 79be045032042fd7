"""Verify the chain of manifests and the receipts that they list, from the bytes alone.

Each manifest has the SHA-256 of the one before it. The walk begins at the last manifest and follows these links, so a
manifest is judged by one that is later and therefore already proven; the last one is proven by a head that was kept
elsewhere: in a mail, in the ledger, or signed. Keys of manifests sort in the order of the chain.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.archive.manifest import parse_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from seqdrop.archive.manifest import Entry, Link, Manifest

MISSING, ALTERED, INSERTED, EXCHANGED = "missing", "altered", "inserted", "exchanged"


@dataclass(frozen=True)
class Finding:
    """A fault: what happened to the object with this key. `version_id` is the version that the chain lists, if any.

    `other` is the key of the object whose bytes it has, if the two were exchanged.
    """

    fault: str
    key: str
    version_id: str = ""
    other: str = ""


@dataclass(frozen=True)
class Evidence:
    """What is compared: the bytes of manifests and the SHA-256 of receipts and tombstones, each by key.

    `heads` are heads that were kept elsewhere: SHA-256 by the key of the manifest. `hashes` are heads whose key is not
    known. `end` is the key after which there is no manifest; "" if that is not known. `pending` are keys of objects
    that no manifest lists yet. With `since`, the key of a manifest, the chain is read from there on only.
    """

    manifests: Mapping[str, bytes]
    digests: Mapping[str, str]
    heads: Mapping[str, str] = field(default_factory=dict)
    hashes: Set[str] = frozenset()
    end: str = ""
    pending: Set[str] = frozenset()
    since: str = ""


@dataclass
class Verdict:
    """The faults, and how many manifests and objects were proven.

    `lost_hashes` are heads without a key that no manifest has. `unproven` are objects that cannot be judged, because
    the manifest that would list them is missing or altered. `head` is the last manifest that belongs to the chain.
    """

    findings: list[Finding] = field(default_factory=list)
    lost_hashes: list[str] = field(default_factory=list)
    manifests: int = 0
    objects: int = 0
    pending: int = 0
    unproven: list[str] = field(default_factory=list)
    head: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing, altered or inserted."""
        return not self.findings and not self.lost_hashes


def verify(evidence: Evidence) -> Verdict:
    """Return what is wrong with the manifests and the objects that they list."""
    verdict = Verdict()
    walk = _Walk(evidence, verdict)
    chain = walk.run()
    verdict.findings.sort(key=lambda finding: finding.key)
    _check_objects(evidence, chain, verdict, is_whole=not verdict.findings)
    verdict.lost_hashes = sorted(evidence.hashes - set(walk.digests.values()))
    return verdict


class _Walk:
    """The walk along the links, from the last manifest to the first."""

    def __init__(self, evidence: Evidence, verdict: Verdict) -> None:
        self.evidence, self.verdict = evidence, verdict
        self.keys = sorted((key for key in evidence.manifests if key >= evidence.since), reverse=True)
        self.digests = {key: hashlib.sha256(evidence.manifests[key]).hexdigest() for key in self.keys}
        self.next: Link | None = None
        self.is_linked = False  # whether `next` says what comes before the last manifest that was read

    def run(self) -> list[Manifest]:
        """Return the manifests that belong to the chain, the first one first."""
        for key in sorted(self.evidence.heads.keys() - self.digests.keys()):
            if key >= self.evidence.since:
                self._report(MISSING, key)
        chain = [manifest for key in self.keys if (manifest := self._read(key))]
        if self.is_linked and self.next and self.next["key"] >= self.evidence.since:
            self._report(MISSING, self.next["key"])
        return chain[::-1]

    def _read(self, key: str) -> Manifest | None:
        """Return a manifest of the chain; None if it is altered or does not belong there."""
        if self.evidence.end and key > self.evidence.end:
            self._report(INSERTED, key)
            return None
        if self.is_linked:
            if self.next is None or key > self.next["key"]:
                self._report(INSERTED, key)
                return None
            if key < self.next["key"]:
                self._report(MISSING, self.next["key"])
                self.is_linked = False
        return self._judge(key)

    def _judge(self, key: str) -> Manifest | None:
        manifest, digest = parse_manifest(self.evidence.manifests[key]), self.digests[key]
        expected = self.next["sha256"] if self.is_linked and self.next else digest
        if manifest is None or digest != expected or digest != self.evidence.heads.get(key, digest):
            self.is_linked = False
            self._report(ALTERED, key)
            return None
        self.next, self.is_linked = manifest["previous"], True
        self.verdict.manifests += 1
        self.verdict.head = self.verdict.head or key
        return manifest

    def _report(self, fault: str, key: str) -> None:
        finding = Finding(fault, key)
        if finding not in self.verdict.findings:
            self.verdict.findings.append(finding)


def _check_objects(evidence: Evidence, chain: list[Manifest], verdict: Verdict, is_whole: bool) -> None:
    listed: dict[str, Entry] = {entry["key"]: entry for manifest in chain for entry in manifest["entries"]}
    owners = {entry["sha256"]: key for key, entry in listed.items()}
    for key, entry in sorted(listed.items()):
        actual = evidence.digests.get(key)
        if actual == entry["sha256"]:
            verdict.objects += 1
            continue
        version, other = entry.get("version_id") or "", owners.get(actual or "", "")
        fault = MISSING if actual is None else EXCHANGED if other else ALTERED
        verdict.findings.append(Finding(fault, key, version, other))
    unlisted = sorted(evidence.digests.keys() - listed.keys())
    verdict.pending = len(evidence.pending & set(unlisted))
    for key in unlisted:
        if evidence.since or key in evidence.pending:
            continue
        if is_whole:
            verdict.findings.append(Finding(INSERTED, key))
        else:
            verdict.unproven.append(key)
