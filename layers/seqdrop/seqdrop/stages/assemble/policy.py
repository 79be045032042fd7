"""The interface of a policy: what differs between sorts of files that belong together. See CONTRIBUTING.md."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic

from seqdrop.stages.assemble.view import LIVE, Content, View

if TYPE_CHECKING:
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
    """Which keys belong together, and what to do with the members of a set that are there.

    A policy has no state, and its methods may be called any number of times for one upload. `Content` is what `read`
    returns.
    """

    name: ClassVar[str]
    """The name of the policy's sets in the ledger. Never change it once it is deployed."""
    awaited: ClassVar[str] = "the files that belong to it"
    """What a member waits for, in the reason of a superseded version."""
    after_examination: ClassVar[bool] = False
    """Whether the ordinary pass examines a member first. Its Examination is then the view's `content`."""
    live: ClassVar[frozenset[str]] = LIVE
    """States in which a member holds its slot against another version."""
    drop_again: ClassVar[str] = ""
    """What to do if a replay cannot read a member again by itself; empty if it can."""

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        """Return True if the upload is a member: by default, if the kind of its analysis names the policy."""
        analysis = analyses.for_key(upload.key)
        return analysis is not None and analysis.kind.companions == self.name

    @abstractmethod
    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """Return the name of the upload's set, unique over all buckets, and its slot there. Raise InvalidFileError."""

    def read(self, _services: Services, _upload: Upload) -> Content | None:
        """Read what `decide` needs of a RECEIVED upload's bytes, for `content`.

        Raise InvalidFileError, ObjectGoneError.
        """
        return None

    @abstractmethod
    def decide(self, view: View[Content]) -> Decision:
        """Return what to do with the view's upload, RECEIVED or WAITING.

        Raise InvalidFileError, ObjectGoneError, MembersGoneError.
        """

    def confirm(self, _services: Services, _upload: Upload) -> None:
        """Write the report of a VALIDATED upload again: a slower invocation that lost the race may have written last.

        It is repeated whenever the upload's message is delivered again, since a crash may leave it out.
        """
        return

    def keeps_late(self, _view: View[Content]) -> bool:
        """Return True if a version older than the one in its slot is valid, and not superseded."""
        return False

    def notify_landed(self, _services: Services, _upload: Upload) -> None:
        """Send a message to a member that depends on every upload that lands, member or not."""
        return

    def hours(self, analysis: Analysis) -> float | None:
        """Return after how many hours of waiting the lab is notified; None if a member does not have to wait now."""
        return analysis.mate_hours

    @abstractmethod
    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        """Return what a WAITING member waits for."""
