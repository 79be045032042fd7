"""Checkpoints of training jobs: the channel with the weights, the vocabulary, and the code that serves a model."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE, CONFIG = "model.tar.gz", "config.json"
DIGEST = "SEQDROP_WEIGHTS_SHA256"
VOCABULARY, TOKENIZER = "vocab.txt", "tokenizer.json"


@contextmanager
def open_checkpoint(channel: Path) -> Iterator[Path]:
    """Yield the checkpoint folder of a channel: the channel itself, or the unpacked content of its model.tar.gz.

    The unpacked files are removed when the context ends. Raise ValueError if there is no config.json, or if the archive
    does not have the SHA-256 of the job (`check_digest`).
    """
    if not (channel / ARCHIVE).is_file():
        yield find_checkpoint(channel)
        return
    with tempfile.TemporaryDirectory(prefix="seqdrop-weights-") as name:
        check_digest(channel / ARCHIVE)
        unpack(channel / ARCHIVE, Path(name))
        yield find_checkpoint(Path(name))


def check_digest(archive: Path) -> None:
    """Raise ValueError if the archive does not have the SHA-256 that the job names (SEQDROP_WEIGHTS_SHA256).

    Nothing is unpacked before this check. A job that was started by hand may name none.
    """
    expected = os.environ.get(DIGEST)
    with archive.open("rb") as body:
        actual = hashlib.file_digest(body, "sha256").hexdigest() if expected else None
    if actual != expected:
        raise ValueError(
            f"{ARCHIVE} of the channel `model` has the SHA-256 {actual}, not {expected}: it was replaced after the job "
            "was planned; push the weights again, then replay the training"
        )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive, compressed or not, into a folder.

    Raise tarfile.FilterError for a member or a link that would lie outside the folder, and for a device.
    """
    with tarfile.open(archive, mode="r:*") as tar:
        tar.extractall(folder, filter="data")


def find_checkpoint(folder: Path) -> Path:
    """Return the folder if it contains config.json, else a subfolder that does. Raise ValueError if there is none."""
    candidates = [path.parent for path in (folder / CONFIG, *folder.glob(f"*/{CONFIG}")) if path.is_file()]
    if not candidates:
        raise ValueError(
            "the channel `model` has no config.json: it must contain the files of a pre-trained model, or model.tar.gz"
        )
    return candidates[0]


def read_vocabulary(path: Path | str) -> dict[str, int]:
    """Return the tokens of a vocab.txt and their ids. The id of a token is its line number, from 0."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {line.strip(): number for number, line in enumerate(lines) if line.strip()}


def read_token_ids(folder: Path) -> dict[str, int]:
    """Return the tokens of a BERT checkpoint and their ids, from vocab.txt or, without one, from tokenizer.json.

    transformers 5 writes only tokenizer.json. Raise ValueError if there is neither, or if the tokens are not words.
    """
    if (folder / VOCABULARY).is_file():
        return read_vocabulary(folder / VOCABULARY)
    if not (folder / TOKENIZER).is_file():
        raise ValueError(f"the checkpoint has neither {VOCABULARY} nor {TOKENIZER}, so its token ids are unknown")
    kind, tokens = read_tokenizer(folder / TOKENIZER)
    if not isinstance(tokens, dict) or kind not in ("WordPiece", "WordLevel"):
        raise ValueError(f"{TOKENIZER} is a {kind} vocabulary; this model needs the WordPiece vocabulary of a BERT")
    return {token: int(number) for token, number in tokens.items()}


def read_tokenizer(path: Path) -> tuple[str, dict[str, int] | list[tuple[str, float]]]:
    """Return the type and the vocabulary of a tokenizer.json: token to id, or pairs of token and score.

    Raise ValueError if the file is not a tokenizer.
    """
    try:
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        return str(model.get("type", "?")), model["vocab"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is not a tokenizer of transformers ({type(error).__name__})") from error


def copy_vocabulary(folder: Path, model_dir: Path) -> None:
    """Write the vocab.txt of a model folder: the checkpoint's, or one made from its tokenizer.json.

    The line of an id without a token is empty.
    """
    if (folder / VOCABULARY).is_file():
        shutil.copyfile(folder / VOCABULARY, model_dir / VOCABULARY)
        return
    tokens = {number: token for token, number in read_token_ids(folder).items()}
    lines = [tokens.get(number, "") for number in range(max(tokens) + 1)]
    (model_dir / VOCABULARY).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def make_servable(model_dir: Path, program: Path) -> None:
    """Complete a model folder, so that an archive of it can be served. `program` is the path of the training script.

    Make the weights readable for all users, because the server runs as another user. Copy the modules beside `program`
    to code/, and this package to code/common/.
    """
    (model_dir / "model.safetensors").chmod(0o644)  # save_file makes the file readable by its owner only
    code = model_dir / "code"
    for source, target in ((program.parent, code), (Path(__file__).parent, code / Path(__file__).parent.name)):
        target.mkdir(parents=True, exist_ok=True)
        for module in source.glob("*.py"):
            shutil.copyfile(module, target / module.name)
