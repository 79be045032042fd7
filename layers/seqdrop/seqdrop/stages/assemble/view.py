"""A read-only view of an upload and of the files that belong to it, as the ledger holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses, Analysis
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

LIVE = frozenset({"WAITING", "VALIDATED", "ARCHIVED", "DUPLICATE"})  # a rejected or deleted file is not a member

Content = TypeVar("Content", covariant=True)


class MembersGoneError(Exception):
    """Some members were deleted while they waited. The engine withdraws them and reads the set again."""

    def __init__(self, *uploads: Upload) -> None:
        super().__init__(f"{len(uploads)} members are gone")
        self.uploads = uploads


def require_analysis(analyses: Analyses, upload: Upload) -> Analysis:
    """Return the analysis of an upload's key. Raise ConfigurationError if analyses.toml has none for it now."""
    analysis = analyses.for_key(upload.key)
    if analysis is None:
        # Without the key: the log has this message, and must not name a file.
        text = f"analyses.toml has no analysis for the key of upload {upload.id} any more; add one, or delete the file"
        raise ConfigurationError(text)
    return analysis


@dataclass(frozen=True)
class View(Generic[Content]):
    """An upload and its set as they were read. Other members are read after the set, when they are needed.

    If another invocation fills a slot after the set was read, the write of this invocation fails. `content` is what
    this invocation read of the upload's bytes; None if an earlier invocation read it. `live` are the states in which an
    upload counts as a member. `previous` is another live upload in the slot of this upload; None if there is none.
    """

    services: Services
    upload: Upload
    slot: str
    file_set: FileSet
    content: Content | None = None
    live: frozenset[str] = LIVE
    previous: Upload | None = None

    @property
    def analysis(self) -> Analysis:
        """The analysis of the key in the present analyses.toml, which may differ from that of the upload's record.

        A changed analyses.toml can therefore release files that wait. Raise ConfigurationError if there is none.
        """
        return require_analysis(self.services.analyses, self.upload)

    @property
    def newer_version(self) -> Upload | None:
        """The newer version of the same file in the slot; None if there is none."""
        previous = self.previous
        if previous and previous.key == self.upload.key and previous.version.order > self.upload.version.order:
            return previous
        return None

    @property
    def is_late(self) -> bool:
        """Whether a newer version of the same file is in the slot."""
        return self.newer_version is not None

    @property
    def with_upload(self) -> FileSet:
        """The set with the upload in its slot."""
        return self.file_set.with_member(self.slot, self.upload.id)

    def member(self, slot: str) -> Upload | None:
        """Return the live upload in a slot, None if there is none; for the view's slot, return the view's upload."""
        return self.upload if slot == self.slot else self.other(self.file_set.members.get(slot, ""))

    def other(self, upload_id: str) -> Upload | None:
        """Return another upload by its id; None if it is not live, or is the view's upload."""
        if upload_id in ("", self.upload.id):
            return None
        upload = self.services.ledger.find_upload(upload_id)
        return upload if upload and upload.state in self.live else None
