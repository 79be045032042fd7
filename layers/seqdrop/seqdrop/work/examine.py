"""One pass over an upload: checks, figures, and the work items of its analysis. Knows S3, and no ledger or queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from seqdrop.aws.multipart import PartDigests, in_parts
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.companions.runs import run_of
from seqdrop.config.analyses import Analysis
from seqdrop.errors import Fault, InvalidFile
from seqdrop.ledger.records import Attempt
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.uploads import UploadVersion
from seqdrop.work import mate_digests
from seqdrop.work.examination import Examination, rejection, save
from seqdrop.work.items import MEGABYTE, items_of, runs_of_n, shard_key, shards
from seqdrop.work.selection import Selection


def examine(
    s3,
    work: str,
    version: UploadVersion,
    analysis: Analysis,
    begun: Callable[[Reading], None] = lambda _: None,
    masks: BedMasks | None = None,
    number: int = 1,
) -> Examination:
    """Read an upload once, for its attempt of that number. Its shards, the examination and, of a mate, the digest of
    names lie in the bucket `work` when this returns.

    `begun` is handed the reading before it starts, to tell how far it has come; `masks` say what to fill in place of
    runs of N. Raises ObjectGone. The same version, analysis and masks give the same objects.
    """
    with RangedObject(s3, version) as body:
        parts = PartDigests(body) if in_parts(version.size) else None
        reading = _reading(parts or body, version, analysis)
        begun(reading)
        refused, numbers = _read(s3, work, _unwritten(version, analysis, masks, number), reading, analysis, masks)
    if parts and not refused:
        numbers["sha256_of_parts"] = parts.sha256
    if not refused:
        mate_digests.save(s3, work, version.id, version.key, reading)
    by = masks.upload_id if masks else ""
    run = run_of(version.key, analysis.prefix)
    about = {"masks": by, "run": run, "number": number}
    found = Examination(version.id, analysis.as_json(), reading.report(), refused, **numbers, **about)
    save(s3, work, found)
    return found


def _reading(body, version: UploadVersion, analysis: Analysis) -> Reading:
    policy = Policy(analysis.severity)
    return Reading(body, analysis.formats, name=version.key, alphabet=analysis.alphabet, policy=policy)


def _unwritten(version: UploadVersion, analysis: Analysis, masks: BedMasks | None, number: int) -> Attempt:
    """The attempt that the shards are named after."""
    by = masks.upload_id if masks else ""
    return Attempt("PLANNED", upload_id=version.id, analysis=analysis.name, number=number, masks=by)


def _read(
    s3, work: str, attempt: Attempt, reading: Reading, analysis: Analysis, masks: BedMasks | None
) -> tuple[dict | None, dict]:
    """What rejects the file, if anything does; and how much of it the model is to see."""
    spans = masks.spans if masks else runs_of_n
    refused, count, items, chosen = None, 0, 0, Selection(analysis, spans)
    try:
        if analysis.use:
            records = masks.cover(reading.records()) if masks else reading.records()
            lines = items_of(attempt.upload_id, chosen.of(records), analysis, spans)
            count, items = _write_shards(s3, work, attempt, lines, analysis)
            if masks:
                masks.check()
            _check_items(items, analysis)
        else:
            reading.run()
    except InvalidFile as error:
        refused = rejection(error)
    return refused, {"shards": count, "items": items, "taken": chosen.taken, "distinct": chosen.distinct}


def _write_shards(s3, work: str, attempt: Attempt, lines: Iterator[bytes], analysis: Analysis) -> tuple[int, int]:
    """(shards, work items) of the lines. Raises InvalidFile."""
    count = items = 0
    for count, (body, held) in enumerate(shards(lines, analysis.job.shard_mb * MEGABYTE), start=1):
        s3.put_object(Bucket=work, Key=shard_key(attempt, count - 1), Body=body)
        items += held
    return count, items


def _check_items(items: int, analysis: Analysis) -> None:
    """A job takes no empty input. A FASTA without a run of N has none until its BED comes."""
    if not items and not analysis.fills:
        advice = "Nothing is to be done for it here; drop it under raw/ to archive it."
        raise InvalidFile(Fault("nothing_to_score", "the file has nothing that the model could be asked about", advice))
