"""What serve must remember of an endpoint: SageMaker keeps nothing of a deleted one, or of an update that it undid."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item

IDLE, PERSON = "idle", "person"  # why an endpoint was stopped
YES = "yes"


@dataclass(frozen=True)
class EndpointRecord:
    """Orders about an endpoint, and its last update. A record that is not in the table yet has revision 0."""

    name: str
    stopped: str = ""
    """Why it must not exist now: IDLE or PERSON; "" if it may."""
    off: str = ""
    """YES if the stack has no endpoints any more. No order changes that, only a later deploy."""
    switched_at: str = ""
    """When CloudFormation sent the request that has set `off`; an earlier request that comes late changes nothing."""
    by: str = ""
    """ARN of the person who gave the last order; "" for none."""
    attempted: str = ""
    """Name of the configuration of the last update or creation."""
    modified: str = ""
    """When SageMaker had last modified the endpoint before that update; "" before a creation."""
    begun: str = ""
    """"yes" if SageMaker is known to have begun that update. Before, a new time may be that of scaling."""
    refused: str = ""
    """Name of a configuration that failed or was rolled back. It is not tried again while it is the wanted one."""
    reason: str = ""
    """Why it was refused."""
    busy_until: str = ""
    """Until when an invocation may create what belongs to it; "" if none does. A deletion waits for that."""
    applied: str = ""
    """Digest of the alarms and of the scaling that the endpoint has."""
    mail_subject: str = ""
    """Subject of a mail that must still be sent; "" for none. It is written together with what it reports."""
    mail_text: str = ""
    """Text of that mail."""
    revision: int = 0

    @property
    def may_exist(self) -> bool:
        """Whether there may be an endpoint now."""
        return not self.stopped and not self.off

    @property
    def keys(self) -> dict[str, str]:
        """The primary key."""
        return {"pk": f"ENDPOINT#{self.name}", "sk": "ENDPOINT"}

    def item(self) -> Item:
        """Return the item to store."""
        return {**asdict(self), **self.keys}

    def with_item(self, item: Item) -> EndpointRecord:
        """Return this record with the content of its stored item."""
        texts = {each.name: str(item[each.name]) for each in fields(self) if each.name in item}
        return replace(self, **{**texts, "revision": int(item["revision"])})  # type: ignore[arg-type]  # all are texts
