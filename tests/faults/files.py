"""The files that a lab drops, and its analyses.toml. All are as small as possible."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from tests.faults.evidence import Drop
from tests.support.aws.model import POISON

if TYPE_CHECKING:
    from tests.faults.world import World

MODEL = "small"
MODELS = ("first", "second")  # names of the archives to which the model's pointer may point
# Few jobs, so that often no slot is free. No transfer brings the files, and no other system is notified of them: the
# template's variables are those of a stack with all parts.
SETTINGS = {"max_jobs": "2", "transfer_prefix": "", "event_bus": ""}
USE = 'model = "small"\nk = 6\nwindow = 30\nstride = 30\nstrands = "+"\nthreshold = 0.5\n'
USE += 'max_n_fraction = 0.1\nlabel = "promoter"\n'
JOB = "job = { max_members = 3 }\n"
ANALYSES = (
    f'[analyses.reads]\nprefix = "reads/"\nformats = ["fastq"]\nmax_gb = 1\n{USE}{JOB}'
    f'[analyses.pairs]\nprefix = "pairs/"\nformats = ["fastq"]\nmax_gb = 1\nmates = "wait"\n{USE}{JOB}'
    '[analyses.raw]\nprefix = "raw/"\nformats = ["fastq"]\nmax_gb = 1\n'
)

READS, RAW, FIRST, SECOND, BAD, POISONED, LOST = KINDS = (
    "reads",
    "raw",
    "mate 1",
    "mate 2",
    "bad",
    "poisoned",
    "no analysis",
)
REJECTED = frozenset({BAD, LOST})
PLACES = {
    READS: "reads/{}.fastq",
    RAW: "raw/{} +é.fastq",
    FIRST: "pairs/S{}_R1_001.fastq",
    SECOND: "pairs/S{}_R2_001.fastq",
    BAD: "reads/bad{}.fastq",
    POISONED: "reads/poisoned{}.fastq",
    LOST: "lost/{}.fastq",
}


def drop(world: World, kind: str, slot: int, number: int) -> Drop:
    """Put the file of this number into the landing bucket. Files of one kind and slot are versions of one key."""
    body, key = reads(kind, slot, number), PLACES[kind].format(slot)
    version = world.s3.put(world.name("landing"), key, body)
    return Drop(kind, key, version.id, body, number, slot)


def point_to(world: World, name: str) -> None:
    """Make the model of this name the current one, as `seqdrop models push` does."""
    models, key = world.name("models"), f"models/{MODEL}/{name}.tar.gz"
    world.s3.put(models, key, name.encode())
    digest = hashlib.sha256(name.encode()).hexdigest()
    current = {"key": key, "digest": digest, "labels": ["other", "promoter"], "since": world.clock.now.isoformat()}
    pointer = {"current": current, "history": []}
    world.s3.put(models, f"models/{MODEL}/current.json", json.dumps(pointer).encode())


def reads(kind: str, slot: int, number: int) -> bytes:
    """Return two reads. The reads of mates have the same names; the bases encode `number`, so all files differ."""
    bases = "".join("ACGT"[number >> shift & 3] for shift in range(0, 16, 2)) * 5
    names = [POISON if kind == POISONED else f"read{slot}.1", f"read{slot}.2"]
    quality = "I" * (len(bases) - (kind == BAD))
    return "".join(f"@{name}\n{bases}\n+\n{quality}\n" for name in names).encode()
