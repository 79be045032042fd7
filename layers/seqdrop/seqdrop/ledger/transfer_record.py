"""The executions of the stack's DataSync task: which were processed, and until when files are complete."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item


@dataclass(frozen=True)
class TransferRecord:
    """The transfer of a stack. A record that is not in the table yet has revision 0."""

    task: str = ""
    """ARN of the task; executions of an earlier one do not count."""
    complete_at: str = ""
    """When the last execution ended that brought all it had to: a file that is older has all its companions here."""
    processed: list[str] = field(default_factory=list)
    """Ids of the executions whose end was processed, and which DataSync still lists."""
    failure: str = ""
    """Why the last execution failed, or none could start, as the lab was notified; "" if the last one succeeded."""
    mailing_at: str = ""
    """When an invocation began to send the mail about the failure; "" if it was sent."""
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The primary key."""
        return {"pk": "TRANSFER", "sk": "TRANSFER"}

    def item(self) -> Item:
        """Return the item to store."""
        return {**asdict(self), **self.keys}

    def with_item(self, item: Item) -> TransferRecord:
        """Return this record with the content of its stored item."""
        texts = {name: str(item.get(name, "")) for name in ("task", "complete_at", "failure", "mailing_at")}
        return replace(self, **texts, processed=list(item.get("processed", [])), revision=int(item["revision"]))
