"""Compare the files of a run with its checksum lists, and write the result into the ledger.

The stage that completes a run calls `apply_lists` before the files advance. A file that a list agrees with gets the
facts `listed_by` and `listed_value`, which its receipt repeats; a file that a list disagrees with is REJECTED. Each
file is written at most once, TOGETHER of them in a transaction, and what is written is not written again. So the
function may be called any number of times, also after a crash in the middle.

A checksum that was not computed when the file was read, such as the MD5 for a list that came later, takes a second
read of the file. One call reads at most `most_read` bytes again. If files are left, `unread` names them, and the caller
calls again, for example with a message to itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.config.analysis import READ_FORMATS
from seqdrop.errors import Fault, InvalidFileError, ObjectGoneError, RetryableError, UnreadableObjectError
from seqdrop.ledger.records import Step
from seqdrop.reads.checksums import MD5, Checksums, algorithm_of
from seqdrop.runs.checksum_lists import in_order, parse_list
from seqdrop.runs.checksum_verdicts import judge_lists
from seqdrop.runs.files import RunFileError
from seqdrop.stages.file_pages import refresh_page
from seqdrop.stages.notifications import RejectionMail, mail_rejection, write_reason
from seqdrop.stages.outcomes import close_upload
from seqdrop.work.examination import rejection
from seqdrop.work.hashing import MOST_IN_LAMBDA, hash_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqdrop.ledger.records import Fact, Upload
    from seqdrop.runs.checksum_lists import ChecksumList
    from seqdrop.runs.checksum_verdicts import Verdict, Verdicts
    from seqdrop.runs.files import ReadFile
    from seqdrop.runtime.services import Services

DIFFERS = "checksum_differs"
ADVICE = (
    "The file was changed after the list was written, or damaged on the way. Compare it with the file on the "
    "instrument, and upload it again. If the list is wrong, correct it, and upload the list and the file again."
)
MOST_READ = MOST_IN_LAMBDA  # bytes
MOST_LIST = 20_000_000  # bytes of a list; enough for more than 100,000 files
TOGETHER = 50  # records in one transaction; DynamoDB allows 100
MAX_TRIES = 10  # a try fails only if another invocation wrote the record


@dataclass(frozen=True)
class ListResult:
    """What the lists say of a run; all names are paths below the run folder.

    `agreed` maps a file to the list that agrees, `differing` to the message why not. `missing` maps a list to the files
    that it names and that are not there. `unread` are files that the next call reads again; `too_large` are never read
    again. `errors` are lists that cannot be read.
    """

    agreed: dict[str, str] = field(default_factory=dict)
    differing: dict[str, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    errors: list[RunFileError] = field(default_factory=list)


@dataclass
class _Run:
    """A run while its lists are applied: its folder, its uploads by name, and the checksums of those that were read."""

    folder: str
    uploads: Mapping[str, Upload]
    checksums: dict[str, Checksums]
    again: set[str] = field(default_factory=set)  # names of files that this call read again

    def validated(self, name: str) -> Upload | None:
        """Return the upload of a file if it is VALIDATED, so that it may be written; otherwise None."""
        upload = self.uploads.get(name)
        return upload if upload and upload.state == "VALIDATED" else None

    def facts(self, name: str) -> dict[str, Fact]:
        """Return the facts of a file that only this call knows."""
        checksums = self.checksums[name]
        return {"crc32": checksums.crc32, "md5": checksums.md5} if name in self.again else {}


def apply_lists(
    services: Services,
    folder: str,
    uploads: Mapping[str, Upload],
    read_list: ReadFile,
    most_read: int = MOST_READ,
    bundled: Mapping[str, Checksums] | None = None,
) -> ListResult:
    """Compare a run with its checksum lists, note the agreement of VALIDATED uploads, and reject those that differ.

    `folder` is the key of the run folder, with its slash; `uploads` are the present upload of each file, by its path
    below the folder, and `read_list` returns the content of a list. Uploads in other states are compared if their
    checksums are known, and not written. `bundled` are the checksums of files inside bundles, which are uploads only as
    a whole: they are compared, and what differs is in the result, but nothing is written. Raise RetryableError if other
    invocations kept writing a record.
    """
    result = ListResult()
    known = {name: Checksums(upload.crc32, upload.sha256, upload.md5) for name, upload in uploads.items()}
    run = _Run(folder, uploads, {**(bundled or {}), **known})
    lists = list(_parse_lists(uploads, read_list, result.errors))
    verdicts = judge_lists(lists, run.checksums)
    if verdicts.uncomputed:
        _read_again(services, run, verdicts.uncomputed, result, most_read)
        verdicts = judge_lists(lists, run.checksums)
    _note_agreement(services, run, verdicts)
    for name, verdict in verdicts.differing.items():
        result.differing[name] = _describe(verdict)
        _reject(services, run, name, verdict)
    result.agreed.update({name: verdict.name for name, verdict in verdicts.agreed.items()})
    result.missing.update(verdicts.missing)
    return result


def _parse_lists(
    uploads: Mapping[str, Upload], read_list: ReadFile, errors: list[RunFileError]
) -> Iterator[ChecksumList]:
    """Yield the lists of a run, the preferred ones first; append an error for each that cannot be read."""
    for name in in_order(uploads):
        try:
            if uploads[name].size > MOST_LIST:
                raise RunFileError(name, f"it has {uploads[name].size:,} bytes; a list may have {MOST_LIST:,}")
            yield parse_list(name, read_list(name))
        except FileNotFoundError:
            errors.append(RunFileError(name, "it was deleted before it was read"))
        except RunFileError as error:
            errors.append(error)


def _read_again(
    services: Services, run: _Run, uncomputed: Mapping[str, str], result: ListResult, most_read: int
) -> None:
    """Compute the missing checksums of VALIDATED files, in the order of their names, as long as `most_read` allows."""
    left = most_read
    for name in sorted(uncomputed):
        upload = run.validated(name)
        if upload is None:
            continue
        if upload.size > most_read:
            result.too_large.append(name)
        elif upload.size > left:
            result.unread.append(name)
        else:
            left -= upload.size
            _compute(services, run, name, uncomputed[name])


def _compute(services: Services, run: _Run, name: str, algorithm: str) -> None:
    upload = run.uploads[name]
    try:
        checksums = hash_object(services.s3, upload.version, md5=algorithm == MD5 or bool(upload.md5)).checksums
    except (ObjectGoneError, UnreadableObjectError):
        return  # the stage that archives the file withdraws or rejects it
    run.checksums[name] = checksums
    run.again.add(name)


def _note_agreement(services: Services, run: _Run, verdicts: Verdicts) -> None:
    """Write `listed_by` and `listed_value` of the VALIDATED uploads that do not have them yet."""
    steps = [
        Step(upload, upload.state, _agreement(run, name, verdict))
        for name, verdict in verdicts.agreed.items()
        if (upload := run.validated(name)) and not _is_noted(upload, run.folder, verdict)
    ]
    for first in range(0, len(steps), TOGETHER):
        together = steps[first : first + TOGETHER]
        if not services.ledger.move_together(together):
            for step in together:  # another invocation wrote one of them
                _note_alone(services, step)


def _agreement(run: _Run, name: str, verdict: Verdict) -> dict[str, Fact]:
    return {"listed_by": run.folder + verdict.name, "listed_value": verdict.listed, **run.facts(name)}


def _is_noted(upload: Upload, folder: str, verdict: Verdict) -> bool:
    return (upload.listed_by, upload.listed_value) == (folder + verdict.name, verdict.listed)


def _note_alone(services: Services, step: Step[Upload]) -> None:
    for _ in range(MAX_TRIES):
        current = services.ledger.reread(step.record)
        if current is None or current.state != "VALIDATED" or current.listed_by == step.facts["listed_by"]:
            return
        if services.ledger.note(current, **step.facts):
            return
    raise RetryableError(f"other invocations kept writing the record of upload {step.record.id}")


def _describe(verdict: Verdict) -> str:
    algorithm = algorithm_of(verdict.listed).upper()
    return f"its {algorithm} is {verdict.computed}, but {verdict.name} lists {verdict.listed}"


def _reject(services: Services, run: _Run, name: str, verdict: Verdict) -> None:
    """Write the reason of a file that differs, and move it to REJECTED with its attempts; a crash may repeat a mail."""
    upload, reason = run.validated(name), rejection(InvalidFileError(Fault(DIFFERS, _describe(verdict), ADVICE)))
    if upload is None:
        return
    for _ in range(MAX_TRIES):
        write_reason(services, upload, reason, has_report=upload.format in READ_FORMATS)
        mail_rejection(services, [upload], reason, RejectionMail(has_report=False))
        if close_upload(services, upload, "REJECTED", None, reason=DIFFERS, **run.facts(name)):
            refresh_page(services, upload)
            return
        upload = services.ledger.require_upload(upload.id)
        if upload.state != "VALIDATED":
            return
    raise RetryableError(f"other invocations kept writing the record of upload {upload.id}")
