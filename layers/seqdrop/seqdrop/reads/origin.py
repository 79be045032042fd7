"""Read the platform, instrument, run, flow cell and lane from the headers of reads.

Illumina: `instrument:run:flow cell:lane:tile:x:y`; before CASAVA 1.8 `instrument:lane:tile:x:y`. The run is a number.
Element AVITI: as Illumina, but the run is a name, and the flow cell a number of ten digits or empty (docs.elembio.io).
MGI and BGI: `<flow cell>L<lane>C<column>R<row><number>`, for example V350012345L1C001R00100000001.
Ultima: `<run>_<part>-<sample>-<number>`, for example 004733_1-X0003-1345904491.
PacBio: `<movie>/<hole>/…`; the movie starts with the instrument, or on the RS II contains it.
Oxford Nanopore: a UUID, followed by `key=value` words (guppy, MinKNOW) or by SAM tags (dorado).
Ion Torrent: `<run>:<row>:<column>`.
SRA, ENA and DDBJ: `<accession>.<number>`, often followed by the original name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.report import schema

MOST = 16  # different values of each key that are kept
LONGEST = 100  # characters of a value that are kept
KEYS = ("platform", "instrument", "run", "flow_cell", "lane", "accession")
_SEVEN_FIELDS = re.compile(
    r"(?P<instrument>[\w-]+):(?P<run>[^:\s]+):(?P<flow_cell>[\w-]*):(?P<lane>\d+):\d+:\d+:\d+(?:[:/#_;].*)?$"
)
_ELEMENT_INSTRUMENT = re.compile(r"AV\d+$")
_ELEMENT_FLOW_CELL = re.compile(r"\d{10}$")
_OLD_ILLUMINA = re.compile(r"(?P<instrument>[\w-]+):(?P<lane>\d+):\d+:-?\d+:-?\d+(?:[/#,_].*)?$")
_MGI = re.compile(r"(?:\d+[A-Z]_)?(?P<flow_cell>[A-Z]{1,3}\d{6,}\w*?)L(?P<lane>\d)C\d{3}R\d{3}_?\d+(?:[/#].*)?$")
_ULTIMA = re.compile(r"(?P<run>\d{6})(?:_\d+)?-[A-Za-z]\w*-(?:\d+-)?\d{10}(?:[_/].*)?$")
_OLD_ULTIMA = re.compile(r"(?P<instrument>V\d+):(?P<run>\d+):::\d+:\d+:")
_ION_TORRENT = re.compile(r"(?P<run>[0-9A-Z]{5}):\d{1,5}:\d{1,5}(?:/.*)?$")
_PACBIO = re.compile(r"(?P<run>(?P<instrument>m\d+\w*?)_\d{6}_\d{6}(?:_s\d+)?)/\d+(?:/|$)")
_PACBIO_RS = re.compile(r"(?P<run>m\d{6}_\d{6}_(?P<instrument>\w+?)_(?P<flow_cell>c\d+)_s\d+_[pX]\d+)/\d+(?:/|$)")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RUN_ID = re.compile(r"[0-9a-f-]{32,40}(?=_|$)")  # at the start of a read group of dorado
_ACCESSION = re.compile(r"(?P<accession>[SED]RR\d+)\.\d+(?:[._/].*)?$")
_PATTERNS = (
    ("illumina", _OLD_ILLUMINA),
    ("mgi", _MGI),
    ("ultima", _ULTIMA),
    ("ultima", _OLD_ULTIMA),
    ("pacbio", _PACBIO_RS),
    ("pacbio", _PACBIO),
    ("iontorrent", _ION_TORRENT),
)


def parse(header: str) -> dict[str, str]:
    """Return the facts in a header (without its @) by key: those of KEYS that it names."""
    name, *words = re.split(r"[ \t]", header)
    if match := _ACCESSION.match(name):
        return {**_parse_name(words[0] if words else "", words[1:]), "accession": match["accession"]}
    return _parse_name(name, words)


def _parse_name(name: str, words: list[str]) -> dict[str, str]:
    """Return the facts in the name of a read, and in the words after it."""
    if match := _SEVEN_FIELDS.match(name):
        return _parse_seven_fields(match)
    for platform, pattern in _PATTERNS:
        if match := pattern.match(name):
            return {"platform": platform, **match.groupdict()}
    return _parse_nanopore(words) if _UUID.match(name) else {}


def _parse_seven_fields(match: re.Match[str]) -> dict[str, str]:
    """Return the facts of a name of Illumina or Element."""
    facts = match.groupdict()
    is_element = (
        not facts["run"].isdigit()
        or _ELEMENT_INSTRUMENT.match(facts["instrument"])
        or _ELEMENT_FLOW_CELL.match(facts["flow_cell"])
    )
    platform = "element" if is_element else "illumina"
    return {"platform": platform, **{key: value for key, value in facts.items() if value}}


def _parse_nanopore(words: list[str]) -> dict[str, str]:
    pairs = dict(word.split("=", 1) for word in words if "=" in word)
    tags = {word[:2]: word[5:] for word in words if word[2:5] == ":Z:"}
    run = _RUN_ID.match(tags.get("RG", ""))
    facts = {
        "platform": "nanopore",
        "instrument": tags.get("PM") or pairs.get("instrument"),
        "run": pairs.get("runid") or (run[0] if run else None),
        "flow_cell": pairs.get("flow_cell_id") or tags.get("PU"),
    }
    return {key: value for key, value in facts.items() if value}


class Origin:
    """The facts in the first header of each block of a file."""

    def __init__(self) -> None:
        self._values: dict[str, set[str]] = {key: set() for key in KEYS}

    def look(self, header: bytes) -> None:
        """Add the facts in a header (without its @)."""
        for key, value in parse(header.decode("ascii", "replace")).items():
            if len(self._values[key]) < MOST:
                self._values[key].add(value[:LONGEST])

    def report(self) -> schema.Origin:
        """Return the different values of each key, sorted."""
        return {
            "platform": sorted(self._values["platform"]),
            "instrument": sorted(self._values["instrument"]),
            "run": sorted(self._values["run"]),
            "flow_cell": sorted(self._values["flow_cell"]),
            "lane": sorted(self._values["lane"]),
            "accession": sorted(self._values["accession"]),
        }
