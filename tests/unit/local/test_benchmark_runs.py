"""benchmarks/runs.py: the calls for a file of a run do not grow with the run, and the bill has the counted ones."""

from __future__ import annotations

import pytest
from seqdrop_cli.costs.workload import CALL_SECONDS, KEPT

from benchmarks import runs
from benchmarks.run_play import ANALYSES, Played
from tests.support.aws.wire import wire_services

pytestmark = pytest.mark.long  # plays two runs
FEW, MORE = 40, 120


@pytest.fixture(scope="module")
def played() -> dict[int, Played]:
    result = {}
    with wire_services(ANALYSES) as wire:
        for files in (FEW, MORE):
            result[files] = Played(wire)
            result[files].drop_run(files)
            result[files].play()
    return result


def test_all_files_are_archived_and_their_run_is(played):
    for files, run in played.items():
        assert run.states("upload") == {"ARCHIVED": files}
        assert run.states("run") == {"ARCHIVED": 1}


def test_the_counts_of_a_file_do_not_grow_with_the_run(played):
    for counted in ("calls", "units", "by_function", "invocations"):
        few, more = getattr(played[FEW], counted), getattr(played[MORE], counted)
        assert {name for name in more if more[name] / MORE > few[name] / FEW} == set()


def test_the_bill_has_the_counts_of_a_file_that_is_only_hashed(played):
    def of_a_file(counted: str, name: str) -> float:
        """Return what each further file adds."""
        few, more = getattr(played[FEW], counted)[name], getattr(played[MORE], counted)[name]
        return (more - few) / (MORE - FEW)

    near = {"rel": 0.03, "abs": 0.02}
    assert KEPT.ledger_calls == pytest.approx(of_a_file("calls", "dynamodb"), **near)
    assert KEPT.ledger_writes == pytest.approx(of_a_file("units", "writes"), **near)
    assert KEPT.sqs_calls == pytest.approx(of_a_file("calls", "sqs"), **near)
    assert KEPT.validate_seconds == pytest.approx(CALL_SECONDS * of_a_file("by_function", "validate"), **near)
    assert KEPT.archive_seconds == pytest.approx(CALL_SECONDS * of_a_file("by_function", "archive"), **near)
    assert KEPT.invocations == pytest.approx(sum(played[MORE].invocations.values()) / MORE, rel=0.05)
    assert of_a_file("calls", "deep_put") == 1
    # The GET that reads the file has a line of its own; a GET costs a twelfth of a PUT.
    others = of_a_file("calls", "put") + (of_a_file("calls", "get") - 1) * 0.0004 / 0.005
    assert others <= KEPT.s3_calls <= others + 0.1
    assert of_a_file("units", "write") <= KEPT.ledger_writes * KEPT.item_kb * 4


def test_bundles_have_all_bytes_and_at_most_what_the_format_allows():
    sizes = runs.MANY.sizes(bundled=True)
    assert sum(sizes) >= sum(runs.MANY.sizes(bundled=False))
    assert max(sizes) <= runs.BUNDLE_BYTES
    tars = (len(sizes) - runs.STAY) // runs.BUNDLE_OBJECTS
    assert (runs.MANY.small - runs.STAY) / tars <= runs.BUNDLE_FILES
