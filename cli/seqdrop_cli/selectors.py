"""The selection of uploads for a command by id, run, state, analysis and time. All conditions must hold."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ATTEMPT, MOVES, UPLOAD

from seqdrop_cli.errors import UsageError
from seqdrop_cli.parsing import time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.records import Record, Upload
    from seqdrop.ledger.table import Ledger

STATES = {kind: tuple(dict.fromkeys(move.target for move in MOVES if move.kind == kind)) for kind in (UPLOAD, ATTEMPT)}


@dataclass(frozen=True)
class Selector:
    """Conditions on uploads. An empty field is no condition.

    `folder` ends in a slash. `state` is the state of the upload or of the attempt that decides on it. `since`
    (inclusive) and `until` (exclusive) limit the time at which it entered that state; without a state, the time at
    which it landed.
    """

    uploads: tuple[str, ...] = ()
    folder: str = ""
    state: str = ""
    analysis: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def require(self, *names: str) -> Selector:
        """Return the selector itself. Raise UsageError, which names the options, if it has no condition at all."""
        if self == Selector():
            options = ", ".join(f"--{name}" for name in names)
            raise UsageError(
                f"no uploads are selected; give their ids (see `seqdrop status`), or select them with {options}"
            )
        return self


def add_selectors(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the argument for ids of uploads, and the options with these names: run, state, analysis, since, until."""
    parser.add_argument("uploads", nargs="*", metavar="UPLOAD", help="upload ids, from `seqdrop status`")
    for name in names:
        _ADDERS[name](parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        dest="folder",
        metavar="FOLDER",
        type=folder,
        help="only uploads below this folder, such as reads/run7 (default: any)",
    )


def _add_state(parser: argparse.ArgumentParser) -> None:
    states = ", ".join(sorted(set(STATES[UPLOAD] + STATES[ATTEMPT])))
    text = f"only uploads in this state, or whose last attempt is in it: {states} (default: any)"
    parser.add_argument("--state", metavar="STATE", type=state, help=text)


def _add_analysis(parser: argparse.ArgumentParser) -> None:
    text = "only uploads of this analysis of analyses.toml, such as reads (default: any)"
    parser.add_argument("--analysis", metavar="NAME", help=text)


def _add_since(parser: argparse.ArgumentParser) -> None:
    text = (
        "only uploads that entered the state of --state (without --state: that landed) at this time or later; a TIME "
        "is 2026-03-01 or 2026-03-01T14:30, in UTC (default: any time)"
    )
    parser.add_argument("--since", metavar="TIME", type=time, help=text)


def _add_until(parser: argparse.ArgumentParser) -> None:
    text = "the same, but before this time (default: any time)"
    parser.add_argument("--until", metavar="TIME", type=time, help=text)


_ADDERS = {
    "run": _add_run,
    "state": _add_state,
    "analysis": _add_analysis,
    "since": _add_since,
    "until": _add_until,
}


def folder(text: str) -> str:
    """Return the prefix of the keys below a folder, with one trailing slash."""
    return text.strip("/") + "/"


def state(text: str) -> str:
    """Return the state of an upload or attempt, in upper case."""
    if not any(text.upper() in states for states in STATES.values()):
        states = ", ".join(sorted(set(STATES[UPLOAD] + STATES[ATTEMPT])))
        raise argparse.ArgumentTypeError(f"{text!r} is not a state of an upload or attempt; the states are {states}")
    return text.upper()


def select_uploads(ledger: Ledger, selector: Selector) -> Iterator[Upload]:
    """Yield each selected upload once. Raise ValueError for an id that the ledger does not have."""
    ids = set()
    for upload in _candidates(ledger, selector):
        if upload.id not in ids and _matches(ledger, upload, selector):
            ids.add(upload.id)
            yield upload


def _candidates(ledger: Ledger, selector: Selector) -> Iterator[Upload]:
    if selector.uploads:
        for upload_id in selector.uploads:
            if (upload := ledger.find_upload(upload_id)) is None:
                raise ValueError(f"there is no upload {upload_id}; `seqdrop status` lists them")
            yield upload
        return
    for upload_id in _list_ids(ledger, selector.state):
        if upload := ledger.find_upload(upload_id):  # read the record itself, because the index may be out of date
            yield upload


def _list_ids(ledger: Ledger, state: str) -> Iterator[str]:
    """Yield ids of uploads that are in a state, or have an attempt in it, according to the index; "" is any state."""
    for upload_state in STATES[UPLOAD]:
        if state in ("", upload_state):
            yield from (upload.id for upload in ledger.in_state(UPLOAD, upload_state))
    if state in STATES[ATTEMPT]:
        yield from (attempt.upload_id for attempt in ledger.in_state(ATTEMPT, state))


def _matches(ledger: Ledger, upload: Upload, selector: Selector) -> bool:
    if not upload.key.startswith(selector.folder) or selector.analysis not in ("", upload.analysis):
        return False
    if not selector.state:
        return _is_in_time(upload.created_at, selector)
    records: list[Record] = [upload, *ledger.deciding_attempts(upload)]
    in_state = [record for record in records if record.state == selector.state]
    return any(_is_in_time(record.timeline.get(record.state, record.moved_at), selector) for record in in_state)


def _is_in_time(time: str, selector: Selector) -> bool:
    moment = datetime.fromisoformat(time)
    is_early = selector.since is not None and moment < selector.since
    is_late = selector.until is not None and moment >= selector.until
    return not (is_early or is_late)
