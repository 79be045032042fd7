"""Dropping files: which key each gets, and the upload."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boto3.s3.transfer import S3UploadFailedError
from botocore.exceptions import ClientError
from seqdrop.companions.runs import is_marker
from seqdrop.config.kind import DNA, PROTEIN
from seqdrop.kinds.plans import packaged
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop.config.analyses import Analyses

BY_SUFFIX = {".fastq": "fastq", ".fq": "fastq", ".fasta": "fasta", ".fa": "fasta", ".fna": "fasta"}
PROTEINS = {".faa", ".pep"}  # by suffix alone: what a FASTA is of, its first character does not tell


@dataclass(frozen=True)
class Drop:
    """One file and the key it will land under."""

    path: Path
    key: str


def plan_drops(paths: list[Path], prefix: str | None = None) -> list[Drop]:
    """The key of every file; folders are walked, hidden files left out. Raises FileNotFoundError.

    Without a prefix the file's format decides: the first analysis with a model that takes it, else raw/. The marker of
    a run goes where the files of its folder go, and after them. Raises ValueError for a prefix that no analysis has.
    """
    if prefix is not None:
        prefix = prefix.strip("/") + "/"
        if packaged().for_key(prefix) is None:
            raise ValueError(f"{prefix} is no prefix of analyses.toml; it has {', '.join(packaged().prefixes)}")
    return sorted((drop for path in paths for drop in _walk(path, prefix)), key=lambda drop: is_marker(drop.key))


def _walk(path: Path, prefix: str | None) -> list[Drop]:
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there")
    if path.is_file():
        return [Drop(path, (prefix or prefix_for(path)) + path.name)]
    found = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
    files = [Drop(p, _key_in_folder(path, p, prefix)) for p in found if prefix or not is_marker(p.name)]
    if prefix is None:
        files += [drop for p in found if is_marker(p.name) for drop in _markers(path, p, files)]
    return files


def _markers(folder: Path, path: Path, files: list[Drop]) -> list[Drop]:
    """A marker's drops: in each place where files of its own folder, or of one below, go."""
    below = [(drop, drop.path.relative_to(path.parent)) for drop in files if path.parent in drop.path.parents]
    places = {drop.key.removesuffix(relative.as_posix()) for drop, relative in below}
    return [Drop(path, place + path.name) for place in sorted(places)] or [
        Drop(path, _key_in_folder(folder, path, None))
    ]


def _hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)


def _key_in_folder(folder: Path, path: Path, prefix: str | None) -> str:
    """A folder laid out like the landing bucket (reads/…, contigs/…) keeps its layout."""
    relative = path.relative_to(folder).as_posix()
    if prefix is None and packaged().for_key(relative):
        return relative
    return f"{prefix or prefix_for(path)}{folder.resolve().name}/{relative}"


def prefix_for(path: Path, analyses: Analyses | None = None) -> str:
    """The prefix that suits a file, by its first character or else its suffix; raw/ if nothing tells."""
    name, alphabet = format_of(path), PROTEIN if PROTEINS & set(path.suffixes) else DNA
    for analysis in (analyses or packaged()).by_name.values():
        if analysis.has_model and name in analysis.formats and analysis.alphabet == alphabet:
            return analysis.prefix
    return "raw/"


def format_of(path: Path) -> str | None:
    """ "fastq" or "fasta", or None. Only looks; whether the file is valid is for validate to say."""
    suffixes = [suffix for suffix in path.suffixes if suffix in BY_SUFFIX]
    return {b"@": "fastq", b">": "fasta"}.get(_first_byte(path)) or (BY_SUFFIX[suffixes[-1]] if suffixes else None)


def _first_byte(path: Path) -> bytes:
    try:
        with path.open("rb") as plain:
            if plain.read(2) != b"\x1f\x8b":
                plain.seek(0)
                return plain.read(1)
        with gzip.open(path) as packed:
            return packed.read(1)
    except (OSError, EOFError, zlib.error):
        return b""


def upload_file(s3, bucket: str, drop: Drop, callback=None) -> UploadVersion:
    """Upload one file, multipart if large; S3 checks a CRC of what it received. Answers the version made."""
    try:
        s3.upload_file(str(drop.path), bucket, drop.key, Callback=callback)
    except (S3UploadFailedError, ClientError) as error:
        raise SystemExit(f"{drop.path} could not be uploaded: {error}") from error
    head = s3.head_object(Bucket=bucket, Key=drop.key)
    version, etag = head.get("VersionId", "null"), head["ETag"].strip('"')
    return UploadVersion(bucket, drop.key, version, head["ContentLength"], etag)
