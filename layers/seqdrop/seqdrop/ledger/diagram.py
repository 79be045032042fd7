"""The table of moves as a page: `python -m seqdrop.ledger.diagram > docs/ledger.md`. A test holds the page to it."""

from __future__ import annotations

from seqdrop.ledger.moves import ATTEMPT, ENDS, JOB, MOVES, UPLOAD, Move

TITLE = """# The ledger

Made from `seqdrop/ledger/moves.py` by `python -m seqdrop.ledger.diagram > docs/ledger.md`; the functions, the
reconciler and the tests go by the same table. A move is a write on the condition that the record still stands where it
was read, at the same revision: who is refused knows that someone else was first.

Each record keeps when it came to each state (`timeline`), how often the reconciler pushed it (`pushes`), and the X-Ray
trace in which it was first written (`trace_id`); an attempt names its job, a job its members, its request and the tags
that the bill tells its cost by."""

SETS = """## Sets of files

Uploads that belong together are the members of a set. Its record (`FileSet`, `ledger/coordination.py`) has no state: it
says which upload holds which slot, and a few facts. Each move by which an upload takes a slot, or advances because of
who holds another, is one transaction with a write of this record, on the condition that its revision is the one that
was read. Policies (`stages/assemble/`) decide about members:

| policy | set | slots | facts |
|---|---|---|---|
| `mates` | R1 and R2 of one name | `1`, `2` | `settled`: the two that last advanced together |
| `masks` | a FASTA and the BED of its masked intervals | `fasta`, `bed` | |
| `training` | files of one folder under `training/` | their names | `attempt`: the last one that was planned |
| `runs` | a folder that is a run's | `manifest` | `opened_at`, `opened_by`, `missing`, `awaits`, `told_at` |

Items also hold the fields in which versions up to 0.2.0 kept pairs, data sets and runs (`ledger/earlier_sets.py`),
under the same keys: those versions can read them, so that a deployment, or its rollback, loses nothing that waits."""

ABOUT = {
    UPLOAD: "One object version in the landing bucket.",
    ATTEMPT: "An upload × an analysis × a number: one try at predictions for it, or at a model.",
    JOB: "One SageMaker job, with the attempts that are its members; or one that examines a large upload.",
}


def page() -> str:
    """docs/ledger.md."""
    return "\n\n".join([TITLE, *(_section(kind) for kind in (UPLOAD, ATTEMPT, JOB)), SETS]) + "\n"


def _section(kind: str) -> str:
    moves = [move for move in MOVES if move.kind == kind]
    rows = [_row(move) for move in moves]
    table = ["| move | by | why | writes |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {kind.capitalize()}", "", ABOUT[kind], "", *_diagram(kind, moves), "", *table])


def _diagram(kind: str, moves: list[Move]) -> list[str]:
    arrows = [f"    {move.source or '[*]'} --> {move.target}: {', '.join(move.by)}" for move in moves]
    ends = [f"    {state} --> [*]" for state in sorted(ENDS[kind])]
    return ["```mermaid", "stateDiagram-v2", *arrows, *ends, "```"]


def _row(move: Move) -> str:
    writes = ", ".join(f"`{name}`" for name in move.writes)
    return f"| {move.source or '∅'} → {move.target} | {', '.join(move.by)} | {move.why} | {writes} |"


if __name__ == "__main__":
    print(page(), end="")
