"""The table of moves itself."""

import pytest
from seqdrop.ledger.diagram import render_page
from seqdrop.ledger.moves import ENDS, FORGETTABLE, MOVES, OPEN, REPLAY, IllegalMoveError, check
from seqdrop.ledger.records import KINDS as RECORDS

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
    assert {name for move in MOVES for name in move.by} <= functions | {REPLAY}


def test_a_move_outside_the_table_is_a_program_error():
    with pytest.raises(IllegalMoveError):
        check("upload", "REJECTED", "ARCHIVED")


def test_the_page_shows_the_table_as_it_is(repository):
    assert (repository / "docs" / "ledger.md").read_text() == render_page()


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_is_open_or_an_end(kind):
    states = {move.target for move in MOVES if move.kind == kind}
    assert set(OPEN[kind]) == states - ENDS[kind]


def test_nothing_is_forgotten_before_its_end():
    assert all(states <= ENDS[kind] for kind, states in FORGETTABLE.items())


def test_what_moves_write_are_fields_of_their_records():
    for move in MOVES:
        assert set(move.writes) <= set(RECORDS[move.kind].__dataclass_fields__), move
