"""The smoke prediction of a protein model: its packaged handler answers made-up proteins, or it is not uploaded."""

from __future__ import annotations

import json
import random
from pathlib import Path

from seqdrop.results.proteins import ProteinCounts, answered
from seqdrop.results.rows import UnknownAnswer

from seqdrop_cli.handler import Handler
from seqdrop_cli.vocabulary import UnfitModel

LENGTHS = (1, 30, 60, 120, 250, 400, 3_000)  # the last in windows
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def try_out(folder: Path, task: str) -> str:
    """Ask the handler of an unpacked archive; answers what was done, for people. Raises UnfitModel, HandlerFailed."""
    items = list(_items())
    with Handler(folder, {"SEQDROP_TASK": task}) as handler:
        lines = handler.ask(b"\n".join(items))
    counts = ProteinCounts()
    try:
        list(answered(lines, items, task, counts))
    except UnknownAnswer as error:
        raise UnfitModel(f"the model was tried, and {error}") from error
    if counts.proteins != len(items):
        raise UnfitModel(
            f"the model was tried, and answered {counts.proteins} of {len(items)} proteins: {lines[-1][:200]!r}"
        )
    what = f"{len(items)} made-up proteins of up to {max(LENGTHS):,} residues"
    return f"{what} were answered by the packaged handler ({task})"


def _items():
    chance = random.Random(1)
    for number, length in enumerate(LENGTHS, start=1):
        sequence = "".join(chance.choices(RESIDUES, k=length))
        item = {"id": f"smoke:{number}:0", "record": f"smoke{number}", "alphabet": "protein", "sequence": sequence}
        yield json.dumps(item).encode()
