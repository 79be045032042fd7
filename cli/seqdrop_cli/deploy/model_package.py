"""`seqdrop package-model`: a checkpoint folder, or one on the Hugging Face hub, as an archive that is known to work."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.deploy.archive import archive, protein_archive, unpack
from seqdrop_cli.deploy.checkpoint import Checkpoint, kind_of_dna, read_checkpoint
from seqdrop_cli.deploy.protein_checkpoint import ProteinCheckpoint, is_protein, kind_of_proteins, read_protein
from seqdrop_cli.deploy.trial import try_out
from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.deploy.weights import OLD, SAFE

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.config.kind import Kind

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
# What a checkpoint may consist of; a repository of the hub often holds the weights for other frameworks as well.
FILES = ["config.json", "vocab.txt", "tokenizer*.json", SAFE, OLD, "README.md", "LICENSE*"]


def package(
    source: str,
    task: str | None = None,
    labels: tuple[str, ...] = (),
    code: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> bytes:
    """The archive of a folder, of a hub id, or of a model.tar.gz, checked and tried. Raises
    UnsuitableModelError, HandlerError.

    A model.tar.gz keeps its own code, and its bytes unless labels are given. `task` is what it is tried with:
    "promoter" where none is named, or "structure" for a protein model.
    """
    if Path(source).is_file():
        return _again(Path(source).read_bytes(), task, labels, say)
    return _packed(_folder(source, say), code, task, labels, say)


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _packed(
    folder: Path, code: Path | None, task: str | None, labels: tuple[str, ...], say: Callable[[str], None]
) -> bytes:
    if is_protein(folder):
        return _packed_protein(folder, code, task, labels, say)
    checkpoint = read_checkpoint(folder, task, labels)
    body = archive(folder, checkpoint, code)
    with unpack(body) as place:
        _try_dna(place, checkpoint, task, say)
    return body


def _try_dna(place: Path, checkpoint: Checkpoint, task: str | None, say: Callable[[str], None]) -> None:
    kind = kind_of_dna(task)
    say(try_out(place, kind, checkpoint.longest))
    say(_about(checkpoint, kind))


def _packed_protein(folder: Path, code: Path | None, task: str | None, labels: tuple[str, ...], say) -> bytes:
    _refuse_labels(labels)
    checkpoint, body = read_protein(folder), protein_archive(folder, code)
    with unpack(body) as place:
        _try_protein(place, checkpoint, task, say)
    return body


def _try_protein(place: Path, checkpoint: ProteinCheckpoint, task: str | None, say: Callable[[str], None]) -> None:
    say(try_out(place, kind_of_proteins(task), checkpoint.window))
    say(checkpoint.about())


def _refuse_labels(labels: tuple[str, ...]) -> None:
    if labels:
        raise UnsuitableModelError(
            "--labels are for --task promoter; the classes of a protein model are DSSP's letters"
        )


def _again(body: bytes, task: str | None, labels: tuple[str, ...], say: Callable[[str], None]) -> bytes:
    with unpack(body) as place:
        if is_protein(place):
            _refuse_labels(labels)
            _try_protein(place, read_protein(place), task, say)
            return body
        if labels:
            return _packed(place, place / "code", task, labels, say)
        _try_dna(place, read_checkpoint(place, task), task, say)
    return body


def _about(checkpoint: Checkpoint, kind: Kind) -> str:
    about = f"{checkpoint.vocabulary.k}-mers, windows of up to {checkpoint.longest} bases"
    if not kind.names_classes:
        return about
    if checkpoint.labels:
        return f"{about}, classes: {', '.join(checkpoint.labels)}"
    return (
        f"{about}. config.json does not say what the classes mean (LABEL_0, LABEL_1, …), and jobs of such a model are "
        "refused: name them with --labels NEGATIVE POSITIVE"
    )


def _folder(source: str, say: Callable[[str], None]) -> Path:
    if Path(source).is_dir():
        return Path(source)
    if not HUB_ID.fullmatch(source):
        raise UnsuitableModelError(
            f"{source} is no folder, no model.tar.gz, and no id on the Hugging Face hub (owner/name)"
        )
    say(f"{source} is no folder here; asking the Hugging Face hub")
    return _downloaded(source)


def _downloaded(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=FILES))
    except Exception as error:  # the hub's own, httpx's and requests', by version of huggingface_hub
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UnsuitableModelError(
            f"{hub_id} cannot be had from the Hugging Face hub ({reason}). Where the hub can be reached, run "
            f"`hf download {hub_id} --local-dir my-model` (after `hf auth login` if it is private), copy the folder "
            "here, and name it in place of the id"
        ) from error
