"""The table of moves itself."""

import pytest
from seqdrop.ledger.moves import ENDS, MOVES, IllegalMove, check

KINDS = sorted(ENDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_can_be_reached_and_every_open_one_left(kind):
    reached = {None}
    for _ in MOVES:
        reached |= {move.target for move in MOVES if move.kind == kind and move.source in reached}
    states = {move.target for move in MOVES if move.kind == kind}
    assert reached - {None} == states
    left = {move.source for move in MOVES if move.kind == kind}
    assert states - ENDS[kind] <= left


@pytest.mark.parametrize("kind", KINDS)
def test_no_move_leaves_an_end(kind):
    assert not [move for move in MOVES if move.kind == kind and move.source in ENDS[kind]]


def test_every_mover_is_a_function(repository):
    functions = {path.name for path in (repository / "functions").iterdir() if (path / "app.py").exists()}
    assert {name for move in MOVES for name in move.by.split(", ")} <= functions


def test_a_move_outside_the_table_is_a_program_error():
    with pytest.raises(IllegalMove):
        check("upload", "REJECTED", "ARCHIVED")


def test_the_readme_shows_the_table_as_it_is(repository):
    text = (repository / "README.md").read_text()
    for move in MOVES:
        assert f"| {move.source or '∅'} → {move.target} | {move.why} ({move.by}) |" in text
