"""The packaging of a folder, an archive or a model on the Hugging Face hub, tested with the packaged handler."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.console import say
from seqdrop_cli.deploy.archive import pack_dna, pack_protein, unpack
from seqdrop_cli.deploy.checkpoint import Checkpoint, find_dna_kind, read_checkpoint
from seqdrop_cli.deploy.protein_checkpoint import find_protein_kind, is_protein, read_protein
from seqdrop_cli.deploy.protein_classifier import is_protein_bert
from seqdrop_cli.deploy.trial import try_model
from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.deploy.weights import PICKLE, SAFETENSORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.config.kind import Kind

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
# The files of a checkpoint; a repository of the hub often holds the weights for other frameworks as well.
HUB_FILES = ["config.json", "vocab.txt", "tokenizer*.json", SAFETENSORS, PICKLE, "README.md", "LICENSE*"]


@dataclass(frozen=True)
class Packaging:
    """Settings for packing and testing a model.

    The model is tested with `task`; None means promoter, or structure for a protein model. `labels` name the
    classes, class 0 first. `code` is a folder with inference.py. `report` receives lines for people.
    """

    task: str | None = None
    labels: tuple[str, ...] = ()
    code: Path | None = None
    report: Callable[[str], None] = say


def package_model(source: str, packaging: Packaging) -> bytes:
    """Check and test the model of a folder, a hub id or a model.tar.gz; return its archive.

    A model.tar.gz is returned unchanged; if `labels` are given it is packed again, with its own code. Raise
    UnsuitableModelError or HandlerError.
    """
    if Path(source).is_file():
        return _check_archive(Path(source).read_bytes(), packaging)
    return _package_folder(_find_folder(source, packaging), packaging.code, packaging)


def digest_of(body: bytes) -> str:
    """Return the SHA-256 of an archive, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def _package_folder(folder: Path, code: Path | None, packaging: Packaging) -> bytes:
    if is_protein(folder) or is_protein_bert(folder):
        return _package_protein(folder, code, packaging)
    checkpoint = read_checkpoint(folder, packaging.task, packaging.labels)
    body = pack_dna(folder, checkpoint, code)
    with unpack(body) as place:
        _try_dna(place, checkpoint, packaging)
    return body


def _package_protein(folder: Path, code: Path | None, packaging: Packaging) -> bytes:
    find_protein_kind(packaging.task)
    if is_protein(folder):
        _refuse_labels(packaging.labels)
    body = pack_protein(folder, code, packaging.labels)
    with unpack(body) as place:
        _try_protein(place, packaging)
    return body


def _try_dna(folder: Path, checkpoint: Checkpoint, packaging: Packaging) -> None:
    kind = find_dna_kind(packaging.task)
    packaging.report(try_model(folder, kind, checkpoint.longest))
    packaging.report(_describe(checkpoint, kind))


def _try_protein(folder: Path, packaging: Packaging) -> None:
    checkpoint = read_protein(folder)
    packaging.report(try_model(folder, find_protein_kind(packaging.task), checkpoint.window))
    packaging.report(checkpoint.describe())


def _refuse_labels(labels: tuple[str, ...]) -> None:
    if labels:
        raise UnsuitableModelError(
            "--labels are for --task promoter, and for a ProtBERT from elsewhere; this model names its "
            "classes already, by the codes of DSSP"
        )


def _check_archive(body: bytes, packaging: Packaging) -> bytes:
    with unpack(body) as folder:
        if is_protein(folder):
            _refuse_labels(packaging.labels)
            _try_protein(folder, packaging)
            return body
        if is_protein_bert(folder):
            raise UnsuitableModelError(
                "the archive is a ProtBERT that is not packaged; unpack it, and name the folder in place of the archive"
            )
        if packaging.labels:
            return _package_folder(folder, folder / "code", packaging)
        _try_dna(folder, read_checkpoint(folder, packaging.task), packaging)
    return body


def _describe(checkpoint: Checkpoint, kind: Kind) -> str:
    facts = f"{checkpoint.vocabulary.k}-mers, windows of up to {checkpoint.longest} bases"
    if not kind.names_classes:
        return facts
    if checkpoint.labels:
        return f"{facts}, classes: {', '.join(checkpoint.labels)}"
    return (
        f"{facts}. config.json has no names for the classes (only LABEL_0, LABEL_1, …), and the pipeline refuses jobs "
        "of such a model: name them with --labels NEGATIVE POSITIVE"
    )


def _find_folder(source: str, packaging: Packaging) -> Path:
    if Path(source).is_dir():
        return Path(source)
    if not HUB_ID.fullmatch(source):
        raise UnsuitableModelError(
            f"{source} is neither a folder, nor a model.tar.gz, nor an id on the Hugging Face hub (owner/name); "
            "check the path"
        )
    packaging.report(f"{source} is not a folder here; asking the Hugging Face hub")
    return _download(source)


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=HUB_FILES))  # nosec B615 # the package names its digest
    except Exception as error:  # huggingface_hub raises its own errors, and those of httpx or requests
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UnsuitableModelError(
            f"{hub_id} cannot be downloaded from the Hugging Face hub ({reason}). On a machine with access to the hub, "
            f"run `hf download {hub_id} --local-dir my-model` (after `hf auth login` if it is private), copy the "
            "folder here, and name it in place of the id"
        ) from error
