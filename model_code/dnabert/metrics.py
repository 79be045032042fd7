"""Figures for a two-class model, from labels (0 or 1) and the probabilities of class 1. Numpy only."""

from __future__ import annotations

import numpy as np


def matthews(labels: np.ndarray, called: np.ndarray) -> float:
    """Matthews correlation of two arrays of 0 and 1; 0.0 where a row or column of the table is empty."""
    labels, called = np.asarray(labels, dtype=bool), np.asarray(called, dtype=bool)
    tp, tn = float(np.sum(labels & called)), float(np.sum(~labels & ~called))
    fp, fn = float(np.sum(~labels & called)), float(np.sum(labels & ~called))
    below = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / below**0.5 if below else 0.0


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[group]


def auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive outranks a negative; nan with only one class."""
    positive = np.asarray(labels, dtype=bool)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        return float("nan")
    ranks = _mean_ranks(np.asarray(probabilities, dtype=np.float64))
    return float((ranks[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def summary(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """Count, MCC, AUC and accuracy; a sequence is called at probability > threshold."""
    labels, called = np.asarray(labels), np.asarray(probabilities) > threshold
    return {
        "sequences": len(labels),
        "mcc": round(matthews(labels, called), 4),
        "auc": round(auc(labels, probabilities), 4),
        "accuracy": round(float(np.mean(called == (labels == 1))), 4),
    }
