"""A bigWig of a bedGraph that we wrote. Format: Kent et al., Bioinformatics 26:2204 (2010).

pyBigWig writes it; on arm64, for which it has no wheels, pybigtools does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from seqdrop.errors import SeqdropError

AT_ONCE = 10_000
Entry = tuple[str, int, int, float]


class BigWigFailed(SeqdropError):
    """The library did not write all of it."""


def bigwig(bedgraph: Path, begins: dict[str, int], lengths: dict[str, int], path: Path) -> None:
    """Write the lines of a bedGraph as bigWig, records by name; `begins` says where a record's lines begin.

    Nothing is written if there are no lines: there is no empty bigWig.
    """
    names = sorted(begins)
    if names:
        chroms = {name: lengths[name] for name in names}
        writer()(path, chroms, entries(bedgraph, begins, names))


def writer():
    try:
        import pyBigWig  # noqa: F401
    except ImportError:
        return by_pybigtools
    return by_pybigwig


def entries(bedgraph: Path, begins: dict[str, int], names: list[str]) -> Iterator[Entry]:
    """The lines of each record, in order of `names`."""
    with bedgraph.open("rb") as file:
        for name in names:
            file.seek(begins[name])
            marked = name.encode() + b"\t"
            for line in file:
                if not line.startswith(marked):
                    break
                _, start, end, value = line.split(b"\t")
                yield name, int(start), int(end), float(value)


def by_pybigtools(path: Path, chroms: dict[str, int], found: Iterator[Entry]) -> None:
    """It prints an error where it should raise one: what it has written is looked at."""
    import pybigtools

    last, whole = None, False

    def seen() -> Iterator[Entry]:
        nonlocal last, whole
        for entry in found:
            last = entry
            yield entry
        whole = True

    pybigtools.open(str(path), "w").write(chroms, seen())
    try:
        name, start, end, _ = last
        with pybigtools.open(str(path)) as written:
            whole = whole and written.chroms() == chroms
            whole = whole and next(written.records(name, start, end))[:2] == (start, end)
    except Exception as error:
        raise BigWigFailed(f"{path.name} cannot be read again: {error!r}") from error
    if not whole:
        raise BigWigFailed(f"{path.name} ends before {name}:{start}-{end}")


def by_pybigwig(path: Path, chroms: dict[str, int], found: Iterator[Entry]) -> None:
    import pyBigWig

    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(chroms.items()))
        while part := list(islice(found, AT_ONCE)):
            names, starts, ends, values = map(list, zip(*part, strict=True))
            file.addEntries(names, starts, ends=ends, values=values)
