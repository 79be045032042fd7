"""The table of moves."""

import pytest
from seqdrop.ledger.diagram import render_page
from seqdrop.ledger.kinds import KINDS as RECORDS
from seqdrop.ledger.moves import (
    ARCHIVE_OBJECT,
    ASK,
    ENDS,
    FORGETTABLE,
    MOVES,
    OPEN,
    REPLAY,
    REQUEST_RESTORE,
    RESTORE,
    RUN,
    UPLOAD,
    IllegalMoveError,
    check,
)

KINDS = sorted(ENDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_can_be_reached_and_every_open_state_left(kind):
    reached = {None}
    for _ in MOVES:
        reached |= {move.target for move in MOVES if move.kind == kind and move.source in reached}
    states = {move.target for move in MOVES if move.kind == kind}
    assert reached - {None} == states
    left = {move.source for move in MOVES if move.kind == kind}
    assert states - ENDS[kind] <= left


# A run to which files are added, a file that is forgotten, and temporary copies that expire.
LEAVING = {
    RUN: {("ARCHIVED", "COPYING")},
    UPLOAD: {("ARCHIVED", "FORGETTING")},
    RESTORE: {("RESTORED", "EXPIRED")},
    ARCHIVE_OBJECT: {
        ("RESTORED", "RESTORING"),
        ("RESTORED", "EXPIRED"),
        *((state, to) for state in ("EXPIRED", "FAILED") for to in ("RESTORING", "RESTORED")),
        ("EXPIRED", "FAILED"),
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_move_leaves_a_final_state_but_the_few_that_are_meant_to(kind):
    left = {(move.source, move.target) for move in MOVES if move.kind == kind and move.source in ENDS[kind]}
    assert left == LEAVING.get(kind, set())


def test_every_move_is_made_by_a_function_or_a_command(repository):
    functions = {path.name for path in (repository / "functions").iterdir() if (path / "app.py").exists()}
    assert {name for move in MOVES for name in move.by} <= functions | {REPLAY, ASK, REQUEST_RESTORE}


def test_a_move_outside_the_table_is_a_program_error():
    with pytest.raises(IllegalMoveError):
        check("upload", "REJECTED", "ARCHIVED")


def test_the_page_is_generated_from_the_table(repository):
    assert (repository / "docs" / "ledger.md").read_text() == render_page()


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_is_open_or_final(kind):
    states = {move.target for move in MOVES if move.kind == kind}
    assert set(OPEN[kind]) == states - ENDS[kind]


def test_only_records_in_a_final_state_expire():
    assert all(states <= ENDS[kind] for kind, states in FORGETTABLE.items())


def test_moves_write_fields_of_their_records():
    for move in MOVES:
        assert set(move.writes) <= set(RECORDS[move.kind].__dataclass_fields__), move
