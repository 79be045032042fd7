"""Write structures in PSIPRED's vertical format (.ss2): one file for each protein, in a tar.gz archive.

A file starts with a comment line `# PSIPRED VFORMAT (…)` and a blank line. Then it has a line for each residue:

    %4d %c %c  %6.3f %6.3f %6.3f    number from 1, residue, state, probabilities of coil, helix and strand

Readers expect one protein in a file. Some skip the first two lines, others the lines that start with `#`, so there is
no further comment, and no provenance.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

from seqdrop import __version__
from seqdrop.models.packing import TarGz
from seqdrop.results.proteins import UNIT, Protein

if TYPE_CHECKING:
    from pathlib import Path

NAME = "structure.ss2.tar.gz"
HEADER = f"# PSIPRED VFORMAT (SEQDROP V{__version__})\n\n"
COIL, HELIX, STRAND = 2, 0, 1  # columns of Protein.units
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
MOST_NAME = 80  # characters of a record's name that the name of its file contains
LEVEL = 4  # of gzip: takes a quarter of the time of level 9, and files are 5 % larger


def format_ss2(protein: Protein) -> str:
    """Return the .ss2 file of one protein."""
    probabilities = (protein.units[:, [COIL, HELIX, STRAND]] / UNIT).tolist()
    lines = [
        f"{number:4d} {residue} {state}  {coil:6.3f} {helix:6.3f} {strand:6.3f}\n"
        for number, (residue, state, (coil, helix, strand)) in enumerate(
            zip(protein.sequence, protein.ss, probabilities, strict=True), start=1
        )
    ]
    return HEADER + "".join(lines)


def file_name(protein: Protein) -> str:
    """Return a file name that is valid on any system. The record's number makes it unique in an upload."""
    return f"{protein.number}_{UNSAFE.sub('_', protein.record)[:MOST_NAME]}.ss2"


class Ss2Archive(ExitStack):
    """A context manager that writes the archive of all .ss2 files. Only one protein is in memory at a time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._archive = self.enter_context(TarGz(self.enter_context((folder / NAME).open("wb")), LEVEL))

    def add(self, protein: Protein) -> None:
        """Add the .ss2 file of a protein to the archive."""
        self._archive.add(file_name(protein), format_ss2(protein).encode("ascii"))
