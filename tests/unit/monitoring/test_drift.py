"""Drift of inputs and predictions: planted drift is detected, and samples of one distribution raise nothing."""

from __future__ import annotations

import json
from math import exp, factorial

import numpy as np
import pytest
from seqdrop.monitoring.drift import chi_squared_quantile, compare, divergence
from seqdrop.monitoring.features import GC, KMERS, SCORE, canonical_kmers
from seqdrop.monitoring.predictions import PredictionProfiler
from seqdrop.monitoring.profile import BLOCKS, Histogram, Profile
from seqdrop.monitoring.sequences import PIECE, SequenceProfiler, cut

from tests.unit.monitoring.species import reads

RESAMPLES = 20


def profile(sequences, alphabet="dna") -> Profile:
    return SequenceProfiler(alphabet).add_all(sequences).finish()


def drifted(baseline: Profile, current: Profile) -> set[str]:
    return {comparison.feature for comparison in compare(baseline, current) if comparison.has_drifted}


@pytest.fixture(scope="module")
def population() -> list[str]:
    return reads(6000, seed=0)


@pytest.fixture(scope="module")
def baseline(population) -> Profile:
    return profile(population[:3000])


class TestInputs:
    def test_resamples_without_drift_raise_nothing(self, baseline, population):
        """Small samples as well as large ones, from the half of the reads that the baseline has not seen."""
        rng = np.random.default_rng(1)
        for resample in range(RESAMPLES):
            number = (150, 500, 1500, 3000)[resample % 4]
            sample = [population[place] for place in rng.choice(np.arange(3000, 6000), number, replace=False)]
            assert drifted(baseline, profile(sample)) == set(), resample

    def test_a_shift_of_gc_is_detected(self, baseline):
        assert "gc" in drifted(baseline, profile(reads(1500, seed=2, gc=0.47)))

    def test_more_unknown_bases_are_detected(self, baseline, population):
        masked = [read[:60] + "N" * 12 + read[72:] if n % 10 == 0 else read for n, read in enumerate(population[3000:])]
        assert drifted(baseline, profile(masked)) == {"unknown"}

    def test_another_species_of_the_same_gc_content_is_detected_by_its_kmers(self, baseline):
        assert "kmers" in drifted(baseline, profile(reads(1500, seed=3, species=2)))

    def test_other_lengths_are_detected(self, baseline, population):
        assert "length" in drifted(baseline, profile([read[:90] for read in population[3000:]]))

    def test_both_strands_have_the_same_profile(self, population):
        complement = str.maketrans("ACGT", "TGCA")
        forward, reverse = population[:200], [read.translate(complement)[::-1] for read in population[:200]]
        assert profile(forward).as_dict() == profile(reverse).as_dict()

    def test_case_does_not_matter_and_u_is_t(self):
        assert profile(["ACGTNNT" * 9]).as_dict() == profile(["acgunnu" * 9]).as_dict()

    def test_counts_are_those_of_a_slow_count(self, population):
        sequences = [read[:70] + "N" + read[71:] for read in population[:50]]
        histograms = profile(sequences).histograms
        words = [read[place : place + 4] for read in sequences for place in range(147)]
        expected = dict.fromkeys(canonical_kmers(), 0)
        for word in words:
            if "N" not in word:
                expected[min(word, word.translate(str.maketrans("ACGT", "TGCA"))[::-1])] += 1
        assert dict(zip(KMERS.bins, histograms["kmers"].bins.tolist(), strict=True)) == expected
        gc = [sum(base in "GC" for base in read) * 50 // sum(base != "N" for base in read) for read in sequences]
        assert histograms["gc"].bins.tolist() == np.bincount(gc, minlength=len(GC.bins)).tolist()
        assert histograms["unknown"].bins.tolist() == [0, 50, 0, 0, 0, 0, 0]

    def test_long_records_are_cut_into_equal_pieces(self):
        pieces = cut(b"A" * (PIECE + 1))
        assert [len(piece) for piece in pieces] == [128, 129]
        assert cut(b"") == []

    def test_proteins_have_pairs_of_residues_and_no_gc(self):
        histograms = profile(["MKVX" * 40], "protein").histograms
        assert set(histograms) == {"length", "unknown", "kmers"}
        bins = dict(zip(histograms["kmers"].feature.bins, histograms["kmers"].bins.tolist(), strict=True))
        assert {pair for pair, number in bins.items() if number} == {"MK", "KV"}


def rows(seed: int, number: int = 3000, mean: float = -3.0) -> list[dict]:
    """Return scored windows: logits of a normal distribution, and its upper part is called."""
    logits = np.random.default_rng(seed).normal(mean, 1.5, number)
    return [{"probability": float(1 / (1 + np.exp(-each))), "call": bool(each > 0)} for each in logits]


def predictions(entries) -> Profile:
    profiler = PredictionProfiler()
    for row in entries:
        profiler.add(row)
    return profiler.finish()


class TestPredictions:
    def test_resamples_without_drift_raise_nothing(self):
        baseline = predictions(rows(0))
        for seed in range(1, RESAMPLES + 1):
            assert drifted(baseline, predictions(rows(seed, (200, 1000, 3000)[seed % 3]))) == set(), seed

    def test_scores_that_move_are_detected(self):
        assert "score" in drifted(predictions(rows(0)), predictions(rows(1, mean=-2.0)))

    def test_twice_as_many_calls_are_detected_though_they_are_rare(self):
        few = [{"probability": 0.1, "call": n % 100 == 0} for n in range(40_000)]
        many = [{"probability": 0.1, "call": n % 50 == 0} for n in range(40_000)]
        assert drifted(predictions(few), predictions(many)) == {"calls"}

    def test_calls_in_clumps_count_as_fewer_observations(self):
        """Windows overlap, so one promoter gives several calls; what chance explains grows accordingly."""
        clumped = [{"probability": 0.1, "call": n // 8 % 61 == 0} for n in range(4000)]
        spread = [{"probability": 0.1, "call": n % 61 == 0} for n in range(4000)]
        (dense,) = [each for each in compare(predictions(clumped), predictions(clumped)) if each.feature == "calls"]
        (even,) = [each for each in compare(predictions(spread), predictions(spread)) if each.feature == "calls"]
        assert dense.chance > 1.5 * even.chance

    def test_states_of_proteins_are_compared(self):
        def protein(states: str) -> dict:
            sure = {state: [0.8 if own == state else 0.1 for own in states] for state in "HEC"}
            return {"record": "p", "ss": states, **{f"p{state}": values for state, values in sure.items()}}

        helices, strands = [protein("HHHHCCHHHC")] * 300, [protein("EEEECCEEEC")] * 300
        assert drifted(predictions(helices), predictions(strands)) == {"states"}
        assert (
            predictions(helices).histograms["score"].bins[np.searchsorted(np.arange(-6, 6.5, 0.5), np.log(4), "right")]
            == 300
        )

    def test_only_the_likeliest_candidate_of_a_masked_interval_counts(self):
        filled = [{"bases": "A", "rank": 1, "probability": 0.6}, {"bases": "C", "rank": 2, "probability": 0.2}]
        assert predictions(filled).histograms["score"].total == 1

    def test_rows_without_a_prediction_count_as_nothing(self):
        empty = [
            {"not_scored": "too_many_n"},
            {"item": "x", "error": {"code": "c", "message": "m"}},
            {"embedding": [1.0]},
        ]
        assert predictions(empty).observations == 0

    def test_certain_scores_are_in_the_last_bins(self):
        bins = predictions([{"probability": 0.0}, {"probability": 1.0}]).histograms["score"].bins
        assert (bins[0], bins[-1], len(bins)) == (1, 1, len(SCORE.bins))


class TestDistance:
    def test_equal_distributions_have_no_distance_and_disjoint_ones_the_largest(self):
        uniform, other = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.0, 1.0])
        assert (divergence(uniform, uniform), divergence(uniform, other)) == (0.0, 1.0)

    @pytest.mark.parametrize("degrees", [2, 6, 24, 136])
    def test_chance_is_exceeded_about_once_in_a_million(self, degrees):
        """For an even number of degrees of freedom, the tail of the chi-squared distribution is a finite sum."""
        half = chi_squared_quantile(degrees) / 2
        tail = exp(-half) * sum(half**term / factorial(term) for term in range(degrees // 2))
        assert 2e-7 < tail < 2e-6

    def test_independent_observations_have_no_dispersion_and_identical_blocks_none_below_one(self):
        rng, histogram = np.random.default_rng(5), Histogram.empty(GC)
        histogram.add(rng.integers(0, BLOCKS, 20_000), rng.integers(10, 30, 20_000))
        assert 1.0 <= histogram.dispersion < 1.3
        assert histogram.weight == pytest.approx(20_000, rel=0.25)

    def test_a_feature_with_too_few_observations_is_not_compared(self):
        assert compare(predictions(rows(0)), predictions(rows(1, 20))) == []


class TestStorage:
    def test_a_profile_is_read_as_it_was_stored(self, baseline):
        stored = json.loads(json.dumps(baseline.as_dict()))
        again = Profile.from_dict(stored)
        assert again.as_dict() == baseline.as_dict()
        assert drifted(baseline, again) == set()

    def test_profiles_add_up(self, population):
        first, other = profile(population[:128]), profile(population[128:256])
        first.add(other)
        assert first.observations == 256
        assert first.histograms["kmers"].bins.tolist() == profile(population[:256]).histograms["kmers"].bins.tolist()

    def test_a_profile_of_another_version_is_refused_with_advice(self, baseline):
        stored = baseline.as_dict()
        stored["counts"]["gc"] = [[0, 1]] * BLOCKS
        with pytest.raises(ValueError, match="make the baseline again"):
            Profile.from_dict(stored)
