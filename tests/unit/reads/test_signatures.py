"""Files of formats that are not read are rejected with the name of the format and with what to do."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.check import Bounds, Reading

FASTQ = b"@r1 first\nACGT\n+\nIIII\n@r2\nAC\n+r2\nII\n"
SAM = b"@HD\tVN:1.6\tSO:unknown\n@RG\tID:A\tSM:s\nx0\t4\t*\t0\t0\t*\t*\t0\t0\tACGT\tIIII\n"


def fault(body: bytes, name: str = "", block: int = 4096) -> Fault | None:
    reading = Reading(io.BytesIO(body), ["fastq", "fasta", "bam"], name=name, bounds=Bounds(block))
    try:
        reading.run()
    except InvalidFileError as error:
        return error.fault
    return None


def tar(body: bytes, format_: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format_) as archive:
        member = tarfile.TarInfo("S1_R1.fastq")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def old_tar(body: bytes) -> bytes:
    """Return a tar archive as tar wrote it before POSIX: without `ustar`."""
    header = bytearray(tar(body, tarfile.USTAR_FORMAT))
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header)


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "text " * 50)
    return packed.getvalue()


ARCHIVES = {
    "tar archive": tar(FASTQ, tarfile.USTAR_FORMAT),
    "a tar archive": tar(FASTQ, tarfile.GNU_FORMAT),
    "the file is a tar archive": old_tar(FASTQ),
    "zip archive": zipped("S1_R1.fastq"),
    "empty zip": zipped(),
    "bzip2": bz2.compress(FASTQ),
    "xz": lzma.compress(FASTQ),
    "zstd": b"\x28\xb5\x2f\xfd\x04\x00",
    "lz4": b"\x04\x22\x4d\x18\x64",
    "compress (.Z)": b"\x1f\x9d\x90",
    "7-Zip": b"7z\xbc\xaf\x27\x1c\0\x04",
    "RAR": b"Rar!\x1a\x07\x01\0",
}
FORMATS = {
    "workbook": zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"),
    "docx": zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml"),
    "xls": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504),
    "POD5": b"\x8bPOD\r\n\x1a\n" + bytes(range(40)),
    "FAST5": b"\x89HDF\r\n\x1a\n" + bytes(range(40)),
    "BLOW5": b"SLOW5\1\0\2\0",
    "CRAM": b"CRAM\3\0" + bytes(20),
    "SAM": SAM,
    "SRA": b"NCBI.sra" + bytes(30),
    "SFF": b".sff\0\0\0\1",
    "AB1": b"ABIF\0\x65tdir",
    "2bit": struct.pack("<4I", 0x1A412743, 0, 1, 0),
    "VCF": b"##fileformat=VCFv4.2\n#CHROM\tPOS\n",
    "GFF": b"##gff-version 3\nchr1\t.\tgene\n",
    "GenBank": b"LOCUS       SCU49845     5028 bp    DNA\nORIGIN\n",
    "EMBL": b"ID   X56734; SV 1; linear; mRNA; STD; PLN; 1859 BP.\n",
    "Stockholm": b"# STOCKHOLM 1.0\n",
    "Parquet": b"PAR1" + bytes(20) + b"PAR1",
    "PDF": b"%PDF-1.7\n",
    "web page": b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_archives_and_compressions_are_named(what):
    reported = fault(ARCHIVES[what])
    assert reported.code == "unsupported_compression"
    assert what in reported.message
    assert reported.advice


@pytest.mark.parametrize("what", FORMATS)
def test_formats_are_named(what):
    reported = fault(FORMATS[what])
    assert reported.code == "unsupported_format"
    assert what in reported.message
    assert reported.advice


@pytest.mark.parametrize("body", [*ARCHIVES.values(), *FORMATS.values(), gzip.compress(FASTQ, mtime=0)])
def test_a_packed_format_is_named_within_gzip(body):
    reported, plain = fault(gzip.compress(body)), fault(body)
    expected = plain.code if plain else "unsupported_compression"
    assert reported.code == expected
    if expected == "unsupported_compression":
        assert "within gzip" in reported.message


@pytest.mark.parametrize(
    "sam",
    [
        SAM,
        SAM.replace(b"\n", b"\r\n"),
        SAM.split(b"\n", 2)[2],  # without a header
        b"@SQ\tSN:chr1\tLN:1000\n" + SAM.split(b"\n", 2)[2],
        b"@CO\tmade by hand\n@HD\tVN:1.6\n",
        b"@PG\tID:bwa\tCL:bwa mem a b\n",
        b"\n" + SAM,
    ],
)
@pytest.mark.parametrize("block", [256, 4096])
def test_every_form_of_sam_text_is_named(sam, block):
    reported = fault(sam, block=block)
    assert (reported.code, "SAM" in reported.message) == ("unsupported_format", True)
    assert "samtools fastq" in reported.advice


@pytest.mark.parametrize("header", [b"HD\tVN:1.6", b"RG\tID:x", b"CO\tx", b"SQ", b"PG:1:2"])
def test_a_fastq_whose_names_look_like_sam_headers_is_read(header):
    assert fault(b"@%b\nACGT\n+\nIIII\n@r2\nACGT\n+\nIIII\n" % header) is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [FASTQ.decode(), ">chr1 ä\nACGTACGT\n", "@r\r\nAC\r\n+\r\nII\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_other_encodings_are_named(encoding, text, packed):
    body = text.encode(encoding)
    reported = fault(gzip.compress(body) if packed else body)
    assert reported.code == "wrong_encoding"
    assert "iconv -f UTF" in reported.advice


@pytest.mark.parametrize("name", ["reads/S1.fastq.ora", "S1.ORA", "s3/S1_R1_001.fastq.ora"])
def test_ora_is_named_by_its_suffix(name):
    reported = fault(bytes(range(200, 256)) * 3, name)
    assert (reported.code, "ORA" in reported.message) == ("unsupported_format", True)
    assert "orad" in reported.advice


def test_a_fastq_with_the_suffix_of_another_format_is_read():
    assert fault(FASTQ, "S1.ora") is None


def test_unknown_content_is_described_without_a_prefix():
    reported = fault(b"hello\n")
    assert reported.code == "wrong_format"
    assert "prefix" not in reported.advice


@given(st.binary(max_size=600))
def test_no_bytes_raise_an_unexpected_exception(body):
    fault(body, "x.ora")
    fault(gzip.compress(body))
