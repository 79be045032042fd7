"""The vocabulary of a checkpoint folder: k-mers, told from everything that would make each of them `[UNK]`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import SeqdropError

if TYPE_CHECKING:
    from pathlib import Path

BASES = "ACGT"
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
K = range(3, 7)


class UnsuitableModelError(SeqdropError):
    """A checkpoint that the model code would refuse, or would answer nonsense with; the message says what to do."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids, and the length of its k-mers."""

    tokens: tuple[str, ...]
    k: int

    def text(self) -> bytes:
        """As vocab.txt has it."""
        return ("\n".join(self.tokens) + "\n").encode()


def read_vocabulary(folder: Path) -> Vocabulary:
    """From vocab.txt or, where there is none, tokenizer.json.

    Raises UnsuitableModelError for one without upper-case k-mers.
    """
    fast = _tokenizer(folder)
    plain = folder / "vocab.txt"
    if not plain.is_file() and not fast:
        raise UnsuitableModelError(f"{folder} has neither vocab.txt nor tokenizer.json, so its tokens are not known")
    if not plain.is_file() and fast["type"] != "WordPiece":
        raise UnsuitableModelError(
            f"tokenizer.json is a {fast['type']} vocabulary, as DNABERT-2 has it. This model code is for DNABERT's "
            "k-mers; to it nearly all of them would be [UNK]. Take a k-mer checkpoint, such as DNABERT's with k = 6"
        )
    tokens = tuple(plain.read_text("utf-8").split()) if plain.is_file() else fast["tokens"]
    found = Vocabulary(tokens, _length(tokens))
    _check_whole(found)
    _check_trap(folder, found, fast)
    return found


def _tokenizer(folder: Path) -> dict:
    """What matters here of tokenizer.json; empty without one."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return {}
    content = json.loads(path.read_text("utf-8"))
    model = content.get("model") or {}
    names = model.get("vocab") or {}
    if isinstance(names, list):  # as Unigram has it: pairs of token and score
        names = {token: place for place, (token, _) in enumerate(names)}
    lowers = bool((content.get("normalizer") or {}).get("lowercase"))
    return {"type": model.get("type", "?"), "tokens": tuple(sorted(names, key=names.get)), "lowers": lowers}


def _length(tokens: tuple[str, ...]) -> int:
    lengths = sorted({len(token) for token in tokens if not token.strip(BASES)})
    if not lengths and any(not token.strip(BASES.lower()) for token in tokens):
        raise UnsuitableModelError(
            "vocab.txt holds k-mers in lower case; sequences are tokenised in upper case, so every token would be "
            "[UNK]. If the model was trained on them, write them in upper case, in the same order"
        )
    if len(lengths) != 1 or lengths[0] not in K:
        found = f"k-mers of lengths {', '.join(map(str, lengths))}" if lengths else "no k-mers"
        raise UnsuitableModelError(
            f"the vocabulary must hold k-mers of one length, 3 to 6, over A, C, G and T; it has {found}"
        )
    return lengths[0]


def _check_whole(found: Vocabulary) -> None:
    missing = [token for token in SPECIALS if token not in found.tokens]
    if missing:
        raise UnsuitableModelError(f"the vocabulary lacks {' '.join(missing)}")
    kmers = {token for token in found.tokens if not token.strip(BASES)}
    if len(kmers) < len(BASES) ** found.k:
        lacks = len(BASES) ** found.k - len(kmers)
        raise UnsuitableModelError(
            f"the vocabulary lacks {lacks} of the {len(BASES) ** found.k} {found.k}-mers; they'd be [UNK]"
        )
    if len(set(found.tokens)) < len(found.tokens):
        raise UnsuitableModelError(
            "the vocabulary has a token twice, so ids after it are not what the model was trained on"
        )


def _check_trap(folder: Path, found: Vocabulary, fast: dict) -> None:
    """A tokenizer beside vocab.txt that knows none of its k-mers: what was trained through it saw only [UNK].

    transformers 5 makes such a one of DNABERT's vocab.txt unless it is told do_lower_case=False, and says nothing.
    """
    path = folder / "tokenizer_config.json"
    lowers = path.is_file() and json.loads(path.read_text("utf-8")).get("do_lower_case") is True
    knows = not fast or found.tokens[-1] in fast["tokens"]
    if lowers or not knows or fast.get("lowers"):
        raise UnsuitableModelError(
            "the folder's tokenizer (tokenizer.json, tokenizer_config.json) "
            + ("puts sequences in lower case" if knows else f"does not know {found.tokens[-1]} and other k-mers")
            + ", so every token is [UNK] to it, and a model that was trained with it has learnt nothing of DNA. If "
            'this one was trained otherwise, remove tokenizer.json and set "do_lower_case": false'
        )
