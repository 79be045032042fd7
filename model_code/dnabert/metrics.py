"""Metrics of a two-class model, from labels (0 or 1) and the probabilities of class 1. Uses numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def matthews(labels: ArrayLike, calls: ArrayLike) -> float:
    """Return the Matthews correlation of two arrays of 0 and 1; 0.0 if a row or column of their table is empty."""
    labels, calls = np.asarray(labels, dtype=bool), np.asarray(calls, dtype=bool)
    tp, tn = float(np.sum(labels & calls)), float(np.sum(~labels & ~calls))
    fp, fn = float(np.sum(~labels & calls)), float(np.sum(labels & ~calls))
    denominator = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / denominator**0.5 if denominator else 0.0


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1. Equal values share their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[group]


def auc(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the area under the ROC curve: the share of pairs in which a positive outranks a negative.

    Ties count half. Return nan if only one class is present.
    """
    positive = np.asarray(labels, dtype=bool)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        return float("nan")
    ranks = _mean_ranks(np.asarray(probabilities, dtype=np.float64))
    return float((ranks[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def summary(labels: ArrayLike, probabilities: ArrayLike, threshold: float = 0.5) -> dict[str, float]:
    """Return count, MCC, AUC and accuracy. A sequence is called positive if its probability is over `threshold`."""
    labels, calls = np.asarray(labels), np.asarray(probabilities) > threshold
    return {
        "sequences": len(labels),
        "mcc": round(matthews(labels, calls), 4),
        "auc": round(auc(labels, probabilities), 4),
        "accuracy": round(float(np.mean(calls == (labels == 1))), 4),
    }
