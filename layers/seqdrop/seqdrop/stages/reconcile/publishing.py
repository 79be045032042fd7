"""Send an event to the bus for each move that has one (bus/types.py), at least once.

Events are derived from the records of the ledger, so a crash loses none: the position up to which the index was read
is written only after its events were accepted. The index is eventually consistent, and the time of a move is older than
its write, by at most the time of an invocation. A record may also move while the states are read one after the other,
from one that is not read yet to one that was. Therefore each run reads the last LATE, and all that the two runs before
it read, again, and leaves out what `recent` lists. If that list is lost, events are sent twice, with the same ids.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.aws.event_bus import make_entry, put_entries
from seqdrop.aws.secrets import read_secret
from seqdrop.bus.types import SOURCE, find_happenings, list_read_states
from seqdrop.bus.webhook import SOURCE as WEBHOOK
from seqdrop.bus.webhook import make_webhook, wants
from seqdrop.runtime.services import iso
from seqdrop.stages.reconcile.event_details import Describer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seqdrop.aws.event_bus import Entry
    from seqdrop.bus.details import Detail
    from seqdrop.bus.types import Happening
    from seqdrop.ledger.coordination import Position
    from seqdrop.runtime.services import Services

POSITION: Final = "events"
LATE: Final = timedelta(minutes=16)  # a function ends after 15, so no move is written later than that
PORTION: Final = 500  # moves between two writes of `recent`
MOST: Final = 20_000  # moves in a run of the reconciler; the next run continues after them
EVER: Final = "9999"  # later than all times


def publish_events(services: Services) -> None:
    """Send the events of all moves since the last call. The first sends nothing: events begin when the bus does."""
    position, until = services.ledger.position(POSITION), iso(clock.utc_now())
    if not position.place:
        services.ledger.save(replace(position, place={"began": until, "before": until, "after": until}))
        return
    since = _start(position)
    recent = _read_recent(services)
    news = [each for each in _find(services, since) if each.make_id() not in recent]
    news.sort(key=lambda each: (each.time, each.make_id()))
    _send_all(services, news[:MOST], recent, since)
    after = until if len(news) <= MOST else news[MOST - 1].time
    last = position.place
    place = {**last, "earlier": last["before"], "before": last["after"], "after": after}
    services.ledger.save(replace(position, place=place))


def _start(position: Position) -> str:
    """Return the time from which moves are read, which is never before the first call."""
    place = position.place
    early = iso(datetime.fromisoformat(place["after"]) - LATE)
    return max(min(early, place.get("earlier", place["before"])), place["began"])


def _find(services: Services, since: str) -> Iterator[Happening]:
    """Yield the events of the records that moved in a time. Two states may yield the same one: a record has moved."""
    ids: set[str] = set()
    for kind, state in list_read_states():
        for record in services.ledger.in_state(kind, state, EVER, since):
            for happening in find_happenings(record, since):
                if happening.make_id() not in ids:
                    ids.add(happening.make_id())
                    yield happening


def _send_all(services: Services, news: Sequence[Happening], recent: dict[str, str], since: str) -> None:
    """Send events, and remember them after each portion. Those before `since` are not read again, and are forgotten."""
    describer, sender = Describer(services), _Sender(services)
    for start in range(0, len(news), PORTION):
        portion = news[start : start + PORTION]
        sender.send([detail for happening in portion for detail in describer.describe(happening)])
        recent.update({happening.make_id(): happening.time for happening in portion})
        kept = {id_: time for id_, time in recent.items() if time >= since}
        services.put_json(services.settings.work, keys.RECENT_EVENTS, kept)


class _Sender:
    """Sends events, and those that carry webhooks. The secret is read when it is first needed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secret: str | None = None

    def send(self, details: Sequence[Detail]) -> None:
        entries = [entry for detail in details for entry in self._make_entries(detail)]
        put_entries(self._services.events, entries)

    def _make_entries(self, detail: Detail) -> Iterator[Entry]:
        settings = self._services.settings
        yield make_entry(settings.event_bus, SOURCE, detail["type"], detail)
        form = settings.webhook_format
        if form and wants(form, detail["type"]):
            webhook = make_webhook(form, detail, self._read_secret())
            yield make_entry(settings.event_bus, WEBHOOK, detail["type"], webhook)

    def _read_secret(self) -> str:
        arn = self._services.settings.webhook_secret
        if self._secret is None:
            self._secret = read_secret(self._services.secrets, arn) if arn else ""
        return self._secret


def _read_recent(services: Services) -> dict[str, str]:
    """Return the ids of events that were sent, and the times of their moves; empty if the list expired."""
    recent: dict[str, str] = json.loads(services.find_bytes(services.settings.work, keys.RECENT_EVENTS) or b"{}")
    return recent
