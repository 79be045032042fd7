"""The vocabulary of a checkpoint folder, and its check: no k-mer or residue may become the unknown token, `[UNK]`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.errors import SeqdropError

if TYPE_CHECKING:
    from pathlib import Path

BASES = "ACGT"
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
K = range(3, 7)
WORDS = ("WordPiece", "WordLevel")
"""The types of tokenizer.json whose vocabulary lists whole tokens."""


class UnsuitableModelError(SeqdropError):
    """A model cannot be used: the model code would refuse it, or predict nonsense with it."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids, and the length of its k-mers."""

    tokens: tuple[str, ...]
    k: int

    def text(self) -> bytes:
        """Return the vocabulary as the content of vocab.txt."""
        return ("\n".join(self.tokens) + "\n").encode()


@dataclass(frozen=True)
class _Tokenizer:
    """The parts of tokenizer.json that are checked."""

    type: str
    tokens: tuple[str, ...]
    is_lower_case: bool


def read_json_object(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file of a checkpoint. Raise UnsuitableModelError if it is not a JSON object."""
    try:
        content: object = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UnsuitableModelError(f"{path} is not JSON ({error}); save the model again") from error
    if not isinstance(content, dict):
        raise UnsuitableModelError(f"{path} is not a JSON object; save the model again")
    return content


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read the vocabulary from vocab.txt, or from tokenizer.json if there is no vocab.txt.

    Raise UnsuitableModelError if it lacks upper-case k-mers or special tokens, or does not fit the tokenizer.
    """
    tokenizer = _read_tokenizer(folder)
    vocabulary = _vocabulary(_read_tokens(folder, tokenizer))
    _check_complete(vocabulary)
    _check_tokenizer(folder, vocabulary.tokens[-1], tokenizer)
    return vocabulary


def read_tokens(folder: Path) -> tuple[str, ...]:
    """Return the tokens of a folder in the order of their ids, unchecked. Raise UnsuitableModelError if it has none."""
    return _read_tokens(folder, _read_tokenizer(folder))


def check_residue_tokenizer(folder: Path) -> None:
    """Raise UnsuitableModelError if the folder's tokenizer does not know residues in upper case."""
    _check_tokenizer(folder, "W", _read_tokenizer(folder))


def _read_tokens(folder: Path, tokenizer: _Tokenizer | None) -> tuple[str, ...]:
    path = folder / "vocab.txt"
    if path.is_file():
        try:
            return tuple(path.read_text("utf-8").split())
        except UnicodeDecodeError as error:
            raise UnsuitableModelError(f"{path} is not a text file ({error}); save the model again") from error
    if tokenizer is None:
        raise UnsuitableModelError(f"{folder} has neither vocab.txt nor tokenizer.json, so its tokens are unknown")
    if tokenizer.type not in WORDS:
        raise UnsuitableModelError(
            f"tokenizer.json is a {tokenizer.type} vocabulary, such as that of DNABERT-2. This model code uses k-mers, "
            "and nearly all of them would be [UNK]. Use a checkpoint with k-mers, such as DNABERT (k = 6)"
        )
    return tokenizer.tokens


def _read_tokenizer(folder: Path) -> _Tokenizer | None:
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    content = read_json_object(path)
    model = content.get("model") or {}
    names = model.get("vocab") or {}
    if isinstance(names, list):  # Unigram has pairs of token and score
        names = {token: place for place, (token, _) in enumerate(names)}
    is_lower_case = bool((content.get("normalizer") or {}).get("lowercase"))
    return _Tokenizer(model.get("type", "?"), tuple(sorted(names, key=names.__getitem__)), is_lower_case)


def _vocabulary(tokens: tuple[str, ...]) -> Vocabulary:
    lengths = sorted({len(token) for token in tokens if not token.strip(BASES)})
    if not lengths and any(not token.strip(BASES.lower()) for token in tokens):
        raise UnsuitableModelError(
            "vocab.txt holds k-mers in lower case; sequences are tokenised in upper case, so every token would be "
            "[UNK]. If the model was trained with them, write them in upper case in vocab.txt, in the same order"
        )
    if len(lengths) != 1 or lengths[0] not in K:
        content = f"k-mers of lengths {', '.join(map(str, lengths))}" if lengths else "no k-mers"
        raise UnsuitableModelError(
            f"the vocabulary must hold k-mers of one length, 3 to 6, over A, C, G and T; it has {content}"
        )
    return Vocabulary(tokens, lengths[0])


def _check_complete(vocabulary: Vocabulary) -> None:
    missing = [token for token in SPECIALS if token not in vocabulary.tokens]
    if missing:
        raise UnsuitableModelError(f"the vocabulary lacks {' '.join(missing)}")
    kmers = {token for token in vocabulary.tokens if not token.strip(BASES)}
    total = len(BASES) ** vocabulary.k
    if len(kmers) < total:
        raise UnsuitableModelError(
            f"the vocabulary lacks {total - len(kmers)} of the {total} {vocabulary.k}-mers, which would be [UNK]"
        )
    if len(set(vocabulary.tokens)) < len(vocabulary.tokens):
        raise UnsuitableModelError(
            "the vocabulary has a token twice, so the ids after it are not those that the model was trained with"
        )


def _check_tokenizer(folder: Path, token: str, tokenizer: _Tokenizer | None) -> None:
    """Raise UnsuitableModelError if the folder's tokenizer lacks a token: a model trained with it has seen only [UNK].

    transformers 5 makes such a tokenizer from DNABERT's vocab.txt unless it gets do_lower_case=False, without a
    warning.
    """
    path = folder / "tokenizer_config.json"
    is_lower_case = path.is_file() and read_json_object(path).get("do_lower_case") is True
    knows_token = tokenizer is None or token in tokenizer.tokens
    if is_lower_case or not knows_token or (tokenizer and tokenizer.is_lower_case):
        fault = "puts sequences in lower case" if knows_token else f"does not know {token} and others"
        raise UnsuitableModelError(
            f"the folder's tokenizer (tokenizer.json, tokenizer_config.json) {fault}, so every token is [UNK] to it, "
            "and a model that was trained with it has learnt nothing. If this model was trained with another "
            'tokenizer, remove tokenizer.json, and set "do_lower_case": false in tokenizer_config.json'
        )
