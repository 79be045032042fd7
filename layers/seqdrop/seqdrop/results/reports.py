"""Write the reports on an upload: for programs, for people, and for MultiQC.

They are `reports/<upload id>.json`, `reports/<upload id>.html`, and MultiQC's files in `reports/<upload id>/`. MultiQC
joins files with the same name in different folders, so `aws s3 sync` of reports/ and `multiqc .` show all uploads
together. Of two samples with the same name it would show one, so a name has the folders of its file.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.reads.multiqc import make_custom_content
from seqdrop.reads.suffix import BY_SUFFIX, PACKED
from seqdrop.report.page import render_page

SEPARATOR = " | "

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.errors import UploadReference
    from seqdrop.ledger.records import Upload
    from seqdrop.reads.multiqc import CustomContent
    from seqdrop.report.schema import MateFacts, Report, SelectionEntry
    from seqdrop.work.examination import Examination


def write_reports(
    s3: S3Client,
    bucket: str,
    upload: Upload,
    examination: Examination,
    selection: SelectionEntry,
    mate: MateFacts | None = None,
) -> None:
    """Write all reports of an upload. The same arguments give the same objects.

    `upload.duplicate_of` is the id of an archived upload of the same bytes, whatever the state of this one. `selection`
    describes the records that go to the model (kinds.plans.selection_of), `mate` the comparison with the
    mate.
    """
    reference: UploadReference = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id}
    report: Report = {**reference, **examination.report, **selection}
    if upload.duplicate_of:
        report["archived_before"] = upload.duplicate_of
    if mate:
        report["mate"] = mate
    html = render_page(report, posixpath.basename(upload.key), examination.rejection)
    s3.put_object(
        Bucket=bucket,
        Key=keys.page(upload.id),
        Body=html.encode(),
        ContentType="text/html; charset=utf-8",
    )
    for name, content in make_custom_content({sample_path(upload.key): report}).items():
        if content["data"]:  # a FASTA file has no qualities
            _put_json(s3, bucket, keys.multiqc(upload.id, name), content)
    _put_json(s3, bucket, keys.report(upload.id), report)


def sample_path(key: str) -> str:
    """Return the name of an upload's sample in MultiQC: its folders below the prefix, and `sample_name`.

    They are separated as `multiqc --dirs` does it: `run7 | S1_L001_R1_001`.
    """
    folders = key.split("/")[1:-1]
    return SEPARATOR.join([*filter(None, folders), sample_name(key)])


def sample_name(key: str) -> str:
    """Return the file name without the suffixes of format and compression, the name of a sample in a single folder."""
    first, *suffixes = posixpath.basename(key).split(".")
    for known in (PACKED, BY_SUFFIX):
        if suffixes and suffixes[-1].lower() in known:
            suffixes.pop()
    return ".".join([first, *suffixes]) or posixpath.basename(key)


def _put_json(s3: S3Client, bucket: str, key: str, content: CustomContent | Report) -> None:
    body = (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
