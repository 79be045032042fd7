"""Questions about S3: archived objects, checksums, parts, tags, versions, conditions."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING, Any

from local.testing import unique_name
from tests.support.questions.account import BODY, outcome

if TYPE_CHECKING:
    from tests.support.questions.account import Account

PART = b"A" * (5 << 20)  # the smallest part that is not the last
DEEP = "DEEP_ARCHIVE"


def _archived(account: Account) -> dict[str, str]:
    target = {"Bucket": account.bucket(versioned=True), "Key": "k"}
    account.client("s3").put_object(**target, Body=BODY, StorageClass=DEEP)
    return target


def an_archived_object_is_not_read(account: Account) -> Any:
    return outcome(account.client("s3").get_object, **_archived(account))


def an_archived_object_is_not_copied(account: Account) -> Any:
    source = _archived(account)
    return outcome(account.client("s3").copy_object, Bucket=source["Bucket"], Key="copy", CopySource=source)


def a_part_is_not_copied_from_an_archived_object(account: Account) -> Any:
    source, client = _archived(account), account.client("s3")
    upload = client.create_multipart_upload(Bucket=source["Bucket"], Key="copy")["UploadId"]
    request = {"Bucket": source["Bucket"], "Key": "copy", "UploadId": upload, "PartNumber": 1, "CopySource": source}
    return outcome(client.upload_part_copy, **request)


def an_archived_object_says_its_class(account: Account) -> Any:
    return outcome(account.client("s3").head_object, "StorageClass", "ContentLength", "Restore", **_archived(account))


def _restore(tier: str) -> dict[str, Any]:
    return {"RestoreRequest": {"Days": 1, "GlacierJobParameters": {"Tier": tier}}}


def a_restore_is_accepted(account: Account) -> Any:
    return outcome(account.client("s3").restore_object, **_archived(account), **_restore("Bulk"))


def a_second_request_meets_a_restore_in_progress(account: Account) -> Any:
    target, client = _archived(account), account.client("s3")
    client.restore_object(**target, **_restore("Bulk"))
    return outcome(client.restore_object, **target, **_restore("Bulk"))


def an_expedited_restore_from_deep_archive_is_refused(account: Account) -> Any:
    return outcome(account.client("s3").restore_object, **_archived(account), **_restore("Expedited"))


def only_archived_objects_are_restored(account: Account) -> Any:
    target = {"Bucket": account.bucket(), "Key": "k"}
    account.client("s3").put_object(**target, Body=BODY)
    return outcome(account.client("s3").restore_object, **target, **_restore("Bulk"))


CHECKSUMS = ("ChecksumCRC32", "ChecksumCRC64NVME", "ChecksumSHA256", "ChecksumType")


def a_put_answers_its_sha256(account: Account) -> Any:
    request = {"Bucket": account.bucket(), "Key": "k", "Body": BODY, "ChecksumAlgorithm": "SHA256"}
    return outcome(account.client("s3").put_object, *CHECKSUMS, **request)


def a_put_answers_the_crc32_that_clients_send(account: Account) -> Any:
    return outcome(account.client("s3").put_object, *CHECKSUMS, Bucket=account.bucket(), Key="k", Body=BODY)


def a_head_answers_the_checksum_if_asked(account: Account) -> Any:
    target, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    client.put_object(**target, Body=BODY, ChecksumAlgorithm="SHA256")
    return [
        outcome(client.head_object, *CHECKSUMS, **target, ChecksumMode="ENABLED"),
        outcome(client.head_object, *CHECKSUMS, **target),
    ]


def a_wrong_sha256_is_refused(account: Account) -> Any:
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    request = {"Bucket": account.bucket(), "Key": "k", "Body": BODY, "ChecksumSHA256": wrong}
    return outcome(account.client("s3").put_object, **request)


def a_wrong_md5_is_refused(account: Account) -> Any:
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    return outcome(account.client("s3").put_object, Bucket=account.bucket(), Key="k", Body=BODY, ContentMD5=wrong)


def a_copy_computes_the_checksum_it_is_asked_for(account: Account) -> Any:
    source, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    client.put_object(**source, Body=BODY)
    copy = {"Bucket": source["Bucket"], "Key": "copy", "CopySource": source, "ChecksumAlgorithm": "SHA256"}
    status, answer = outcome(client.copy_object, "CopyObjectResult", **copy)
    return status, {name: answer["CopyObjectResult"].get(name) for name in CHECKSUMS}


def _parts(account: Account, *bodies: bytes, **options: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    target, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    options = {"ChecksumAlgorithm": "CRC32", **options}
    target["UploadId"] = client.create_multipart_upload(**target, **options)["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        answer = client.upload_part(**target, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer.get("ChecksumCRC32", "")})
    return target, parts


def the_crc32_of_all_parts_is_that_of_the_object(account: Account) -> Any:
    target, parts = _parts(account, PART, BODY, ChecksumType="FULL_OBJECT")
    client = account.client("s3")
    client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}, ChecksumType="FULL_OBJECT")
    whole = base64.b64encode(zlib.crc32(PART + BODY).to_bytes(4, "big")).decode()
    del target["UploadId"]
    status, answer = outcome(client.head_object, *CHECKSUMS, **target, ChecksumMode="ENABLED")
    return status, answer.get("ChecksumCRC32") == whole, answer.get("ChecksumType")


def a_wrong_crc32_of_the_whole_is_refused(account: Account) -> Any:
    target, parts = _parts(account, PART, BODY, ChecksumType="FULL_OBJECT")
    options = {"ChecksumType": "FULL_OBJECT", "ChecksumCRC32": "AAAAAA=="}
    return outcome(
        account.client("s3").complete_multipart_upload, **target, MultipartUpload={"Parts": parts}, **options
    )


def a_small_part_before_the_last_is_refused(account: Account) -> Any:
    target, parts = _parts(account, BODY, BODY)
    return outcome(account.client("s3").complete_multipart_upload, **target, MultipartUpload={"Parts": parts})


def a_wrong_size_of_the_whole_is_refused(account: Account) -> Any:
    target, parts = _parts(account, BODY)
    request = {**target, "MultipartUpload": {"Parts": parts}, "MpuObjectSize": 1}
    return outcome(account.client("s3").complete_multipart_upload, **request)


def an_aborted_upload_cannot_be_completed(account: Account) -> Any:
    target, parts = _parts(account, BODY)
    account.client("s3").abort_multipart_upload(**target)
    return outcome(account.client("s3").complete_multipart_upload, **target, MultipartUpload={"Parts": parts})


def parts_in_wrong_order_are_refused(account: Account) -> Any:
    target, parts = _parts(account, PART, BODY)
    return outcome(account.client("s3").complete_multipart_upload, **target, MultipartUpload={"Parts": parts[::-1]})


def a_copy_keeps_tags_and_metadata(account: Account) -> Any:
    source, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    client.put_object(**source, Body=BODY, Tagging="lab=a%20b&run=1", Metadata={"sample": "x"})
    client.copy_object(Bucket=source["Bucket"], Key="copy", CopySource=source)
    copy = {"Bucket": source["Bucket"], "Key": "copy"}
    return client.get_object_tagging(**copy)["TagSet"], client.head_object(**copy)["Metadata"]


def a_copy_replaces_tags_if_asked(account: Account) -> Any:
    source, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    client.put_object(**source, Body=BODY, Tagging="lab=a")
    copy = {"Bucket": source["Bucket"], "Key": "copy"}
    client.copy_object(**copy, CopySource=source, TaggingDirective="REPLACE", Tagging="upload=1")
    return client.get_object_tagging(**copy)["TagSet"]


def eleven_tags_are_refused(account: Account) -> Any:
    tags = "&".join(f"t{number}=1" for number in range(11))
    return outcome(account.client("s3").put_object, Bucket=account.bucket(), Key="k", Body=BODY, Tagging=tags)


def a_delete_leaves_a_marker_and_the_version(account: Account) -> Any:
    target, client = {"Bucket": account.bucket(versioned=True), "Key": "k"}, account.client("s3")
    version = client.put_object(**target, Body=BODY)["VersionId"]
    client.delete_object(**target)
    marker = client.list_object_versions(Bucket=target["Bucket"])["DeleteMarkers"][0]["VersionId"]
    return [
        outcome(client.get_object, **target),
        outcome(client.get_object, **target, VersionId=version),
        outcome(client.get_object, **target, VersionId=marker),
        outcome(client.delete_object, **target, VersionId=version),
        outcome(client.delete_object, **target, VersionId=version),
        len(client.list_object_versions(Bucket=target["Bucket"]).get("Versions", [])),
    ]


def what_is_absent_is_named(account: Account) -> Any:
    bucket, client = account.bucket(versioned=True), account.client("s3")
    client.put_object(Bucket=bucket, Key="k", Body=BODY)
    return [
        outcome(client.get_object, Bucket=bucket, Key="absent"),
        outcome(client.head_object, Bucket=bucket, Key="absent"),
        outcome(client.get_object, Bucket=unique_name("absent"), Key="k"),
        outcome(client.copy_object, Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "absent"}),
    ]


def ranges_are_answered_or_refused(account: Account) -> Any:
    target, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    client.put_object(**target, Body=BODY)
    ranges = ("bytes=0-3", "bytes=-4", "bytes=1000-2000", "bytes=4-")
    return [outcome(client.get_object, "ContentRange", "ContentLength", **target, Range=item) for item in ranges]


def a_put_of_what_exists_is_refused_if_asked(account: Account) -> Any:
    target, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    client.put_object(**target, Body=BODY)
    return [
        outcome(client.put_object, **target, Body=BODY, IfNoneMatch="*"),
        outcome(client.get_object, **target, IfMatch='"0"'),
    ]


def a_read_after_a_change_is_refused_if_asked(account: Account) -> Any:
    target, client = {"Bucket": account.bucket(), "Key": "k"}, account.client("s3")
    etag = client.put_object(**target, Body=BODY)["ETag"]
    client.put_object(**target, Body=BODY + BODY)
    return outcome(client.get_object, **target, IfMatch=etag)


def a_long_key_is_refused(account: Account) -> Any:
    return outcome(account.client("s3").put_object, Bucket=account.bucket(), Key="k" * 1025, Body=BODY)
