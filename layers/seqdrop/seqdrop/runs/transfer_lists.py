"""Lists of the files that an instrument says it wrote: PacBio's .transferdone and Illumina's Manifest.tsv. Names only.

The checksums of Manifest.tsv are read by `checksum_lists`.
"""

from __future__ import annotations

from seqdrop.runs.files import RunFileError


def parse_transfer_list(body: bytes, name: str) -> list[str]:
    """Return the paths below a SMRT cell's folder that a .transferdone lists. Raise RunFileError if it is incomplete.

    The list has the instrument's absolute paths, `/data/icc/<movie>/<folder>/<file>`, where the cell's folder takes the
    place of `<movie>`, and says itself how long it is (`nfiles: 57`). Source: a public Revio run, miso-lims/runscanner
    V2PacBioProcessor.java.
    """
    lines = [line.strip() for line in _decode(body, name).splitlines()]
    paths = ["/".join(line.split("/")[-2:]) for line in lines if line.startswith("/") and line.count("/") >= 3]
    counts = [line.rpartition("nfiles:")[2].strip() for line in lines if "nfiles:" in line]
    if not counts or not counts[0].isascii() or not counts[0].isdigit():
        raise RunFileError(name, "it does not say how many files it lists (nfiles); upload it again")
    if int(counts[0]) != len(paths):
        raise RunFileError(name, f"it lists {len(paths)} files, but says nfiles: {counts[0]}; upload it again")
    return paths


def parse_manifest_names(body: bytes, name: str) -> list[str]:
    """Return the paths below `Analysis/<n>` that a Manifest.tsv lists. Raise RunFileError with the line that is wrong.

    It has no header; each line is a path with `/`, a TAB and a checksum. It lists neither itself nor the analysis's
    CopyComplete.txt. Source: two real files, ReadDragenManifest of gmc-norr/cleve.
    """
    paths = []
    for number, line in enumerate(_decode(body, name).splitlines(), start=1):
        path, tab, checksum = line.partition("\t")
        if not line.strip():
            continue
        if not (path.strip() and tab and checksum.strip()):
            raise RunFileError(name, "it is not a path, a TAB and a checksum; upload it again", number)
        paths.append(path)
    if not paths:
        raise RunFileError(name, "it lists no files; upload it again")
    return paths


def _decode(body: bytes, name: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunFileError(name, f"it is not UTF-8 ({error.reason} at byte {error.start})") from error
