"""Deliberate bugs of bundles. The schedules must find them."""

from __future__ import annotations

from seqdrop.stages.bundle import bundle, closing, packing, planning, tar_object

from tests.faults.planting import Bug, make_registry

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


@_bug("originals are deleted before the receipts are written", quick=True)
def _deleted_first():
    def close_files(self, places) -> list[str]:
        uploads = self._load([self.plan.uploads[place] for place in places])
        self._delete([upload for upload in uploads.values() if upload.state == "VALIDATED"])
        return original(self, places)

    original = closing.Closing._close_files
    return [(closing.Closing, "_close_files", close_files)]


@_bug("originals are deleted when their part is sent", quick=True)
def _deleted_when_sent():
    def send_part(self, multipart, part, body):
        sent = original(self, multipart, part, body)
        plan = self.plan
        for place in range(part.first, part.last):
            self.s3.delete_object(Bucket=plan.bucket, Key=plan.key_of(place), VersionId=plan.versions[place])
        return sent

    original = tar_object.TarObject._send_part
    return [(tar_object.TarObject, "_send_part", send_part)]


@_bug("the bytes that are packed are not compared with their checksums")
def _not_compared():
    return [(packing, "is_same", lambda content, entry: True)]


@_bug("a part is sent without a checksum, and S3's is believed")
def _no_checksum():
    def send_part(self, multipart, part, body):
        place = {"Bucket": self.bucket, "Key": self.plan.key, "UploadId": multipart, "PartNumber": part.number}
        response = self.s3.upload_part(**place, Body=bytes(body))
        return tar_object.SentPart(
            part.number, part.size, response["ETag"], tar_object.decode_crc32(response["ChecksumCRC32"])
        )

    return [(tar_object.TarObject, "_send_part", send_part)]


@_bug("finished parts are sent again", quick=True)
def _sent_again():
    def list_nothing(self, multipart) -> dict:
        original(self, multipart)
        return {}

    original = tar_object.TarObject._list_parts
    return [(tar_object.TarObject, "_list_parts", list_nothing)]


@_bug("a file that is in a plan is planned again", quick=True)
def _planned_twice():
    original = planning.divide_files
    return [(planning, "divide_files", lambda services, run, taken: original(services, run, set()))]


@_bug("a plan is taken out of the record of its run before its files are archived", quick=True)
def _forgotten_first():
    def close(services, run, plan, tar, check_time) -> None:
        bundle._forget(services, plan, ())
        original(services, run, plan, tar, check_time)

    original = bundle._close
    return [(bundle, "_close", close)]


@_bug("files that cannot be packed are left out of the tar in silence")
def _left_out():
    def place(self, part, buffer, number) -> bool:
        original(self, part, buffer, number)
        return True

    original = packing.Packer._place
    return [(packing.Packer, "_place", place)]


@_bug("the index of a bundle is not written", quick=True)
def _no_index():
    return [(closing.Closing, "_write_index", lambda self: None)]


@_bug("a bundle is not in the report of its run", quick=True)
def _not_reported():
    return [(bundle, "add_bundle", lambda services, run, entry: None)]
