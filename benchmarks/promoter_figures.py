"""Accuracy of a promoter model on GUE's test set, and on real promoters against other real DNA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import metrics
import numpy as np
from tokens import encode_bases

if TYPE_CHECKING:
    from classifier import Classifier
    from promoter_data import Labelled

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)


def probabilities(classifier: Classifier, items: list[Labelled]) -> np.ndarray:
    """Return the probability of label 1 for each whole sequence on its forward strand, (n,)."""
    rows = [classifier.tokens.kmer_ids(encode_bases(item.sequence.encode())) for item in items]
    return classifier.probabilities(rows)[:, 1]


def figures(classifier: Classifier, tests: dict[str, list[Labelled]]) -> dict[str, Any]:
    """Return MCC, AUC and accuracy of each test set; for the real one also recall and false calls."""
    results = {}
    for name, items in tests.items():
        scores, labels = probabilities(classifier, items), np.array([item.label for item in items])
        results[name] = metrics.summary(labels, scores)
        if name == "real":
            results["false_calls"] = false_calls(items, scores)
    return results


def false_calls(items: list[Labelled], scores: np.ndarray) -> list[dict[str, float]]:
    """Return the share of promoters, introns and coding sequences called, and false calls per kilobase, by threshold.

    A kilobase is counted in adjacent sequences; with overlapping windows there would be more calls per kilobase.
    """
    source, kilobase = np.array([item.source for item in items]), 1000 / len(items[0].sequence)
    rows = []
    for threshold in THRESHOLDS:
        shares = {kind: float(np.mean(scores[source == kind] > threshold)) for kind in ("epdnew", "intron", "cds")}
        row = {"threshold": threshold, "recall": shares["epdnew"]}
        row |= {f"{kind}_called": shares[kind] for kind in ("intron", "cds")}
        row |= {f"{kind}_calls_per_kb": shares[kind] * kilobase for kind in ("intron", "cds")}
        rows.append({key: round(value, 4) for key, value in row.items()})
    return rows
