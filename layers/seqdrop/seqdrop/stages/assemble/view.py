"""What the ledger shows of an upload and of the files that belong to it. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

LIVE = frozenset({"WAITING", "VALIDATED", "ARCHIVED"})  # a rejected or deleted file is no member


class MembersGoneError(Exception):
    """Members were deleted while they waited; they are withdrawn, and the set is read again."""

    def __init__(self, *uploads: Upload):
        super().__init__(f"{len(uploads)} members are gone")
        self.uploads = uploads


@dataclass(frozen=True)
class View:
    """An upload and its set as they were read, and the other members, which are read after the set when asked for.

    A slot that is taken after the set was read makes the write that follows fail. `content` is what this invocation
    read of the upload's bytes; None if an earlier one did. `live` are the states in which a member holds its slot, and
    `previous` is the live upload that holds the view's own slot, if that is another one.
    """

    services: Services
    upload: Upload
    slot: str
    file_set: FileSet
    content: Any = None
    live: frozenset[str] = LIVE
    previous: Upload | None = None

    @property
    def analysis(self) -> Analysis | None:
        """The analysis of the key as it is deployed now, so that a change frees what waits."""
        return self.services.analyses.for_key(self.upload.key)

    @property
    def is_late(self) -> bool:
        """Whether a newer version of the same file holds the slot."""
        before = self.previous
        return bool(before and before.key == self.upload.key and before.version.order > self.upload.version.order)

    @property
    def with_upload(self) -> FileSet:
        """The set with the upload in its slot."""
        return self.file_set.with_member(self.slot, self.upload.id)

    def member(self, slot: str) -> Upload | None:
        """Return the live upload in a slot; in the slot of the view, that is the view's own upload."""
        return self.upload if slot == self.slot else self.other(self.file_set.members.get(slot, ""))

    def other(self, upload_id: str) -> Upload | None:
        """Return another upload of this id if it is live."""
        found = self.services.ledger.find_upload(upload_id) if upload_id not in ("", self.upload.id) else None
        return found if found and found.state in self.live else None
