"""What a promoter model is worth: GUE's test set, and then real promoters against real DNA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import metrics
import numpy as np
from tokens import encode_bases

if TYPE_CHECKING:
    from classifier import Classifier
    from promoter_data import Labelled

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)


def probabilities(classifier: Classifier, items: list[Labelled]) -> np.ndarray:
    """Probability of label 1 of each sequence, forward strand, whole."""
    rows = [classifier.tokens.kmer_ids(encode_bases(item.sequence.encode())) for item in items]
    return classifier.probabilities(rows)[:, 1]


def figures(classifier: Classifier, tests: dict[str, list[Labelled]]) -> dict:
    """MCC, AUC and accuracy of each test set; for the real one also recall against false calls."""
    found = {}
    for name, items in tests.items():
        scores, labels = probabilities(classifier, items), np.array([item.label for item in items])
        found[name] = metrics.summary(labels, scores)
        if name == "real":
            found["false_calls"] = false_calls(items, scores)
    return found


def false_calls(items: list[Labelled], scores: np.ndarray) -> list[dict[str, float]]:
    """At each threshold: the share called of promoters, introns and coding stretches; false calls a kilobase.

    A kilobase of stretches laid end to end; windows that overlap would be called more often.
    """
    source, kilobase = np.array([item.source for item in items]), 1000 / len(items[0].sequence)
    rows = []
    for threshold in THRESHOLDS:
        called = {kind: float(np.mean(scores[source == kind] > threshold)) for kind in ("epdnew", "intron", "cds")}
        row = {"threshold": threshold, "recall": called["epdnew"]}
        row |= {f"{kind}_called": called[kind] for kind in ("intron", "cds")}
        row |= {f"{kind}_calls_per_kb": called[kind] * kilobase for kind in ("intron", "cds")}
        rows.append({key: round(value, 4) for key, value in row.items()})
    return rows
