"""A bus of EventBridge in memory, its archive, and a consumer that knows only what the archive replays."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass
class Bus:
    """Keeps each entry that it accepts. `refuses` says whether an entry is refused, as EventBridge does under load."""

    archive: list[dict] = field(default_factory=list)
    refuses: object = lambda _entry: False

    def put_events(self, Entries: list[dict]) -> dict:  # noqa: N803 - as boto3 spells it
        assert len(Entries) <= 10
        assert sum(len(json.dumps(entry)) for entry in Entries) <= 262_144
        results = []
        for entry in Entries:
            if self.refuses(entry):
                results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "try again"})
                continue
            number = len(self.archive)
            detail = json.loads(entry["Detail"])
            event = {"version": "0", "id": f"{number:032x}", "source": entry["Source"], "detail": detail}
            self.archive.append({**event, "detail-type": entry["DetailType"]})
            results.append({"EventId": event["id"]})
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    @property
    def facts(self) -> list[dict]:
        """The details of the events, without those that carry webhooks."""
        return [event["detail"] for event in self.archive if event["source"] == "seqdrop"]
