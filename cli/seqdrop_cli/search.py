"""The uploads that a person means: by name, run, sample, state, analysis and time. All conditions must hold."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.ledger.moves import ATTEMPT, MOVES, UPLOAD

from seqdrop_cli.command import StackOptions
from seqdrop_cli.errors import CommandError
from seqdrop_cli.parsing import time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seqdrop.ledger.records import Upload

    from seqdrop_cli.listing import Listing
    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target

FEW = 25  # uploads that are read one by one, which is consistent
RECENT = re.compile(r"(\d+)\s*([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
OF_EXAMINATION = ("LANDED", "EXAMINING", "UNEXAMINED")
STATES = tuple(sorted({move.target for move in MOVES if move.kind in (UPLOAD, ATTEMPT)} | set(OF_EXAMINATION)))


@dataclass(frozen=True)
class Search:
    """Conditions on uploads; an empty field is none.

    `what` are texts as `seqdrop restore` takes them; an upload is meant if it fits one of them. `states` are those that
    `seqdrop status` shows, or those of uploads. `since` (inclusive) and `until` (exclusive) limit the time at which an
    upload landed.
    """

    what: tuple[str, ...] = ()
    run: str = ""
    sample: str = ""
    states: tuple[str, ...] = ()
    analysis: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no condition."""
        return self == Search()

    @property
    def names(self) -> bool:
        """Whether uploads are named, so that all of them have to be read."""
        return bool(self.what or self.run or self.sample)

    def __str__(self) -> str:
        texts = [*map(repr, self.what)]
        texts += [f"--{name} {text}" for name in ("run", "sample", "analysis") if (text := getattr(self, name))]
        texts += [f"--state {','.join(self.states)}"] if self.states else []
        texts += [f"--{name} {value:%Y-%m-%dT%H:%M}" for name in ("since", "until") if (value := getattr(self, name))]
        return " ".join(texts)


@dataclass(frozen=True)
class SearchOptions(StackOptions):
    """Options of a command that takes a `Search`, and uses a stack."""

    what: list[str]
    run: str
    sample: str
    states: tuple[str, ...]
    analysis: str
    since: datetime | None
    until: datetime | None

    @property
    def search(self) -> Search:
        """The conditions."""
        return Search(tuple(self.what), self.run, self.sample, self.states, self.analysis, self.since, self.until)


def add_search(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `SearchOptions`, but for those of the stack."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help="file name, key or its end, pattern such as '*_R1_*', run folder, sample, or upload id (default: all)",
    )
    parser.add_argument("--run", default="", metavar="FOLDER", help="only files of this run (default: any)")
    parser.add_argument("--sample", default="", metavar="NAME", help="only files of this sample (default: any)")
    parser.add_argument(
        "--state",
        dest="states",
        default=(),
        type=_states,
        metavar="STATE",
        help=f"only uploads in this state, or in one of several: A,B. States: {', '.join(STATES)} (default: any)",
    )
    parser.add_argument(
        "--analysis", default="", metavar="NAME", help="only uploads of this analysis, such as reads (default: any)"
    )
    parser.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="only uploads that landed at this time or later: 2026-03-01, 2026-03-01T14:30 (UTC), today, yesterday, or "
        "an age such as 36h or 7d (default: any time)",
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="the same, but before this time (default: now)")


