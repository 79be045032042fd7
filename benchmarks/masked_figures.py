"""Accuracy of a masked language model of DNA on six hidden bases, compared with a Markov chain that sees both sides.

An interval of six bases is hidden in the middle of each held-out sequence. The chain has order 5 and is counted on the
same training sequences, with one added to each count. It scores each of the 4,096 fillings by the probability of the
interval together with the five bases on each side. The scores are scaled to sum to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tokens import OTHER, encode_bases

if TYPE_CHECKING:
    from filler import Filler
    from promoter_data import Labelled

WIDTH, ORDER = 6, 5


class Chain:
    """A Markov chain of order 5, counted on sequences."""

    def __init__(self, items: list[Labelled]) -> None:
        counts = np.ones(4 ** (ORDER + 1))
        for item in items:
            numbers, fit = _numbers(encode_bases(item.sequence.encode()), ORDER + 1)
            counts += np.bincount(numbers[fit], minlength=len(counts))
        table = counts.reshape(-1, 4)
        self._log = np.log(table / table.sum(axis=1, keepdims=True)).ravel()

    def fillings(self, codes: np.ndarray, start: int, kmers: np.ndarray) -> np.ndarray:
        """Return the probabilities of the fillings of codes[start : start + 6], (4**6,)."""
        left, right = codes[start - ORDER : start], codes[start + WIDTH : start + WIDTH + ORDER]
        around = [np.broadcast_to(side, (len(kmers), ORDER)) for side in (left, right)]
        whole = np.concatenate([around[0], kmers, around[1]], axis=1).astype(np.int64)
        numbers = np.lib.stride_tricks.sliding_window_view(whole, ORDER + 1, axis=1) @ 4 ** np.arange(ORDER, -1, -1)
        scores = self._log[numbers].sum(axis=1)
        shares = np.exp(scores - scores.max())
        return shares / shares.sum()


def _numbers(codes: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each interval of `width` bases as a number in base 4, and True for it if it has only A, C, G and T."""
    views = np.lib.stride_tricks.sliding_window_view(codes, width)
    return views.astype(np.int64) @ 4 ** np.arange(width - 1, -1, -1), (views != OTHER).all(axis=1)


def figures(filler: Filler, train: list[Labelled], tests: dict[str, list[Labelled]]) -> dict[str, Any]:
    """Return exact fillings, correct bases, and bits per base (2 is no information) for each test set and side.

    Intervals that contain another code than A, C, G and T, or have one within five bases, are left out.
    """
    chain, results = Chain(train), {}
    for name, items in tests.items():
        codes = [encode_bases(item.sequence.encode()) for item in items]
        middles = [len(sequence) // 2 - WIDTH // 2 for sequence in codes]
        fit = [(c, m) for c, m in zip(codes, middles, strict=True) if (c[m - ORDER : m + WIDTH + ORDER] < OTHER).all()]
        by_model = _by_model(filler, fit)
        by_chain = np.array([chain.fillings(c, m, filler.kmers) for c, m in fit])
        truth = np.array([_numbers(c[m : m + WIDTH], WIDTH)[0][0] for c, m in fit])
        sides = {"model": by_model, "chain": by_chain}
        results[name] = {"stretches": len(fit)} | {
            side: _summary(shares, truth, filler.kmers) for side, shares in sides.items()
        }
    return results


def _by_model(filler: Filler, fit: list[tuple[np.ndarray, int]]) -> np.ndarray:
    ids = []
    for codes, middle in fit:
        hidden = codes.copy()
        hidden[middle : middle + WIDTH] = OTHER
        ids.append(filler.tokens.kmer_ids(hidden))
    return filler.compute(ids, np.array([middle for _, middle in fit]))


def _summary(shares: np.ndarray, truth: np.ndarray, kmers: np.ndarray) -> dict[str, float]:
    best = shares.argmax(axis=1)
    return {
        "exact": round(float(np.mean(best == truth)), 4),
        "bases_right": round(float(np.mean(kmers[best] == kmers[truth])), 4),
        "bits_a_base": round(float(-np.log2(shares[np.arange(len(truth)), truth]).mean() / WIDTH), 4),
    }
