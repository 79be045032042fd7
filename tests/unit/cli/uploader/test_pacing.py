"""Waits for bandwidth and for a service that does not respond."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from seqdrop_cli.uploader import pacing
from seqdrop_cli.uploader.pacing import Pace, StoppedError, is_transient

from tests.unit.cli.uploader.scripted_s3 import refusal

OFFLINE = EndpointConnectionError(endpoint_url="https://s3")


class FakeTime:
    def __init__(self, pace: Pace, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(pacing.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(pacing, "FIRST_WAIT", 0.5)  # conftest has no pauses
        pace.sleep = self.sleep

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(sizes=st.lists(st.integers(1, 10**8), min_size=2, max_size=50), rate=st.floats(1e3, 1e9))
def test_the_rate_is_kept_whatever_the_sizes(sizes, rate):
    with pytest.MonkeyPatch.context() as patch:
        pace = Pace(rate)
        clock = FakeTime(pace, patch)
        for size in sizes:
            pace.take(size)
        assert clock.now == pytest.approx(sum(sizes[:-1]) / rate)


def test_a_request_is_repeated_while_the_network_is_down(monkeypatch):
    pace = Pace(patience=900)
    clock, calls = FakeTime(pace, monkeypatch), []

    def call():
        calls.append(clock.now)
        if clock.now < 600:
            raise OFFLINE
        return "there"

    assert pace.insist(call) == "there"
    assert len(calls) < 60  # with pauses of up to half a minute


def test_patience_ends(monkeypatch):
    pace = Pace(patience=900)
    clock = FakeTime(pace, monkeypatch)
    with pytest.raises(EndpointConnectionError):
        pace.insist(lambda: (_ for _ in ()).throw(OFFLINE))
    assert 800 < clock.now <= 900


def test_a_stop_ends_every_wait():
    pace = Pace(1.0)
    pace.stop.set()
    for wait in (pace.check, lambda: pace.sleep(99), lambda: (pace.take(99), pace.take(99)), lambda: pace.insist(list)):
        with pytest.raises(StoppedError):
            wait()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OFFLINE, True),
        (ReadTimeoutError(endpoint_url="https://s3"), True),
        (refusal("PutObject", "SlowDown", 503), True),
        (refusal("PutObject", "InternalError", 500), True),
        (refusal("PutObject", "RequestTimeout", 400), True),
        (refusal("PutObject", "AccessDenied", 403), False),
        (refusal("PutObject", "PreconditionFailed", 412), False),
        (refusal("PutObject", "BadDigest", 400), False),
    ],
)
def test_what_may_succeed_later(error, expected):
    assert is_transient(error) == expected
