"""Which instrument, flow cell and lane reads come from, as their headers say.

Illumina: `instrument:run:flow cell:lane:tile:x:y`, before CASAVA 1.8 `instrument:lane:tile:x:y`.
Oxford Nanopore: `key=value` words in the comment (guppy), or SAM tags (dorado).
"""

from __future__ import annotations

import re

MOST = 16  # different values that are kept of each
_ILLUMINA = re.compile(r"([\w-]+):\d+:([\w-]+):(\d+):\d+:\d+:\d+(?:[:/#].*)?$")
_OLD_ILLUMINA = re.compile(r"([\w-]+):(\d+):\d+:-?\d+:-?\d+(?:[/#].*)?$")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PACBIO = re.compile(r"(m\w+_\d{6}_\d{6}\w*)/\d+/")


def parse(header: str) -> dict[str, str]:
    """What one header (without @) says: some of platform, instrument, flow_cell, lane."""
    name = header.split(" ", 1)[0]
    if found := _ILLUMINA.match(name):
        return {"platform": "illumina", "instrument": found[1], "flow_cell": found[2], "lane": found[3]}
    if found := _OLD_ILLUMINA.match(name):
        return {"platform": "illumina", "instrument": found[1], "lane": found[2]}
    if _UUID.match(name):
        return _nanopore(header)
    if found := _PACBIO.match(name):
        return {"platform": "pacbio", "instrument": found[1].split("_")[0]}
    return {}


def _nanopore(header: str) -> dict[str, str]:
    words = re.split(r"[ \t]", header)[1:]
    pairs = dict(word.split("=", 1) for word in words if "=" in word)
    tags = {word[:2]: word[5:] for word in words if word[2:5] == ":Z:"}
    found = {
        "platform": "nanopore",
        "instrument": tags.get("PM") or pairs.get("instrument"),
        "flow_cell": pairs.get("flow_cell_id") or tags.get("PU"),
    }
    return {key: value for key, value in found.items() if value}


class Origin:
    """What was seen in the headers that were looked at: the first of each block."""

    def __init__(self):
        self._seen: dict[str, set[str]] = {key: set() for key in ("platform", "instrument", "flow_cell", "lane")}

    def look(self, header: bytes) -> None:
        for key, value in parse(header.decode("ascii", "replace")).items():
            if len(self._seen[key]) < MOST:
                self._seen[key].add(value)

    def report(self) -> dict[str, list[str]]:
        return {key: sorted(values) for key, values in self._seen.items()}
