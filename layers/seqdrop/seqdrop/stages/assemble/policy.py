"""What differs between sorts of files that belong together. CONTRIBUTING.md says how to add one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from seqdrop.stages.assemble.view import LIVE, View

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses, Analysis
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.decision import Decision


@dataclass(frozen=True)
class Awaited:
    """What a member waits for, as mails and the command say it; `hints` are what to do if that does not come."""

    what: str  # "its mate"
    short: str  # "its mate S1_R2.fastq.gz"
    detail: str  # "its mate, reads/run7/S1_R2.fastq.gz"
    hints: tuple[str, ...]

    @classmethod
    def partner(cls, what: str, short: str, detail: str, name: str, *hints: str) -> Awaited:
        """One other file, by name."""
        dropped = f"Was {name} not uploaded, or to another folder? Drop it beside this file."
        rejected = "Was it rejected (there was a mail then)? Mend it, and drop it again under the same name."
        return cls(what, short, detail, (dropped, rejected, *hints))


class Policy(ABC):
    """Which keys belong together, and what to do with the members of a set that are there.

    A policy holds no state, and its methods may be called any number of times for one upload.
    """

    name: ClassVar[str]
    """Of the policy's sets in the ledger; never to be changed once deployed."""
    awaited: ClassVar[str] = "the files that belong to it"
    """What a member waits for, as the reason of a superseded version says it."""
    after_examination: ClassVar[bool] = False
    """Whether the ordinary pass reads and checks a member first; its Examination is then the view's `content`."""
    live: ClassVar[frozenset[str]] = LIVE
    """States in which a member holds its slot against another version."""
    drop_again: ClassVar[str] = ""
    """What to do where a replay cannot read a member again by itself; empty if it can."""

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        """Return True if the upload is a member: by default, where the kind of its analysis names the policy."""
        analysis = analyses.for_key(upload.key)
        return analysis is not None and analysis.kind.companions == self.name

    @abstractmethod
    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """Return the name of the upload's set, unique over all buckets, and its slot there. Raise InvalidFileError."""

    def read(self, services: Services, upload: Upload) -> Any:
        """Read what `decide` needs of a RECEIVED upload's bytes, for `content`.

        Raise InvalidFileError, ObjectGoneError.
        """
        return None

    @abstractmethod
    def decide(self, view: View) -> Decision:
        """Return what to do with the view's upload, RECEIVED or WAITING.

        Raise InvalidFileError, ObjectGoneError, MembersGoneError.
        """

    def confirm(self, services: Services, upload: Upload) -> None:
        """Report a VALIDATED upload once more, where a slower invocation that lost the race may have had the last word.

        Repeated whenever its message comes again, since a crash may leave it out.
        """
        return

    def keeps_late(self, view: View) -> bool:
        """Return True if a version older than the one in its slot is valid all the same, instead of superseded."""
        return False

    def notify_landed(self, services: Services, upload: Upload) -> None:
        """Send a message to a member that has to know of any upload that landed, member or not."""
        return

    def hours(self, analysis: Analysis) -> float | None:
        """Return after how many hours of waiting the lab is notified; None if a member need not wait any more."""
        return analysis.mate_hours

    @abstractmethod
    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        """Return what a WAITING member waits for."""
