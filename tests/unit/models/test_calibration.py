"""Calibration and prior: they change what a probability is worth, never which window is the better one."""

import io
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import ConfigurationError
from seqdrop.models.calibration import Calibration, parse, read_calibration

SEEDS = ("promoter-70", "promoter-300")
shares = st.floats(0.0001, 0.9999)
calibrations = st.builds(Calibration, st.floats(0.05, 5), st.floats(-5, 5), shares)
probabilities = st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)


@given(calibrations, st.none() | shares, st.lists(probabilities, min_size=2, max_size=20))
def test_the_order_stays(calibration, prior, found):
    scaled = list(map(calibration.scale(prior), sorted(found)))
    assert scaled == sorted(scaled)
    assert all(0 <= value <= 1 for value in scaled)


@given(calibrations, probabilities)
def test_a_prior_that_is_the_share_changes_nothing(calibration, probability):
    assert calibration.scale(calibration.share)(probability) == calibration.scale(None)(probability)


@given(shares, shares, st.floats(0.001, 0.999))
def test_a_prior_multiplies_the_odds(share, prior, probability):
    """Bayes with the plain numbers: of both classes as many as the prior says."""
    odds = probability / (1 - probability) * (prior / share) * ((1 - share) / (1 - prior))
    found = Calibration(1.0, 0.0, share).scale(prior)(probability)
    assert found == pytest.approx(odds / (1 + odds), rel=1e-6)


def test_false_calls_are_those_of_the_threshold_or_a_lower_one():
    rows = tuple({"threshold": at, "recall": 1.0, "intron_called": 1 - at, "cds_called": 0.5} for at in (0.5, 0.9))
    found = Calibration(1.0, 0.0, 0.5, rows)
    assert found.false_calls_at(0.4) is None
    assert [found.false_calls_at(at)["threshold"] for at in (0.5, 0.89, 0.9, 1.0)] == [0.5, 0.5, 0.9, 0.9]


@given(calibrations)
def test_it_survives_the_ledger(calibration):
    assert parse(calibration.as_json()) == calibration


@pytest.mark.parametrize(
    "change",
    [{"slope": -1}, {"slope": "1"}, {"share": 0}, {"intercept": float("nan")}, {"false_calls": [{}]}, {"share": None}],
)
def test_what_makes_no_sense_is_refused(change):
    good = {"slope": 1.0, "intercept": 0.0, "share": 0.5}
    with pytest.raises(ConfigurationError, match="calibration.json"):
        parse(json.dumps(good | change))
    with pytest.raises(ConfigurationError):
        parse("[]")


def archive(**members: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return held.getvalue()


def test_it_is_found_in_an_archive():
    calibration = Calibration(2.0, 1.0, 0.25)
    assert (
        read_calibration(archive(config__json=b"{}", calibration__json=calibration.as_json().encode())) == calibration
    )
    assert read_calibration(archive(config__json=b"{}")) is None
    assert read_calibration(b"no archive") is None
    with pytest.raises(ConfigurationError):
        read_calibration(archive(calibration__json=b"{"))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seeds_are_better_calibrated_than_not(repository, seed):
    """On genes that neither training nor fitting saw; benchmarks/calibrate_seeds.py measured it."""
    folder = repository / "model_code/dnabert/seeds" / seed
    text = (folder / "calibration.json").read_text()
    measured, figures = json.loads(text)["measured"], json.loads((folder / "figures.json").read_text())
    assert figures["calibration"] == measured
    assert measured["fitted_on"]["set"] != measured["judged_on"]["set"]
    for other in ("before", "before_with_prior"):
        assert all(measured["after"][one] < measured[other][one] for one in ("brier", "ece"))
    rows = [
        {name: row[name] for name in ("threshold", "recall", "intron_called", "cds_called")}
        for row in figures["test"]["false_calls"]
    ]
    assert list(parse(text).false_calls) == rows
