"""A policy as a newcomer would write it: a VCF and its TBI advance together if they name the same sequences."""

from __future__ import annotations

import gzip
import hashlib
import struct
from typing import TYPE_CHECKING

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.errors import Fault, InvalidFileError, ObjectGoneError
from seqdrop.kinds.keep import Keep
from seqdrop.ledger.records import Step, Upload
from seqdrop.stages.assemble.decision import Decision, reject, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.assemble.view import MembersGoneError, View
from seqdrop.stages.notifications import RejectionMail
from seqdrop.work.examination import rejection

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services

ADVICE = "Compress the file with bgzip, index it with `tabix -p vcf`, and drop both again."


class KeepVariants(Keep):
    """The kind that analyses.toml would name: files are kept, and wait for each other."""

    name, companions = "variants", "variants"


class Variants(Policy):
    """The policy of a VCF and its TBI. Slots are "vcf" and "tbi"."""

    name, awaited = "variants", "the other of VCF and TBI"

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        is_index = upload.key.endswith(".tbi")
        return f"{upload.bucket}/{upload.key.removesuffix('.tbi')}", "tbi" if is_index else "vcf"

    def read(self, services: Services, upload: Upload) -> tuple[dict, list[str]]:
        """Return the facts of a file, and the names of its sequences."""
        with RangedObject(services.s3, upload.version) as body:
            packed, is_index = body.read(), upload.key.endswith(".tbi")
        names = _sequences(gzip.decompress(packed), is_index)
        facts = {"format": "tbi" if is_index else "vcf", "records": len(names)}
        return facts | {"sha256": hashlib.sha256(packed).hexdigest()}, names

    def decide(self, view: View) -> Decision:
        upload, other = view.upload, view.member("tbi" if view.slot == "vcf" else "vcf")
        facts, names = view.content or self.read(view.services, upload)
        if other is None or other.state != "WAITING":  # it is missing, or advanced with an earlier version
            return wait(view, facts)
        try:
            _, of_other = self.read(view.services, other)
        except ObjectGoneError as error:
            raise MembersGoneError(other) from error
        if names != of_other:
            refusal = rejection(InvalidFileError(Fault("other_index", "the TBI is not of this VCF", ADVICE)))
            mates = {upload.id: other, other.id: upload}
            mail = RejectionMail(has_report=False, other="its companion")
            return reject(view.services, [upload, other], refusal, mates=mates, mail=mail)
        steps = [Step(upload, "VALIDATED", facts | {"mate": other.id}), Step(other, "VALIDATED", {"mate": upload.id})]
        return Decision(steps, file_set=view.with_upload)

    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        name = upload.key.removesuffix(".tbi") if upload.key.endswith(".tbi") else f"{upload.key}.tbi"
        what = "its VCF" if upload.key.endswith(".tbi") else "its TBI"
        return Awaited.partner(what, name.rpartition("/")[2], f"{what}, {name}", name.rpartition("/")[2])


def _sequences(content: bytes, is_index: bool) -> list[str]:
    """Return the sequence names of a tabix index, or the CHROM values of a VCF's records."""
    if is_index and content[:4] == b"TBI\1":
        (length,) = struct.unpack_from("<i", content, 32)
        return [name.decode() for name in content[36 : 36 + length].split(b"\0")[:-1]]
    if not is_index and content.startswith(b"##fileformat=VCF"):
        lines = (line for line in content.decode().splitlines() if not line.startswith("#"))
        return list(dict.fromkeys(line.partition("\t")[0] for line in lines))
    raise InvalidFileError(Fault("bad_variants", "it is not a tabix index" if is_index else "it is not a VCF", ADVICE))
