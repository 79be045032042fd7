"""The commands on trainings: training push, training weights and models use."""

from __future__ import annotations

import tempfile
from hashlib import file_digest
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.models import pointers
from seqdrop.models.code_bundles import PROGRAMS, push_program
from seqdrop.models.packing import write_tar_gz
from seqdrop.models.registry import Version, make_current
from seqdrop.runtime.services import now

from seqdrop_cli import target as targets
from seqdrop_cli.sourcedir import pack_program

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console


def push(options, console: Console) -> int:
    """The scripts of model_code/ become what training jobs run."""
    target = targets.find(options.stack)
    for name in PROGRAMS:
        body = pack_program(options.code / name)
        program = push_program(target.client("s3"), target.results, name, body, now())
        _say(console, f"training jobs of {name} now run s3://{target.results}/{program.prefix}")
    return 0


def weights(options, console: Console) -> int:
    """A folder of pre-trained weights becomes a model that job.toml may name."""
    target = targets.find(options.stack)
    key = push_weights(target.client("s3"), target.results, options.model, options.folder, now())
    _say(console, f'weights = "{options.model}" now means s3://{target.results}/{key}')
    return 0


def use(options, console: Console) -> int:
    """A version that was registered becomes the current one, whatever the gate said of it."""
    target = targets.find(options.stack)
    make_current(target.client("s3"), target.results, Version(options.model, options.version), now())
    _say(console, f"{options.model} is now {options.version}")
    return 0


def push_weights(s3, bucket: str, model: str, folder: Path, when: str) -> str:
    """Upload a folder of weights as model.tar.gz, whatever its size, and point to it; return its key.

    The same files give the same archive and key. Raise ValueError for a folder without config.json.
    """
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder / 'config.json'} is not there: this is no folder of pre-trained weights")
    with tempfile.TemporaryFile() as body:
        write_tar_gz(body, {path.name: path for path in folder.iterdir() if path.is_file()})
        body.seek(0)
        digest = file_digest(body, "sha256").hexdigest()
        body.seek(0)
        key, where = keys.pushed_weights(model, digest), keys.model_pointer(model)
        pointer = pointers.read(s3, bucket, where)
        s3.upload_fileobj(body, bucket, key)
    pointers.move(s3, bucket, where, pointer, {"key": key, "digest": digest, "labels": [], "since": when})
    return key


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
