"""Until when a transfer has brought the files of a run completely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services


@dataclass(frozen=True)
class Transfer:
    """The transfer into the prefix of a run: all files that are older than `complete_at` have their companions here.

    `opens_all` is true if the end of a transfer completes runs whose instrument's rule does not.
    """

    complete_at: datetime
    opens_all: bool


def read_transfer(services: Services, run: Run) -> Transfer | None:
    """Return the transfer that brings a run; None if the stack has none, or it brings other runs."""
    prefix = services.settings.transfer_prefix
    if not prefix or not run.folder.startswith(prefix):
        return None
    time = services.ledger.transfer().complete_at
    complete_at = datetime.fromisoformat(time) if time else datetime.fromtimestamp(0, UTC)
    return Transfer(complete_at, services.settings.transfer_opens == "always")
