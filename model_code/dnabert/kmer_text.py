"""The older way to ask: `{"inputs": "CTAATC TAATCT ..."}`, answered as the HF pipeline does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from classifier import Classifier

DECIMALS = 6


def answer(body: bytes, classifier: Classifier) -> list[dict] | dict:
    """Best label and score of each input, in order; an input that cannot be scored has an error instead.

    A body that holds no inputs at all is answered by one error. Nothing is ever cut to fit.
    """
    texts = _inputs(body)
    if texts is None:
        return _error("not_inputs", 'expected {"inputs": text} or {"inputs": [text, ...]} and no more')
    found = [_ids_or_error(text, classifier) for text in texts]
    scores = iter(classifier.probabilities([ids for ids in found if isinstance(ids, np.ndarray)]))
    return [_best(next(scores), classifier) if isinstance(ids, np.ndarray) else ids for ids in found]


def _inputs(body: bytes) -> list | None:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or set(fields) != {"inputs"}:
        return None
    inputs = fields["inputs"]
    return [inputs] if isinstance(inputs, str) else inputs if isinstance(inputs, list) else None


def _ids_or_error(text: object, classifier: Classifier) -> np.ndarray | dict:
    """The k-mer ids of one input, or why there are none."""
    tokens = classifier.tokens
    kmers = text.upper().split() if isinstance(text, str) else []
    if not kmers or any(len(kmer) != tokens.k or not kmer.isalpha() for kmer in kmers):
        return _error("not_kmers", f"expected k-mers of {tokens.k} letters, set apart by spaces")
    most = classifier.most_tokens - 2
    if len(kmers) > most:
        return _error("too_long", f"{len(kmers)} k-mers; this model takes {most} at most")
    mask = tokens.vocabulary["[MASK]"]
    return np.array([tokens.vocabulary.get(kmer, mask) for kmer in kmers], dtype=np.int64)


def _best(probabilities: np.ndarray, classifier: Classifier) -> dict:
    index = int(probabilities.argmax())
    return {"label": classifier.label(index), "score": round(float(probabilities[index]), DECIMALS)}


def _error(code: str, message: str) -> dict:
    return {"error": {"code": code, "message": message}}
