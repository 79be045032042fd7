"""Structures as PSIPRED's vertical format, one file for each protein, in a tar archive (`tar xzf`).

Format: a comment line `# PSIPRED VFORMAT (…)`, a blank line, then for each residue `%4d %c %c  %6.3f %6.3f %6.3f`:
its number from 1, the residue, its state, and the probabilities of coil, helix and strand. Readers of it take one
protein a file, and skip the first two lines or what begins with `#`, so there is no further comment.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from contextlib import ExitStack
from pathlib import Path

from seqdrop import __version__
from seqdrop.results.proteins import UNIT, Protein

NAME = "structure.ss2.tar.gz"
HEADER = f"# PSIPRED VFORMAT (SEQDROP V{__version__})\n\n"
COIL, HELIX, STRAND = 2, 0, 1  # columns of Protein.units
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
MOST_NAME = 80  # characters of a record's name in a file's
LEVEL = 4  # of gzip: a quarter of level 9's time, a twentieth more room


def ss2(protein: Protein) -> str:
    """The file of one protein."""
    chances = (protein.units[:, [COIL, HELIX, STRAND]] / UNIT).tolist()
    lines = [
        f"{number:4d} {residue} {state}  {coil:6.3f} {helix:6.3f} {strand:6.3f}\n"
        for number, (residue, state, (coil, helix, strand)) in enumerate(
            zip(protein.sequence, protein.ss, chances, strict=True), start=1
        )
    ]
    return HEADER + "".join(lines)


def file_name(protein: Protein) -> str:
    """Unique in an upload, by the record's number, and such that any system takes it."""
    return f"{protein.number}_{UNSAFE.sub('_', protein.record)[:MOST_NAME]}.ss2"


class Ss2Archive(ExitStack):
    """The archive of all proteins; a context manager. Holds one protein at a time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        packed = self.enter_context(gzip.GzipFile(folder / NAME, "wb", compresslevel=LEVEL, mtime=0))
        tar = tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 (the stack closes it)
        self._tar = self.enter_context(tar)

    def add(self, protein: Protein) -> None:
        body = ss2(protein).encode("ascii")
        info = tarfile.TarInfo(file_name(protein))
        info.size, info.mode = len(body), 0o644
        self._tar.addfile(info, io.BytesIO(body))
        self._tar.members.clear()  # tarfile remembers each, which is what memory would grow by
