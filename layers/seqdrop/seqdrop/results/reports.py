"""Writing what the pass over an upload found: for programs, for a person, and for MultiQC.

`reports/<upload id>.json`, `.html`, and a folder of that name with MultiQC's files. MultiQC joins files of one name
from any number of folders, so `aws s3 sync` of reports/ and `multiqc .` show all uploads together.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.reads.multiqc import contents
from seqdrop.reads.suffix import BY_SUFFIX, PACKED
from seqdrop.report.page import page

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.work.examination import Examination


def write_reports(
    s3, bucket: str, upload: Upload, examination: Examination, selection: dict, mate: dict | None = None
) -> None:
    """Put all of an upload's reports. The same arguments give the same objects.

    `selection` is what of the file goes to the model (kinds.plans.selection_of); `mate` what is known of the pair.
    """
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id}
    of_mate = {"mate": mate} if mate else {}
    report = {**place, **examination.report, **selection, **of_mate}
    shown = page(report, posixpath.basename(upload.key), examination.rejection)
    s3.put_object(
        Bucket=bucket,
        Key=keys.page(upload.id),
        Body=shown.encode(),
        ContentType="text/html; charset=utf-8",
    )
    for name, content in contents({sample_name(upload.key): report}).items():
        if content["data"]:  # a FASTA file has no qualities
            _put_json(s3, bucket, keys.multiqc(upload.id, name), content)
    _put_json(s3, bucket, keys.report(upload.id), report)


def sample_name(key: str) -> str:
    """What MultiQC calls the file, as it would for other tools: the base name without its suffixes."""
    first, *suffixes = posixpath.basename(key).split(".")
    for known in (PACKED, BY_SUFFIX):
        if suffixes and suffixes[-1].lower() in known:
            suffixes.pop()
    return ".".join([first, *suffixes]) or posixpath.basename(key)


def _put_json(s3, bucket: str, key: str, content: dict) -> None:
    body = (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
