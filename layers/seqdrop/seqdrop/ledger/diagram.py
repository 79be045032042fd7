"""Render the table of moves as a page: `python -m seqdrop.ledger.diagram > docs/ledger.md`. A test compares them."""

from __future__ import annotations

from seqdrop.ledger.moves import ARCHIVE_OBJECT, ATTEMPT, ENDS, JOB, MOVES, RESTORE, RUN, UPLOAD, Move

TITLE = """# The ledger

This page is generated from `seqdrop/ledger/moves.py` by `python -m seqdrop.ledger.diagram > docs/ledger.md`. The
functions, the reconciler and the tests use the same table. A move is a conditional write: it succeeds only if the
record still has the state and the revision that were read. If a write is refused, another invocation was first.

Each record keeps the time at which it entered each state (`timeline`), how often the reconciler sent its message again
since its last move (`pushes`), and the X-Ray trace that created it (`trace_id`). An attempt names its job. A job holds
its members, its request and its cost allocation tags."""

SETS = """## Sets of files

Uploads that belong together are the members of a set. The record of a set (`FileSet`, `ledger/coordination.py`) has no
state: it holds the id of the upload in each slot, and a few facts. If an upload takes a slot, or advances because of
another member, its move and a write of this record are one transaction. The transaction succeeds only if the record
still has the revision that was read. Policies (`stages/assemble/`) decide about the members:

| policy | set | slots | facts |
|---|---|---|---|
| `mates` | R1 and R2 of one name | `1`, `2` | `settled`: the two uploads that last advanced together |
| `masks` | a FASTA and the BED of its masked intervals | `fasta`, `bed` | |
| `training` | files of one folder under `training/` | their names | `attempt`: key of the last one; `missing` |
| `runs` | the folder of a run | `manifest` | `opened_at`, `opened_by`, `missing`, `awaits`, `told_at` |

Items have the keys and also the fields with which versions up to 0.2.0 stored pairs, data sets and runs
(`ledger/earlier_sets.py`). Those versions can read the items, so a deployment or its rollback loses no file that
waits."""

FILES = """## Files in the archive

An item `ARCHIVED#…` (`ArchivedFile`, `ledger/archived_files.py`) says which upload has the copy of a file. Its key is a
hash of bucket, key, size and SHA-256. The archive function claims it before it makes a copy, and writes it again in the
transaction that moves the upload to ARCHIVED. It expires with the record of the upload. The reconciler writes the items
of uploads that earlier versions archived.

An item `KEPT#…` (`KeptVersion`, `ledger/kept_versions.py`) says when the landing version of an archived upload is
removed, if its analysis has `keep_days`. It is written in the transaction that archives the upload. The index has it
under `landing#KEPT`, ordered by that time, until the version is removed."""

ABOUT = {
    UPLOAD: "One object version in the landing bucket.",
    ATTEMPT: "One upload × analysis × number: one try at predictions for the upload, or at a model.",
    JOB: "One SageMaker job. Its members are attempts, or it has none and examines a large upload.",
    RUN: 'A sequencer run: the first folder below a prefix with `gate = "run"` ([runs.md](runs.md)).',
    RESTORE: "A person's request to make archived files readable ([restore.md](restore.md)).",
    ARCHIVE_OBJECT: "An object version of the archive bucket that is restored, or was; a bundle is one object.",
}
KINDS = (UPLOAD, ATTEMPT, JOB, RUN, RESTORE, ARCHIVE_OBJECT)


def render_page() -> str:
    """Return the text of docs/ledger.md."""
    return "\n\n".join([TITLE, *(_render_section(kind) for kind in KINDS), SETS, FILES]) + "\n"


def _render_section(kind: str) -> str:
    moves = [move for move in MOVES if move.kind == kind]
    rows = [_render_row(move) for move in moves]
    table = ["| move | by | why | writes |", "|---|---|---|---|", *rows]
    return "\n".join(
        [f"## {kind.replace('_', ' ').capitalize()}", "", ABOUT[kind], "", *_render_diagram(kind, moves), "", *table]
    )


def _render_diagram(kind: str, moves: list[Move]) -> list[str]:
    arrows = [f"    {move.source or '[*]'} --> {move.target}: {', '.join(move.by)}" for move in moves]
    ends = [f"    {state} --> [*]" for state in sorted(ENDS[kind])]
    return ["```mermaid", "stateDiagram-v2", *arrows, *ends, "```"]


def _render_row(move: Move) -> str:
    writes = ", ".join(f"`{name}`" for name in move.writes)
    return f"| {move.source or '∅'} → {move.target} | {', '.join(move.by)} | {move.why} | {writes} |"


if __name__ == "__main__":
    print(render_page(), end="")
