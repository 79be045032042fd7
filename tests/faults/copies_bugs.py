"""Deliberate bugs in copies in parts and in the removal of kept landing versions."""

from __future__ import annotations

from seqdrop.aws.continued_copy import ContinuedCopy
from seqdrop.stages.archive import archive, kept_landing

from tests.faults.planting import Bug, make_registry, skip_check

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("a copy that is continued copies its finished parts again")
def _repeated_parts():
    def read_nothing(self, upload) -> dict:
        original(self, upload)
        return {}

    original = ContinuedCopy._read_finished
    return [(ContinuedCopy, "_read_finished", read_nothing)]


@_bug("a part is missing from the copy when the time did not suffice")
def _missing_part():
    def copy_parts(self, upload):
        original(self, upload)
        finished = self._read_finished(upload)
        return [finished[number] for number in sorted(finished)]

    original = ContinuedCopy._copy_parts
    return [(ContinuedCopy, "_copy_parts", copy_parts)]


@_bug("a kept version is removed at the next message", quick=True)
def _early():
    return [(kept_landing, "now", lambda: "9")]


@_bug("a kept version is removed when it is archived", quick=True)
def _at_once():
    def complete(services, upload, copy) -> None:
        original(services, upload, copy)
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)

    original = archive._complete
    return [(archive, "_complete", complete)]


_bug("the reconciler does not look for kept versions", quick=True)(skip_check("kept_versions"))
