"""Deliberate bugs in the handling of files that are sent again. The schedules must find them."""

from __future__ import annotations

from seqdrop.stages.archive import repeated
from seqdrop.stages.assemble import masks, repeats
from seqdrop.stages.assemble.masks import Masks
from seqdrop.stages.outcomes import close_upload

from tests.faults.planting import Bug, make_registry

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("a duplicate is deleted without a look at the copy", quick=True)
def _copy_trusted():
    return [(repeated, "is_kept", lambda services, upload: True)]


@_bug("the removal of a duplicate is not recorded before its object is deleted", quick=True)
def _removal_not_recorded():
    def remove(services, upload, twin) -> None:
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
        close_upload(services, upload, "DUPLICATE", duplicate_of=twin.id)

    return [(repeated, "_remove", remove)]


@_bug("a file is copied although another upload of it is about to be copied")
def _claim_ignored():
    return [(repeated, "_is_about_to_be_copied", lambda services, holder: False)]


@_bug("a file is looked up only before it is predicted, not before it is copied", quick=True)
def _not_looked_up_again():
    return [(repeated, "is_kept", lambda services, upload: False)]


@_bug("a file is looked up only before it is copied, not before it is predicted", quick=True)
def _looked_up_late():
    return [(module, "find_twin", lambda *_: None) for module in (masks, repeats)]


@_bug("a file that is sent again on purpose is taken for a duplicate", quick=True)
def _purpose_ignored():
    from seqdrop.stages import duplicates

    return [(module, "is_sent_again", lambda services, upload: False) for module in (duplicates, repeated)]


@_bug("a FASTA is a duplicate although its BED is new", quick=True)
def _each_alone():
    return [(Masks, "each_alone", True)]


@_bug("a member of a set that waits for the others waits for ever", quick=True)
def _waits_for_ever():
    return [(repeats, "_end_waiting", lambda view, policy, decision: decision)]


@_bug("a set whose copy is lost is read again, and its record still names the lost copy", quick=True)
def _lost_copy_named():
    original = repeated._read_again

    def read_again(services, upload, file) -> bool:

        done = original(services, upload, file)
        services.ledger.save(services.ledger.archived_file(file).with_upload(file.upload))
        return done

    return [(repeated, "_read_again", read_again)]
