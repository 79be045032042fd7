"""What genome browsers open beside the tracks: the sizes of the records, a session of IGV, and a track hub of UCSC.

All paths are relative, so they work in the folder that `seqdrop fetch` makes and in any copy of it.
Formats: https://igv.org/doc/desktop/#UserGuide/sessions/ and https://genome.ucsc.edu/goldenPath/help/hgTrackHubHelp.html.
The results have no sequences, so a hub needs the .2bit file that `faToTwoBit` of UCSC makes of the dropped FASTA.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seqdrop.results.provenance import Provenance

SIZES: Final = "genome.chrom.sizes"
SESSION: Final = "igv_session.xml"
HUB: Final = "hub.txt"
TWO_BIT: Final = "genome.2bit"  # made by the lab
STRANDS: Final = {"plus": ("+", "0,90,181"), "minus": ("-", "196,82,0")}  # strand, and colour of its track
LABEL: Final = 17  # characters of a short label that UCSC shows


def write_browser_files(folder: Path, lengths: Mapping[str, int], label: str, provenance: Provenance) -> None:
    """Write the files for the tracks in `folder`. `lengths` has the bases of each record."""
    if not lengths:
        return
    text = "".join(f"{name}\t{length}\n" for name, length in lengths.items())
    (folder / SIZES).write_text(text, encoding="utf-8")
    tracks = [path.name for path in sorted(folder.glob("track.*.bw"))] or [
        path.name for path in sorted(folder.glob("track.*.bedgraph"))
    ]
    (folder / SESSION).write_bytes(make_session(["calls.bed", *tracks], label, next(iter(lengths))))
    if bigwigs := [name for name in tracks if name.endswith(".bw")]:
        (folder / HUB).write_text(make_hub(bigwigs, label, provenance, lengths), encoding="utf-8")


def make_session(files: list[str], label: str, record: str) -> bytes:
    """Return a session of IGV that shows files beside it, at the beginning of a record."""
    session = Element("Session", genome=SIZES, locus=record, version="8")
    resources = SubElement(session, "Resources")
    for name in files:
        SubElement(resources, "Resource", path=name, type=_type_of(name))
    panel = SubElement(session, "Panel", name="Tracks", height="400")
    for name in files:
        SubElement(panel, "Track", {"id": name, "name": _name(name, label), "visible": "true", **_look(name)})
    indent(session)
    text: bytes = tostring(session, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def _type_of(name: str) -> str:
    return {"bw": "bw", "bed": "bed", "bedgraph": "bedgraph"}[name.rpartition(".")[2]]


def _strand(name: str) -> str:
    """Return `plus` or `minus`; "" for the calls, which have both."""
    parts = name.split(".")
    return parts[1] if parts[0] == "track" else ""


def _name(name: str, label: str) -> str:
    return f"{label} {STRANDS[_strand(name)][0]}" if _strand(name) else f"{label} calls"


def _look(name: str) -> dict[str, str]:
    if not _strand(name):
        return {"displayMode": "EXPANDED"}
    return {"color": STRANDS[_strand(name)][1], "renderer": "BAR_CHART", "autoScale": "false"}


def make_hub(bigwigs: list[str], label: str, provenance: Provenance, lengths: Mapping[str, int]) -> str:
    """Return a hub of one file: an assembly of the dropped records, and a track for each strand."""
    upload, record = provenance["upload"]["id"], next(iter(lengths))
    name = f"seqdrop_{upload}"
    hub = {
        "hub": name,
        "shortLabel": _line(f"Seqdrop {label}")[:LABEL],
        "longLabel": _line(f"{label}, model {provenance['model']['name']}, upload {upload}"),
        "useOneFile": "on",
        "email": "seqdrop@example.org",
    }
    genome = {
        "genome": name,
        "twoBitPath": TWO_BIT,
        "organism": "dropped",
        "scientificName": "unknown",
        "description": f"Upload {upload}",
        "defaultPos": f"{record}:1-{min(lengths[record], 10_000)}",
    }
    return "\n".join([_stanza(hub), _stanza(genome), *(_stanza(_track(name, label)) for name in bigwigs)])


def _track(name: str, label: str) -> dict[str, str]:
    sign, colour = STRANDS[_strand(name)]
    return {
        "track": f"seqdrop_{_strand(name)}",
        "type": "bigWig 0 1",
        "shortLabel": _line(f"{label} {sign}")[:LABEL],
        "longLabel": _line(f"{label}: the highest value of the windows that contain a base, strand {sign}"),
        "bigDataUrl": name,
        "color": colour,
        "visibility": "full",
        "viewLimits": "0:1",
    }


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _stanza(settings: Mapping[str, str]) -> str:
    return "".join(f"{name} {value}\n" for name, value in settings.items())
