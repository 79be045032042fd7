"""The smoke prediction: a packaged archive answers made-up sequences, or is not worth uploading."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

from seqdrop_cli.checkpoint import Checkpoint
from seqdrop_cli.handler import Handler
from seqdrop_cli.vocabulary import UnfitModel

SEQUENCES = 8
WINDOW = 300  # bases, or as many as the model takes


def try_out(folder: Path, checkpoint: Checkpoint, task: str) -> str:
    """Ask the handler of an unpacked archive; answers what was done, for people. Raises UnfitModel, HandlerFailed."""
    window = min(WINDOW, checkpoint.longest)
    settings = {"SEQDROP_TASK": task, "SEQDROP_WINDOW": str(window), "SEQDROP_STRIDE": str(window)}
    with Handler(folder, settings) as handler:
        lines = handler.ask(_body(window, task))
    said = [_said(json.loads(line)) for line in lines]
    if len(said) != SEQUENCES or not all(map(_sound, said)):
        raise UnfitModel(f"the model was tried, and answered with what is no {task} prediction: {lines[0][:200]!r}")
    if len({json.dumps(one) for one in said}) == 1:
        raise UnfitModel(
            "the model was tried, and says the same of any sequence: its training came to nothing, or its tokens are "
            "not those of vocab.txt"
        )
    return f"{SEQUENCES} made-up sequences of {window} bases were answered by the packaged handler ({task})"


def _body(window: int, task: str) -> bytes:
    """Work items of random bases; for the masked task, an unknown one in their middle."""
    chance, lines = random.Random(1), []
    for number in range(SEQUENCES):
        bases = chance.choices("ACGT", k=window)
        if task == "masked":
            bases[window // 2] = "N"
        item = {"id": f"smoke:{number}:0", "record": "smoke", "start": 0, "sequence": "".join(bases)}
        lines.append(json.dumps(item).encode())
    return b"\n".join(lines)


def _said(answer: dict) -> list:
    """What an answer says of its one window or stretch; empty if that is nothing."""
    places = answer.get("windows") or answer.get("masks") or [{}]
    (one,) = places
    return [one.get(name) for name in ("probability", "embedding", "candidates") if name in one]


def _sound(said: list) -> bool:
    return bool(said) and all(math.isfinite(value) for value in _numbers(said))


def _numbers(found) -> list[float]:
    if isinstance(found, list):
        return [value for one in found for value in _numbers(one)]
    if isinstance(found, dict):
        return _numbers(list(found.values()))
    return [found] if isinstance(found, int | float) else []
