"""Recognise files that Seqdrop does not read, so that a rejection names the format and says what to do.

Sources of the signatures: the magic numbers in the specifications of the formats (gzip and zip: RFC 1952 and PKWARE's
APPNOTE; tar: POSIX.1-1988; HDF5, CRAM, BCF, Parquet, POD5, SFF, ABIF and SCF: their own). DRAGEN ORA publishes none, so
only its suffix names it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seqdrop.errors import Fault

BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # of UTF-8
_BLANK_LINES = re.compile(rb"\A(?:[ \t]*\r?\n)+")
_GZIP = b"\x1f\x8b"
_TAR_HEADER = 512
_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Microsoft Office before 2007
_SAM_HEADER = re.compile(rb"@(?:(?:HD|SQ|RG|PG)(?:\t[A-Za-z][A-Za-z0-9]:[^\t\r\n]*)+|CO\t[^\r\n]*)\r?(?:\n|$)")
_SAM_RECORD = re.compile(
    rb"[!-?A-~][!-~]*\t\d+\t[!-~]+\t\d+\t\d+\t(?:\*|(?:\d+[MIDNSHPX=])+)\t[!-~]+\t\d+\t-?\d+\t[A-Za-z=.*]+\t[!-~]+"
)

_DECOMPRESS = "Decompress it, and upload it uncompressed or as gzip (bgzip, pigz or gzip)."
_UNPACK = "Unpack the archive, and upload each sequence file on its own, uncompressed or as gzip."
_EXPORT = "Export the sequences as FASTA or FASTQ text, and upload that file."
_CONVERT = "Convert it to FASTQ with `samtools fastq`, and upload the FASTQ."
_BASECALL = (
    "It contains raw signals. Basecall it first (`dorado basecaller`), and upload the FASTQ or the unaligned BAM."
)
_NO_SEQUENCES = "It contains no sequences of reads. Upload the FASTQ, the FASTA or the unaligned BAM."
_DOWNLOAD = "A download probably failed, or needed a login. Open the file to read the message, and download it again."


class _Signature(NamedTuple):
    """The first bytes of a format, the end of the sentence "the file is …", and what to do."""

    magic: bytes
    what: str
    advice: str


# Compressed files and archives: code unsupported_compression.
_PACKED = (
    _Signature(b"BZh", "compressed with bzip2", _DECOMPRESS),
    _Signature(b"\xfd7zXZ\x00", "compressed with xz", _DECOMPRESS),
    _Signature(b"\x28\xb5\x2f\xfd", "compressed with zstd", _DECOMPRESS),
    _Signature(b"\x04\x22\x4d\x18", "compressed with lz4", _DECOMPRESS),
    _Signature(b"LZIP", "compressed with lzip", _DECOMPRESS),
    _Signature(b"\x1f\x9d", "compressed with compress (.Z)", _DECOMPRESS),
    _Signature(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    _Signature(b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    _Signature(b"PK\x05\x06", "an empty zip archive", _UNPACK),
)
# Other formats: code unsupported_format.
_BINARY = (
    _Signature(b"CRAM", "CRAM", f"{_CONVERT} samtools needs the reference of the CRAM."),
    _Signature(b"\x8bPOD\r\n\x1a\n", "POD5 (Oxford Nanopore)", _BASECALL),
    _Signature(b"\x89HDF\r\n\x1a\n", "FAST5 (Oxford Nanopore), or another HDF5 file", _BASECALL),
    _Signature(b"SLOW5\1", "BLOW5 (Oxford Nanopore)", _BASECALL),
    _Signature(b"#slow5_version", "SLOW5 (Oxford Nanopore)", _BASECALL),
    _Signature(
        b"NCBI.sra", "an SRA archive", "Extract the reads with `fasterq-dump --split-files`, and upload the FASTQ."
    ),
    _Signature(b".sff", "SFF (454 or Ion Torrent)", "Convert it to FASTQ with `sff2fastq`, and upload the FASTQ."),
    _Signature(b"ABIF", "a trace of a Sanger sequencer (AB1)", _EXPORT),
    _Signature(b".scf", "a trace of a Sanger sequencer (SCF)", _EXPORT),
    _Signature(b"\x43\x27\x41\x1a", "2bit", "Convert it to FASTA with `twoBitToFa`, and upload the FASTA."),
    _Signature(b"\x1a\x41\x27\x43", "2bit", "Convert it to FASTA with `twoBitToFa`, and upload the FASTA."),
    _Signature(b"BCF", "BCF, a table of variants", _NO_SEQUENCES),
    _Signature(b"BAI\1", "an index of a BAM", _NO_SEQUENCES),
    _Signature(b"CSI\1", "an index (CSI)", _NO_SEQUENCES),
    _Signature(b"TBI\1", "an index (tabix)", _NO_SEQUENCES),
    _Signature(b"PAR1", "Parquet, a table", _EXPORT),
    _Signature(b"%PDF-", "a PDF", _EXPORT),
    _Signature(_OFFICE, "a document of Microsoft Office (xls or doc)", _EXPORT),
    _Signature(b"{\\rtf", "a text document (RTF)", _EXPORT),
)
_TEXT = (
    _Signature(b"##fileformat=vcf", "VCF, a table of variants", _NO_SEQUENCES),
    _Signature(b"##gff-version", "GFF, a table of features", _NO_SEQUENCES),
    _Signature(b"locus  ", "GenBank", "Convert it to FASTA (`seqret -osformat fasta`), and upload the FASTA."),
    _Signature(
        b"id   ", "EMBL or UniProt text", "Convert it to FASTA (`seqret -osformat fasta`), and upload the FASTA."
    ),
    _Signature(b"#nexus", "a NEXUS alignment", _EXPORT),
    _Signature(b"# stockholm", "a Stockholm alignment", _EXPORT),
    _Signature(b"clustal", "a Clustal alignment", _EXPORT),
    _Signature(b"version https://git-lfs", "a pointer of Git LFS", "Fetch the file itself with `git lfs pull`."),
    _Signature(b"<!doctype html", "a web page (HTML)", _DOWNLOAD),
    _Signature(b"<html", "a web page (HTML)", _DOWNLOAD),
    _Signature(b"<?xml", "XML", _DOWNLOAD),
)
_BY_SUFFIX = {
    "ora": _Signature(b"", "DRAGEN ORA", "Decompress it with `orad`, and upload the .fastq.gz."),
    "bcl": _Signature(b"", "BCL (Illumina)", "Convert the run folder with `bcl-convert`, and upload the FASTQ."),
    "cbcl": _Signature(b"", "CBCL (Illumina)", "Convert the run folder with `bcl-convert`, and upload the FASTQ."),
}


def find_packing(head: bytes) -> Fault | None:
    """Return the fault of an archive, or of a compression other than gzip; None if `head` starts neither.

    `head` are the first bytes of a file; 4,096 of them distinguish a workbook from another zip archive.
    """
    if head.startswith(b"PK\x03\x04"):
        return _describe_zip(head)
    for signature in _PACKED:
        if head.startswith(signature.magic):
            return _packing_fault(signature.what, signature.advice)
    if _is_tar(head):
        return _packing_fault("a tar archive", _UNPACK)
    return None


def find_foreign_format(text: bytes, name: str = "", is_packed: bool = False) -> Fault | None:
    """Return the fault of a file that is neither FASTQ, FASTA nor BAM, if its format is known; otherwise None.

    `text` are the first decompressed bytes. `is_packed` is True if they were compressed with gzip. The suffix of `name`
    is used only for a file that does not start like a sequence file.
    """
    packing = _find_inner_packing(text) if is_packed else find_packing(text)
    return packing or _find_encoding(text) or _find_format(text, name)


def _find_inner_packing(text: bytes) -> Fault | None:
    """Return the fault of a file within gzip that is compressed again, or an archive."""
    if text.startswith(_GZIP):
        advice = "It was compressed twice. Decompress it once with `gunzip`, and upload the result."
        return _packing_fault("gzip within gzip", advice)
    inner = find_packing(text)
    if inner is None:
        return None
    return Fault(inner.code, f"{inner.message}, within gzip", inner.advice)


def _packing_fault(what: str, advice: str) -> Fault:
    return Fault("unsupported_compression", f"the file is {what}", advice)


def _describe_zip(head: bytes) -> Fault:
    """Return the fault of a zip archive. Workbooks and documents of Office are zip archives with certain members."""
    if b"xl/" in head or b"opendocument.spreadsheet" in head:
        return Fault("unsupported_format", "the file is a workbook (xlsx or ods)", _EXPORT)
    if b"[Content_Types].xml" in head or b"opendocument" in head:
        return Fault(
            "unsupported_format", "the file is a document of an office program (docx, xlsx or the like)", _EXPORT
        )
    return _packing_fault("a zip archive", _UNPACK)


def _is_tar(head: bytes) -> bool:
    """Return True if `head` is the header of a tar archive; archives before POSIX have only the checksum."""
    header = head[:_TAR_HEADER]
    if len(header) < _TAR_HEADER:
        return False
    if header[257:262] == b"ustar":
        return True
    digits = header[148:156].strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        return False
    return int(digits, 8) == sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _find_encoding(text: bytes) -> Fault | None:
    """Return the fault of a text in UTF-16 or UTF-32, with or without a byte order mark."""
    start = text[:16]
    if start.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        encoding = "UTF-32"
    elif start.startswith((b"\xff\xfe", b"\xfe\xff")) or _alternates_with_nul(start):
        encoding = "UTF-16"
    else:
        return None
    advice = f"Save it as plain text, or convert it with `iconv -f {encoding} -t UTF-8`, and upload the result."
    return Fault("wrong_encoding", f"the text is encoded as {encoding}", advice, line=1, byte=0)


def _alternates_with_nul(start: bytes) -> bool:
    """Return True if every second byte is NUL and the others are not, as in Latin text encoded as UTF-16."""
    halves = start[::2], start[1::2]
    return len(start) >= 8 and any(not half.strip(b"\0") and 0 not in other for half, other in (halves, halves[::-1]))


def _find_format(text: bytes, name: str) -> Fault | None:
    for signature in _BINARY:
        if text.startswith(signature.magic):
            return _format_fault(signature)
    lines = skip_blank_lines(text.removeprefix(BYTE_ORDER_MARK))
    if _is_sam(lines):
        return Fault(
            "unsupported_format", "the file is SAM, as text", f"{_CONVERT} An unaligned BAM is accepted as well."
        )
    if lines[:1] in (b"@", b">"):
        return None
    beginning = lines[:64].lower()
    for signature in _TEXT:
        if beginning.startswith(signature.magic):
            return _format_fault(signature)
    suffix = name.rsplit("/", 1)[-1].lower().removesuffix(".gz").rpartition(".")[2]
    by_suffix = _BY_SUFFIX.get(suffix)
    return _format_fault(by_suffix) if by_suffix else None


def _format_fault(signature: _Signature) -> Fault:
    return Fault("unsupported_format", f"the file is {signature.what}", signature.advice)


def skip_blank_lines(text: bytes) -> bytes:
    """Return a text without the blank lines at its start. A line of spaces and tabs is blank."""
    return _BLANK_LINES.sub(b"", text)


def _is_sam(lines: bytes) -> bool:
    """Return True if the text starts with a header line or a record of SAM.

    A FASTQ may start with a line that looks like a header of SAM; its third line starts with +.
    """
    if _SAM_RECORD.match(lines):
        return True
    if not _SAM_HEADER.match(lines):
        return False
    third = lines.split(b"\n", 3)[2:3]
    return not (third and third[0].startswith(b"+"))
