"""Read the platform, instrument, flow cell and lane from the headers of reads.

Illumina: `instrument:run:flow cell:lane:tile:x:y`; before CASAVA 1.8 `instrument:lane:tile:x:y`.
Oxford Nanopore: `key=value` words in the comment (guppy), or SAM tags (dorado).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.report import schema

MOST = 16  # different values of each key that are kept
_ILLUMINA = re.compile(r"([\w-]+):\d+:([\w-]+):(\d+):\d+:\d+:\d+(?:[:/#].*)?$")
_OLD_ILLUMINA = re.compile(r"([\w-]+):(\d+):\d+:-?\d+:-?\d+(?:[/#].*)?$")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PACBIO = re.compile(r"(m\w+_\d{6}_\d{6}\w*)/\d+/")


def parse(header: str) -> dict[str, str]:
    """Return the facts in a header (without its @) by key: platform, instrument, flow_cell, lane, or some of them."""
    name = header.split(" ", 1)[0]
    if match := _ILLUMINA.match(name):
        return {"platform": "illumina", "instrument": match[1], "flow_cell": match[2], "lane": match[3]}
    if match := _OLD_ILLUMINA.match(name):
        return {"platform": "illumina", "instrument": match[1], "lane": match[2]}
    if _UUID.match(name):
        return _parse_nanopore(header)
    if match := _PACBIO.match(name):
        return {"platform": "pacbio", "instrument": match[1].split("_")[0]}
    return {}


def _parse_nanopore(header: str) -> dict[str, str]:
    words = re.split(r"[ \t]", header)[1:]
    pairs = dict(word.split("=", 1) for word in words if "=" in word)
    tags = {word[:2]: word[5:] for word in words if word[2:5] == ":Z:"}
    facts = {
        "platform": "nanopore",
        "instrument": tags.get("PM") or pairs.get("instrument"),
        "flow_cell": pairs.get("flow_cell_id") or tags.get("PU"),
    }
    return {key: value for key, value in facts.items() if value}


class Origin:
    """The facts in the first header of each block of a file."""

    def __init__(self) -> None:
        self._values: dict[str, set[str]] = {key: set() for key in ("platform", "instrument", "flow_cell", "lane")}

    def look(self, header: bytes) -> None:
        """Add the facts in a header (without its @)."""
        for key, value in parse(header.decode("ascii", "replace")).items():
            if len(self._values[key]) < MOST:
                self._values[key].add(value)

    def report(self) -> schema.Origin:
        """Return the different values of each key, sorted."""
        return {
            "platform": sorted(self._values["platform"]),
            "instrument": sorted(self._values["instrument"]),
            "flow_cell": sorted(self._values["flow_cell"]),
            "lane": sorted(self._values["lane"]),
        }
