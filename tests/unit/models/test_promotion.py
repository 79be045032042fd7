"""The gate: which trained models are good enough to become the current one, and which conditions count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.config.promotion import Promotion, combine
from seqdrop.kinds.plans import packaged
from seqdrop.models.archives import ModelArchive
from seqdrop.models.promotion import Bar, Candidate, find_refusals, judge

CURRENT = Candidate("ss3", 0.75, "a")
NAMED = Candidate("ss3", 0.75, "a", labels=("H", "E", "C"))


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
        (Candidate("ss3", 0.80, "a", labels=("H", "E", "C")), NAMED, False, True, "is 0.7500"),
        (
            Candidate("ss3", 0.80, "a", labels=("C", "E", "H")),
            NAMED,
            False,
            False,
            "its classes are C, E, H, but those",
        ),
        (Candidate("ss3", 0.80, "a"), NAMED, True, False, "its classes are not named, but those"),
        (Candidate("ss3", 0.80, "a", labels=("H", "E", "C")), CURRENT, False, True, "is 0.7500"),
        (Candidate("promoter", 0.80, "a", "MCC"), Candidate("promoter", 0.7, "a", "MCC"), False, True, "its MCC"),
    ],
)
def test_a_verdict_has_its_reason(new, current, any_test, passed, why):
    verdict = judge(new, current, Bar(0.7, any_test))
    assert (verdict.passed, why in verdict.why) == (passed, True), verdict.why


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_worse_model_never_passes(figure, current, least, any_test):
    verdict = judge(Candidate("ss3", figure, "a"), Candidate("ss3", current, "a"), Bar(least, any_test))
    assert verdict.passed == (figure >= max(current, least))


promotions = st.builds(
    Promotion,
    promotes=st.booleans(),
    min_q3=st.floats(0, 1),
    min_mcc=st.floats(-1, 1),
    any_test=st.booleans(),
)


@given(st.lists(promotions, min_size=1, max_size=4))
def test_of_several_analyses_of_one_model_the_strictest_conditions_count(several):
    strictest = combine(several)
    assert strictest.promotes == all(each.promotes for each in several)
    assert strictest.any_test == all(each.any_test for each in several)
    for each in several:
        assert (strictest.min_q3 >= each.min_q3, strictest.min_mcc >= each.min_mcc) == (True, True)


def test_a_model_that_no_analysis_uses_does_not_become_current_by_itself():
    assert packaged().promotion_of("no-such-model") == Promotion(promotes=False, min_q3=0.7, min_mcc=0.5)
    assert packaged().promotion_of("structure").promotes is False
    assert [analysis.name for analysis in packaged().using("promoter-300")] == ["contigs", "embed"]


@pytest.mark.parametrize(
    ("labels", "refusals"),
    [
        (("not promoter", "promoter"), []),
        (("promoter", "not promoter"), ["the positive class of model 'promoter-300' is 'not promoter'"]),
        ((), ["the archive of model 'promoter-300' does not name its classes"]),
    ],
)
def test_an_archive_with_which_jobs_would_be_refused_is_found(labels, refusals):
    archive = ModelArchive("promoter-300", "k", "d", labels)
    sentences = find_refusals(archive, packaged().using("promoter-300"))
    assert len(sentences) == len(refusals)
    for sentence, why in zip(sentences, refusals, strict=True):
        assert sentence.startswith(f"jobs of contigs/ would be refused: {why}")
