"""Which uploads a command is about: by id, run, state, analysis and time. All that is said must hold."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ATTEMPT, MOVES, UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.records import Record, Upload
    from seqdrop.ledger.table import Ledger

STATES = {kind: tuple(dict.fromkeys(move.target for move in MOVES if move.kind == kind)) for kind in (UPLOAD, ATTEMPT)}


@dataclass(frozen=True)
class Choice:
    """Empty fields choose nothing. `state` is an upload's, or that of the attempt that decides on it.

    `since` (included) and `until` (not) are when it came to that state; without one, when it landed.
    """

    uploads: tuple[str, ...] = ()
    folder: str = ""  # of a run, or any other, with its slash
    state: str = ""
    analysis: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self != Choice()

    @classmethod
    def of(cls, options: argparse.Namespace) -> Choice:
        """From a command line that `add` has made. Raises ValueError if nothing is chosen."""
        given = {name: getattr(options, name) for name in cls.__dataclass_fields__ if name in options}
        found = cls(**given | {"uploads": tuple(options.uploads)})
        if not found:
            raise ValueError(f"name uploads, or choose them by {', '.join(options.choose_by)}")
        return found


def add(one: argparse.ArgumentParser, *names: str) -> None:
    """The arguments of a choice: ids of uploads, and those options."""
    one.add_argument("uploads", nargs="*", metavar="UPLOAD", help="ids of uploads, as `seqdrop status` shows them")
    known = {
        "run": {
            "dest": "folder",
            "metavar": "FOLDER",
            "type": folder,
            "help": "all below this folder: reads/run7",
        },
        "state": {
            "metavar": "STATE",
            "type": state,
            "help": f"of an upload or of its last attempt: {', '.join(sorted(set(sum(STATES.values(), ()))))}",
        },
        "analysis": {"metavar": "NAME", "help": "as analyses.toml names it, such as reads"},
        "since": {"metavar": "TIME", "type": time, "help": "came to that state (else: landed) then or later"},
        "until": {"metavar": "TIME", "type": time, "help": "before then; 2026-03-01, or 2026-03-01T14:30, in UTC"},
    }
    for name in names:
        one.add_argument(f"--{name}", default=argparse.SUPPRESS, **known[name])
    one.set_defaults(choose_by=[f"--{name}" for name in names])


def folder(text: str) -> str:
    return text.strip("/") + "/"


def state(text: str) -> str:
    if not any(text.upper() in states for states in STATES.values()):
        raise argparse.ArgumentTypeError("no such state")
    return text.upper()


def time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a time is written 2026-03-01 or 2026-03-01T14:30, in UTC") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def chosen(ledger: Ledger, choice: Choice) -> Iterator[Upload]:
    """Each once. Raises ValueError for an id that the ledger does not know."""
    seen = set()
    for upload in _candidates(ledger, choice):
        if upload.id not in seen and _fits(ledger, upload, choice):
            seen.add(upload.id)
            yield upload


def _candidates(ledger: Ledger, choice: Choice) -> Iterator[Upload]:
    if choice.uploads:
        for upload_id in choice.uploads:
            if (upload := ledger.find_upload(upload_id)) is None:
                raise ValueError(f"there is no upload {upload_id}; `seqdrop status` lists them")
            yield upload
        return
    for upload_id in _listed(ledger, choice.state):
        if upload := ledger.find_upload(upload_id):  # as it is: the index may be behind
            yield upload


def _listed(ledger: Ledger, state: str) -> Iterator[str]:
    """Ids of the uploads of which the index says that they, or an attempt of theirs, are in a state; "" for any."""
    for one in STATES[UPLOAD]:
        if state in ("", one):
            yield from (upload.id for upload in ledger.in_state(UPLOAD, one))
    if state in STATES[ATTEMPT]:
        yield from (attempt.upload_id for attempt in ledger.in_state(ATTEMPT, state))


def _fits(ledger: Ledger, upload: Upload, choice: Choice) -> bool:
    if not upload.key.startswith(choice.folder) or choice.analysis not in ("", upload.analysis):
        return False
    if not choice.state:
        return _in_time(upload.created_at, choice)
    records: list[Record] = [upload, *ledger.deciding_attempts(upload)]
    there = [one for one in records if one.state == choice.state]
    return any(_in_time(one.timeline.get(one.state, one.moved_at), choice) for one in there)


def _in_time(when: str, choice: Choice) -> bool:
    came = datetime.fromisoformat(when)
    return not (choice.since and came < choice.since) and not (choice.until and came >= choice.until)
