"""Made-up genomes for tests of drift: Markov chains whose 3-mers decide which base follows, one for each species."""

from __future__ import annotations

import numpy as np

BASES = np.array(list("ACGT"))


def transitions(species: int, gc: float = 0.42, variety: float = 0.35) -> np.ndarray:
    """Return (64, 4) probabilities of the next base after each 3-mer. Two species have the same GC content."""
    draws = np.exp(variety * np.random.default_rng(species).standard_normal((64, 4)))
    probabilities = draws * np.array([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def reads(number: int, seed: int, species: int = 1, gc: float = 0.42, length: int = 150) -> list[str]:
    """Return reads of one species. Reads differ in GC content as those of a genome do (isochores)."""
    rng = np.random.default_rng(seed)
    table = np.log(transitions(species, gc))
    tilt = 0.25 * rng.standard_normal(number)[:, None] * np.array([-1, 1, 1, -1])
    states, columns = rng.integers(0, 64, number), []
    for _ in range(length):
        draws = (table[states] + tilt + rng.gumbel(size=(number, 4))).argmax(axis=1)
        columns.append(draws)
        states = (states * 4 + draws) % 64
    return ["".join(row) for row in BASES[np.stack(columns, axis=1)]]
