"""The gate: which trained models become the current one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.models.promotion import Candidate, judge

CURRENT = Candidate("ss3", 0.75, "a")


@pytest.mark.parametrize(
    ("new", "current", "any_test", "passed", "why"),
    [
        (Candidate("ss3", 0.7, "a"), None, False, True, "no current model"),
        (Candidate("ss3", 0.69, "a"), None, False, False, "below 0.7"),
        (Candidate("ss3", None, "a"), None, False, False, "not known"),
        (Candidate("ss3", float("nan"), "a"), None, False, False, "not known"),
        (Candidate("ss3", 0.75, "a"), CURRENT, False, True, "is 0.7500"),
        (Candidate("ss3", 0.74, "a"), CURRENT, False, False, "is 0.7500"),
        (Candidate("ss3", 0.80, "b"), CURRENT, False, False, "not measured on the same test split"),
        (Candidate("ss3", 0.80, "b"), CURRENT, True, True, "on another test split"),
        (Candidate("ss3", 0.74, "b"), CURRENT, True, False, "on another test split"),
        (Candidate("ss8", 0.80, "a"), CURRENT, True, False, "its task is ss8, but that of the current model is ss3"),
        (Candidate("ss3", 0.80, "a"), Candidate("", None), False, False, "is not known"),
        (Candidate("ss3", 0.80, "a"), Candidate("", None), True, True, "is not known"),
        (Candidate("promoter", 0.80, "a", "MCC"), Candidate("promoter", 0.7, "a", "MCC"), False, True, "its MCC"),
    ],
)
def test_a_verdict_has_its_reason(new, current, any_test, passed, why):
    verdict = judge(new, current, 0.7, any_test)
    assert (verdict.passed, why in verdict.why) == (passed, True), verdict.why


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_worse_model_never_passes(figure, current, least, any_test):
    verdict = judge(Candidate("ss3", figure, "a"), Candidate("ss3", current, "a"), least, any_test)
    assert verdict.passed == (figure >= max(current, least))
