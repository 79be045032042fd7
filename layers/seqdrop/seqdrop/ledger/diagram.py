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

ABOUT = {
    UPLOAD: "One object version in the landing bucket.",
    ATTEMPT: "An upload × an analysis × a number: one try at predictions for it, or at a model.",
    JOB: "One SageMaker job, with the attempts that are its members; or one that examines a large upload.",
}


def page() -> str:
    """docs/ledger.md."""
    return "\n\n".join([TITLE, *(_section(kind) for kind in (UPLOAD, ATTEMPT, JOB))]) + "\n"


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
