"""Calibration and prior change probabilities, but never the order of windows."""

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
def test_the_order_is_kept(calibration, prior, values):
    scaled = list(map(calibration.scale(prior), sorted(values)))
    assert scaled == sorted(scaled)
    assert all(0 <= value <= 1 for value in scaled)


@given(calibrations, probabilities)
def test_a_prior_that_is_the_share_changes_nothing(calibration, probability):
    assert calibration.scale(calibration.share)(probability) == calibration.scale(None)(probability)


@given(shares, shares, st.floats(0.001, 0.999))
def test_a_prior_multiplies_the_odds(share, prior, probability):
    """Compare with Bayes' rule for classes of the sizes that the prior gives."""
    odds = probability / (1 - probability) * (prior / share) * ((1 - share) / (1 - prior))
    calibrated = Calibration(1.0, 0.0, share).scale(prior)(probability)
    assert calibrated == pytest.approx(odds / (1 + odds), rel=1e-6)


def test_false_calls_are_those_of_the_threshold_or_a_lower_one():
    rows = tuple({"threshold": at, "recall": 1.0, "intron_called": 1 - at, "cds_called": 0.5} for at in (0.5, 0.9))
    calibration = Calibration(1.0, 0.0, 0.5, rows)
    assert calibration.false_calls_at(0.4) is None
    assert [calibration.false_calls_at(at)["threshold"] for at in (0.5, 0.89, 0.9, 1.0)] == [0.5, 0.5, 0.9, 0.9]


@given(calibrations)
def test_json_gives_the_same_calibration(calibration):
    assert parse(calibration.as_json()) == calibration


@pytest.mark.parametrize(
    "change",
    [{"slope": -1}, {"slope": "1"}, {"share": 0}, {"intercept": float("nan")}, {"false_calls": [{}]}, {"share": None}],
)
def test_an_invalid_calibration_is_refused(change):
    good = {"slope": 1.0, "intercept": 0.0, "share": 0.5}
    with pytest.raises(ConfigurationError, match="calibration.json"):
        parse(json.dumps(good | change))
    with pytest.raises(ConfigurationError):
        parse("[]")


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def test_the_calibration_of_an_archive_is_read():
    calibration = Calibration(2.0, 1.0, 0.25)
    assert (
        read_calibration(archive(config__json=b"{}", calibration__json=calibration.as_json().encode())) == calibration
    )
    assert read_calibration(archive(config__json=b"{}")) is None
    assert read_calibration(b"no archive") is None
    with pytest.raises(ConfigurationError):
        read_calibration(archive(calibration__json=b"{"))


@pytest.mark.parametrize("seed", SEEDS)
def test_calibration_improves_the_seed_models(repository, seed):
    """Measured by benchmarks/calibrate_seeds.py on genes used neither for training nor for fitting."""
    folder = repository / "model_code/dnabert/seeds" / seed
    text = (folder / "calibration.json").read_text()
    measured, figures = json.loads(text)["measured"], json.loads((folder / "figures.json").read_text())
    assert figures["calibration"] == measured
    assert measured["fitted_on"]["set"] != measured["judged_on"]["set"]
    for other in ("before", "before_with_prior"):
        assert all(measured["after"][score] < measured[other][score] for score in ("brier", "ece"))
    rows = [
        {name: row[name] for name in ("threshold", "recall", "intron_called", "cds_called")}
        for row in figures["test"]["false_calls"]
    ]
    assert list(parse(text).false_calls) == rows