def _states(text: str) -> tuple[str, ...]:
    states = tuple(state.strip().upper() for state in text.split(","))
    if unknown := [state for state in states if state not in STATES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not a state; the states are {', '.join(STATES)}")
    return states


def moment(text: str) -> datetime:
    """Return the time that a text names, in UTC: an ISO 8601 time, today, yesterday, or an age such as 36h."""
    if age := RECENT.fullmatch(text.strip().lower()):
        return clock.utc_now() - timedelta(**{UNITS[age[2]]: int(age[1])})
    days = {"today": 0, "yesterday": 1}.get(text.strip().lower())
    if days is None:
        try:
            return time(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{error}, or today, yesterday, or an age such as 36h or 7d") from error
    return clock.utc_now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)


@dataclass(frozen=True)
class Finding:
    """The uploads that a search has found. `is_complete` is False if there are older ones that were not read."""

    uploads: list[Progress]
    is_complete: bool = True


def find_progress(target: Target, search: Search, *, everything: bool = False) -> Finding:
    """Return the progress of the uploads that a search names: those that are not final first, each by its time.

    Without a name, a time or `everything`, only the newest of each final state are read. Raise CommandError if a text
    names no upload.
    """
    from seqdrop_cli.listing import NEWEST, Listing

    listing = Listing(target.ledger())
    uploads = _find_by_id(listing, search) or _load(target, listing, search, None if everything else NEWEST)
    chosen = [upload for upload in uploads if _fits(upload, search)]
    if len(chosen) > FEW:
        listing.load_attempts(chosen)
    progress = [_read(listing, upload, with_awaited=len(chosen) <= FEW) for upload in chosen]
    if search.states:
        progress = [item for item in progress if item.state in search.states or _state_of(item) in search.states]
    return Finding(sorted(progress, key=_order), listing.is_complete)


def require_uploads(target: Target, search: Search) -> list[Progress]:
    """Return the progress of all uploads that a search names. Raise CommandError if there are none."""
    uploads = find_progress(target, search, everything=True).uploads
    if not uploads:
        raise CommandError(f"no upload fits {search}; `seqdrop status` lists the uploads")
    return uploads


def _find_by_id(listing: Listing, search: Search) -> list[Upload] | None:
    """Return the uploads of a search that gives nothing but ids; None for another search."""
    from seqdrop.stages.restore.selection import is_upload_id

    if not search.what or search.run or search.sample or not all(map(is_upload_id, search.what)):
        return None
    uploads = [listing.find_upload(upload_id) for upload_id in dict.fromkeys(search.what)]
    return None if None in uploads else [upload for upload in uploads if upload]


def _load(target: Target, listing: Listing, search: Search, most: int | None) -> list[Upload]:
    """Load the uploads, and return those that the texts, the run and the sample of a search name."""
    from seqdrop.runtime.services import iso

    listing.load(iso(search.since) if search.since else "", None if search.names else most)
    uploads = list(listing.uploads.values())
    if not search.names:
        return uploads
    from seqdrop.stages.restore.selection import RunTables, is_upload_id, select_among, select_sample

    tables = RunTables(listing, target.client("s3"), target.results)
    if search.run:
        folder = search.run.strip("/")
        uploads = [upload for upload in uploads if f"/{folder}/" in f"/{upload.key}"]
    if search.sample:
        uploads = select_sample(uploads, search.sample, tables)
    if not search.what:
        return uploads
    chosen: dict[str, Upload] = {}
    for text in search.what:
        named: Iterable[Upload] = select_among(uploads, text, tables).uploads
        if is_upload_id(text) and (upload := listing.find_upload(text)):
            named = [upload]
        chosen |= {upload.id: upload for upload in named}
        if not named:
            raise CommandError(_explain_unknown(text, uploads))
    return list(chosen.values())


def _explain_unknown(text: str, uploads: Sequence[Upload]) -> str:
    """Return a sentence that names files whose name is similar, if there are any."""
    import difflib
    import posixpath

    names = {posixpath.basename(upload.key) for upload in uploads}
    parts = [name for name in sorted(names) if posixpath.basename(text.strip("/")).lower() in name.lower()]
    similar = parts[:3] or difflib.get_close_matches(posixpath.basename(text), names, 3)
    advice = f"did you mean {' or '.join(similar)}?" if similar else "`seqdrop status` lists the uploads"
    return f"there is no upload {text}: it is no file name, key, run, sample or upload id; {advice}"


def _fits(upload: Upload, search: Search) -> bool:
    if search.analysis not in ("", upload.analysis):
        return False
    landed = datetime.fromisoformat(upload.created_at)
    return not (search.since and landed < search.since) and not (search.until and landed >= search.until)


def _read(listing: Listing, upload: Upload, *, with_awaited: bool) -> Progress:
    from seqdrop_cli.progress import read_progress

    return read_progress(listing, upload.id, upload.key, upload.size, with_awaited=with_awaited)


def _state_of(progress: Progress) -> str:
    return progress.upload.state if progress.upload else ""


def _order(progress: Progress) -> tuple[bool, str, str]:
    return progress.is_final, progress.upload.created_at if progress.upload else "", progress.key
