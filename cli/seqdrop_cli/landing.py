"""The upload of files to the landing bucket, and the choice of their keys."""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_denied
from seqdrop.companions.runs import is_marker
from seqdrop.config.kind import DNA, PROTEIN
from seqdrop.errors import SeqdropError
from seqdrop.kinds.plans import packaged
from seqdrop.stages.duplicates import AGAIN
from seqdrop.training.jobfile import JOB
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client
    from seqdrop.config.analyses import Analyses

DEFAULT_PREFIX = "raw/"
FORMAT_OF_SUFFIX = {".fastq": "fastq", ".fq": "fastq", ".fasta": "fasta", ".fa": "fasta", ".fna": "fasta"}
# Only the suffix distinguishes a FASTA of proteins from DNA; the first character of the file does not.
PROTEIN_SUFFIXES = {".faa", ".pep"}
# The other transfer client, which boto3 may choose where awscrt is installed, emits no events.
CLASSIC = TransferConfig(preferred_transfer_client="classic")
CREATIONS = ("after-call.s3.PutObject", "after-call.s3.CompleteMultipartUpload")


class UploadFailedError(SeqdropError):
    """S3 did not accept a file."""


@dataclass(frozen=True)
class Drop:
    """One file and the key under which it will land."""

    path: Path
    key: str


def plan_drops(paths: list[Path], prefix: str | None = None) -> list[Drop]:
    """Return the files at the paths with their keys. Folders are searched recursively; hidden files are left out.

    Without a prefix, the format of a file decides: the prefix of the first analysis with a model for this format, else
    raw/. The marker of a run gets the prefixes of the files of its folder. Markers and job.toml come last in the list,
    because they start the work on the files beside them. Raise FileNotFoundError if a path does not exist, and
    ValueError if no analysis has the prefix.
    """
    if prefix is not None:
        prefix = prefix.strip("/") + "/"
        if packaged().for_key(prefix) is None:
            raise ValueError(f"analyses.toml has no prefix {prefix}; it has {', '.join(packaged().prefixes)}")
    drops = (drop for path in paths for drop in _walk(path, prefix))
    return sorted(drops, key=lambda drop: is_marker(drop.key) or PurePosixPath(drop.key).name == JOB)


def _walk(path: Path, prefix: str | None) -> list[Drop]:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check the path")
    if path.is_file():
        return [Drop(path, (prefix or prefix_for(path)) + path.name)]
    paths = sorted(child for child in path.rglob("*") if child.is_file() and not _is_hidden(child.relative_to(path)))
    files = [Drop(child, _key_in_folder(path, child, prefix)) for child in paths if prefix or not is_marker(child.name)]
    if prefix is None:
        files += [drop for child in paths if is_marker(child.name) for drop in _marker_drops(path, child, files)]
    return files


def _marker_drops(folder: Path, marker: Path, files: list[Drop]) -> list[Drop]:
    """Return the drops of a marker: one for each place to which files of its folder, or of folders below it, go."""
    below = [(drop, drop.path.relative_to(marker.parent)) for drop in files if marker.parent in drop.path.parents]
    places = {drop.key.removesuffix(relative.as_posix()) for drop, relative in below}
    if not places:
        return [Drop(marker, _key_in_folder(folder, marker, None))]
    return [Drop(marker, place + marker.name) for place in sorted(places)]


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)


def _key_in_folder(folder: Path, path: Path, prefix: str | None) -> str:
    """Return the key of a file in a dropped folder.

    A folder that is laid out like the landing bucket (reads/…, contigs/…) keeps its layout.
    """
    relative = path.relative_to(folder).as_posix()
    if prefix is None and packaged().for_key(relative):
        return relative
    return f"{prefix or prefix_for(path)}{folder.resolve().name}/{relative}"


def prefix_for(path: Path, analyses: Analyses | None = None) -> str:
    """Return the prefix for a file, by its first character or else by its suffix; raw/ if no analysis takes it."""
    format_name = guess_format(path)
    alphabet = PROTEIN if PROTEIN_SUFFIXES & set(path.suffixes) else DNA
    for analysis in (analyses or packaged()).by_name.values():
        if analysis.has_model and format_name in analysis.formats and analysis.alphabet == alphabet:
            return analysis.prefix
    return DEFAULT_PREFIX


def guess_format(path: Path) -> str | None:
    """Return "fastq", "fasta", or None if neither content nor suffix decides. The file is not validated."""
    by_first_byte = {b"@": "fastq", b">": "fasta"}.get(_read_first_byte(path))
    suffixes = [suffix for suffix in path.suffixes if suffix in FORMAT_OF_SUFFIX]
    by_suffix = FORMAT_OF_SUFFIX[suffixes[-1]] if suffixes else None
    return by_first_byte or by_suffix


def _read_first_byte(path: Path) -> bytes:
    try:
        with path.open("rb") as plain:
            if plain.read(2) != b"\x1f\x8b":
                plain.seek(0)
                return plain.read(1)
        with gzip.open(path) as compressed:
            return compressed.read(1)
    except (OSError, EOFError, zlib.error):
        return b""


def upload_file(s3: S3Client, bucket: str, drop: Drop, *, again: bool = False) -> UploadVersion:
    """Upload one file, in parts if it is large, and return the object version. S3 verifies a CRC of the bytes.

    The version is that of S3's response. A request for it would need the permission to read, and could return the
    version of another upload to the same key. With `again`, the file is processed although the
    archive has it. Raise UploadFailedError if S3 does not accept the file.
    """
    responses: list[Mapping[str, Any]] = []
    try:
        with _collect_responses(s3, responses):
            extra = {"Metadata": {AGAIN: "1"}} if again else {}
            s3.upload_file(str(drop.path), bucket, drop.key, ExtraArgs=extra, Config=CLASSIC)
    except (S3UploadFailedError, ClientError) as error:
        raise UploadFailedError(f"{drop.path} could not be uploaded: {error}{_advise(error)}") from error
    version, etag = responses[-1].get("VersionId", "null"), responses[-1]["ETag"].strip('"')
    return UploadVersion(bucket, drop.key, version, drop.path.stat().st_size, etag)


def _advise(error: Exception) -> str:
    """Return what to do about a refusal. boto3 raises its own error while it handles that of S3."""
    refusal = error if isinstance(error, ClientError) else error.__context__
    if not (isinstance(refusal, ClientError) and is_denied(refusal)):
        return ""
    return (
        "; ask an administrator for the stack's UploaderPolicy (docs/who-may-drop.md); it allows uploads under the "
        "prefixes in the stack's parameter UploaderPrefixes"
    )


@contextmanager
def _collect_responses(s3: S3Client, responses: list[Mapping[str, Any]]) -> Iterator[None]:
    """Append the responses of the requests that create objects; `upload_file` itself returns nothing."""

    def collect(parsed: Mapping[str, Any], **_: object) -> None:
        responses.append(parsed)

    for event in CREATIONS:
        s3.meta.events.register(event, collect)
    try:
        yield
    finally:
        for event in CREATIONS:
            s3.meta.events.unregister(event, collect)
