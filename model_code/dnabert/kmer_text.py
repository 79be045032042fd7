"""The older request format `{"inputs": "CTAATC TAATCT ..."}`, with the response of the Hugging Face pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from common.plain_inputs import EXPECTED, read_inputs
from tokens import RNA_TO_DNA

if TYPE_CHECKING:
    from classifier import Classifier

DECIMALS = 6


def classify(body: bytes, classifier: Classifier) -> list[dict[str, Any]] | dict[str, Any]:
    """Return the best label and its score for each input, in order; an error for an input that cannot be scored.

    Return a single error if the body has no inputs. Inputs are never truncated.
    """
    texts = read_inputs(body)
    if texts is None:
        return _error("not_inputs", EXPECTED)
    parsed = [_ids_or_error(text, classifier) for text in texts]
    scores = iter(classifier.probabilities([ids for ids in parsed if isinstance(ids, np.ndarray)]))
    return [_best(next(scores), classifier) if isinstance(ids, np.ndarray) else ids for ids in parsed]


def _ids_or_error(text: object, classifier: Classifier) -> np.ndarray | dict[str, Any]:
    """Return the k-mer ids of one input, or the error to report for it."""
    tokens = classifier.tokens
    kmers = text.upper().translate(RNA_TO_DNA).split() if isinstance(text, str) else []
    if not kmers or any(len(kmer) != tokens.k or not kmer.isalpha() for kmer in kmers):
        return _error("not_kmers", f"expected k-mers of {tokens.k} bases, separated by spaces")
    limit = classifier.most_tokens - 2
    if len(kmers) > limit:
        return _error("too_long", f"{len(kmers)} k-mers; this model takes at most {limit}")
    mask = tokens.vocabulary["[MASK]"]
    return np.array([tokens.vocabulary.get(kmer, mask) for kmer in kmers], dtype=np.int64)


def _best(probabilities: np.ndarray, classifier: Classifier) -> dict[str, Any]:
    index = int(probabilities.argmax())
    return {"label": classifier.label(index), "score": round(float(probabilities[index]), DECIMALS)}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
