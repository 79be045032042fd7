"""The interface of a policy: what differs between sorts of files that belong together. See CONTRIBUTING.md."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic

from seqdrop.stages.assemble.view import LIVE, Content, View
from seqdrop.stages.duplicates import resolve_duplicate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.config.analyses import Analyses, Analysis
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.decision import Decision


@dataclass(frozen=True)
class Awaited:
    """The files that a member waits for, in the words of mails and of `seqdrop status`."""

    what: str  # "its mate"
    short: str  # "its mate S1_R2.fastq.gz"
    detail: str  # "its mate, reads/run7/S1_R2.fastq.gz"
    hints: tuple[str, ...]  # what a person can do if the files do not arrive

    @classmethod
    def partner(cls, what: str, short: str, detail: str, name: str, *hints: str) -> Awaited:
        """Return the description of one other file, whose base name is `name`."""
        dropped = f"If {name} was not uploaded, or is in another folder: drop it beside this file."
        rejected = f"If {name} was rejected (there was a mail): correct it, and drop it again under the same name."
        return cls(what, short, detail, (dropped, rejected, *hints))


class Policy(ABC, Generic[Content]):
    """A rule for files that belong together: which keys form a set, and how the present members of a set advance.

    A policy has no state, and its methods may be called any number of times for one upload. `Content` is the type that
    `read` returns.
    """

    name: ClassVar[str]
    """The name of the policy's sets in the ledger. Never change it once it is deployed."""
    awaited: ClassVar[str] = "the files that belong to it"
    """The files that a member waits for, as the reason of a superseded version names them."""
    after_examination: ClassVar[bool] = False
    """Whether validate examines a member before the policy decides. The view's `content` is then its Examination."""
    live: ClassVar[frozenset[str]] = LIVE
    """States in which an upload counts as the member in its slot."""
    each_alone: ClassVar[bool] = False
    """Whether each member has attempts of its own, so that one can be a duplicate while another is new."""
    drop_again: ClassVar[str] = ""
    """What a person can do instead, if a replay cannot read a member again by itself; empty if it can."""

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        """Return True if the upload belongs to a set of this policy.

        By default it does if the kind of its analysis names the policy as its `companions`.
        """
        analysis = analyses.for_key(upload.key)
        return analysis is not None and analysis.kind.companions == self.name

    @abstractmethod
    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """Return the name of the upload's set, unique over all buckets, and its slot in the set.

        Raise InvalidFileError if the key has no place in a set.
        """

    def read(self, _services: Services, _upload: Upload) -> Content | None:
        """Read a RECEIVED upload; return the content that `decide` needs, None if it needs none.

        Raise InvalidFileError if the file is invalid, and ObjectGoneError if it was deleted.
        """
        return None

    @abstractmethod
    def decide(self, view: View[Content]) -> Decision:
        """Return what to do with the view's upload, which is RECEIVED or WAITING.

        Raise InvalidFileError if it is invalid, ObjectGoneError if it was deleted, and MembersGoneError if other
        members were.
        """

    def confirm(self, _services: Services, _upload: Upload) -> None:
        """Write the report of a VALIDATED upload again: a slower invocation that lost the race may have written last.

        This is called after the move, and whenever the upload's message is delivered again, since a crash may prevent
        the first call.
        """
        return

    def keeps_late(self, _view: View[Content]) -> bool:
        """Return True if the upload is kept although a newer version is in its slot. False means superseded."""
        return False

    def belong_together(self, services: Services, uploads: Sequence[Upload]) -> bool:
        """Return True if these ARCHIVED uploads, which some members repeat, advanced together as one set.

        By default a single upload does; of several, each must have advanced with another as its `mate`.
        """
        if len(uploads) == 1:
            return True
        mates = {upload.id: resolve_duplicate(services, upload.mate) for upload in uploads}
        return all(mates[upload_id] in mates or upload_id in mates.values() for upload_id in mates)

    def notify_landed(self, _services: Services, _upload: Upload) -> None:
        """Send a message to a member that waits for this upload, which landed. The upload need not be a member."""
        return

    def hours(self, analysis: Analysis) -> float | None:
        """Return after how many hours of waiting the lab is notified; None if a member does not have to wait now."""
        return analysis.mate_hours

    @abstractmethod
    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        """Return the description of the files that a WAITING member waits for."""
