"""The features of S3 that the pipeline relies on: version ids, copies, checksums, archive classes, permissions."""

import base64
import hashlib
import time
from urllib.error import HTTPError

import pytest
from awscrt.checksums import crc64nvme
from botocore.config import Config

from local.testing import (
    EventLog,
    allow,
    assume_role,
    expect_error,
    expire_restored_copy,
    make_bucket,
    make_policy,
    make_role,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]


def encode_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def sha256(content: bytes) -> str:
    return encode_base64(hashlib.sha256(content).digest())


def crc64(content: bytes) -> str:
    return encode_base64(crc64nvme(content).to_bytes(8))


@pytest.fixture
def bucket(aws) -> str:
    return make_bucket(aws, versioned=True)


@pytest.fixture
def s3(aws):
    return aws.client("s3")


def make_client_without_checksums(client):
    """Return a client that sends a checksum only if the operation requires one; a plain PUT sends none."""
    return client("s3", config=Config(request_checksum_calculation="when_required"))


class TestEvents:
    """EventBridge events of the service."""

    @pytest.fixture
    def log(self, aws, bucket) -> EventLog:
        return EventLog(aws, {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}})

    def test_the_event_of_a_put_has_the_version_id(self, s3, bucket, log):
        key = "a b+c%20d/ü.txt"
        version = s3.put_object(Bucket=bucket, Key=key, Body=b"one")["VersionId"]
        (event,) = log.first(1)
        assert event["detail-type"] == "Object Created"
        assert event["detail"]["reason"] == "PutObject"
        written = event["detail"]["object"]
        assert (written["key"], written["version-id"], written["size"]) == (key, version, 3)
        assert written["etag"] == hashlib.md5(b"one").hexdigest()
        assert int(written["sequencer"], 16)

    def test_the_event_of_an_unversioned_bucket_has_no_version_id(self, aws, s3):
        name = make_bucket(aws)
        log = EventLog(aws, {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}})
        s3.put_object(Bucket=name, Key="a", Body=b"one")
        assert "version-id" not in log.first(1)[0]["detail"]["object"]

    def test_events_of_copies_and_multipart_uploads_have_version_id_and_reason(self, s3, bucket, log):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one")
        copy = s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
        completed = upload(s3, bucket, "c", [b"one"])
        versions = {event["detail"]["reason"]: event["detail"]["object"]["version-id"] for event in log.first(3)}
        assert versions["CopyObject"] == copy["VersionId"]
        assert versions["CompleteMultipartUpload"] == completed["VersionId"]

    def test_events_of_deletions_have_version_id_and_type(self, s3, bucket, log):
        version = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["VersionId"]
        log.first(1)
        marker = s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
        log.first(2)
        s3.delete_object(Bucket=bucket, Key="a", VersionId=version)
        events = log.first(3)[1:]
        assert [event["detail-type"] for event in events] == ["Object Deleted"] * 2
        assert [(event["detail"]["deletion-type"], event["detail"]["object"]["version-id"]) for event in events] == [
            ("Delete Marker Created", marker),
            ("Permanently Deleted", version),
        ]
        assert "size" not in events[0]["detail"]["object"]

    def test_events_of_a_restore_have_version_id_class_and_expiry(self, s3, bucket, log):
        version = s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass="DEEP_ARCHIVE")["VersionId"]
        s3.restore_object(Bucket=bucket, Key="a", RestoreRequest={"Days": 1})
        _, initiated, completed = log.first(3)
        assert [event["detail-type"] for event in (initiated, completed)] == [
            "Object Restore Initiated",
            "Object Restore Completed",
        ]
        for event in (initiated, completed):
            assert event["detail"]["object"]["version-id"] == version
            assert event["detail"]["source-storage-class"] == "DEEP_ARCHIVE"
        assert completed["detail"]["restore-expiry-time"].endswith("T00:00:00Z")


def upload(s3, bucket: str, key: str, parts: list[bytes], **options) -> dict:
    """Upload these parts and return the response of the completion."""
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]
    location = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
    names = ("ETag", "ChecksumSHA256", "ChecksumCRC32", "ChecksumCRC64NVME")
    completed = []
    for number, body in enumerate(parts, start=1):
        algorithm = {"ChecksumAlgorithm": options["ChecksumAlgorithm"]} if "ChecksumAlgorithm" in options else {}
        response = s3.upload_part(**location, PartNumber=number, Body=body, **algorithm)
        completed.append({"PartNumber": number, **{name: response[name] for name in names if name in response}})
    return s3.complete_multipart_upload(**location, MultipartUpload={"Parts": completed})


class TestChecksums:
    """The checksums that S3 returns for its objects."""

    def test_an_object_without_a_checksum_gets_one(self, aws, bucket):
        s3 = make_client_without_checksums(aws.client)
        response = s3.put_object(Bucket=bucket, Key="a", Body=b"123456789")
        assert response["ChecksumCRC64NVME"] == crc64(b"123456789") == "rosUhgp5mIg="
        assert response["ChecksumType"] == "FULL_OBJECT"
        head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
        assert head["ChecksumCRC64NVME"] == response["ChecksumCRC64NVME"]

    def test_a_checksum_that_was_sent_is_returned(self, s3, bucket):
        response = s3.put_object(Bucket=bucket, Key="a", Body=b"one", ChecksumAlgorithm="SHA256")
        assert response["ChecksumSHA256"] == sha256(b"one")
        assert "ChecksumCRC64NVME" not in response

    def test_a_wrong_checksum_is_refused(self, aws, bucket):
        client = aws.client("s3", config=Config(retries={"total_max_attempts": 1}))
        with expect_error("BadDigest"):
            client.put_object(Bucket=bucket, Key="a", Body=b"one", ChecksumSHA256=sha256(b"two"))

    def test_a_multipart_upload_has_a_whole_crc64_or_a_composite_sha256(self, aws, s3, bucket):
        parts = [b"x" * 5_242_880, b"y"]
        whole = upload(s3, bucket, "whole", parts, ChecksumAlgorithm="CRC64NVME")
        assert (whole["ChecksumCRC64NVME"], whole["ChecksumType"]) == (crc64(b"".join(parts)), "FULL_OBJECT")
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        composite = upload(s3, bucket, "composite", parts, ChecksumAlgorithm="SHA256")
        assert (composite["ChecksumSHA256"], composite["ChecksumType"]) == (f"{sha256(digests)}-2", "COMPOSITE")
        for completed, key in ((whole, "whole"), (composite, "composite")):
            for version in ({}, {"VersionId": completed["VersionId"]}):
                head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **version)
                assert head["ChecksumType"] == completed["ChecksumType"]

    def test_a_multipart_upload_without_an_algorithm_gets_a_whole_crc64(self, aws, bucket):
        s3 = make_client_without_checksums(aws.client)
        completed = upload(s3, bucket, "a", [b"one"])
        assert completed["ChecksumCRC64NVME"] == crc64(b"one")

    def test_the_checksum_of_a_large_object_takes_little_time(self, aws, bucket):
        start = time.monotonic()
        make_client_without_checksums(aws.client).put_object(Bucket=bucket, Key="a", Body=b"x" * 30_000_000)
        assert time.monotonic() - start < 5


class TestCopies:
    """CopyObject and UploadPartCopy."""

    def test_a_version_is_copied_to_deep_archive_with_a_sha256(self, aws, s3, bucket):
        target = make_bucket(aws, versioned=True)
        first = s3.put_object(
            Bucket=bucket, Key="a b", Body=b"one", Metadata={"who": "me"}, ContentType="text/x-fasta"
        )["VersionId"]
        s3.put_object(Bucket=bucket, Key="a b", Body=b"two")
        response = s3.copy_object(
            Bucket=target,
            Key="copy",
            StorageClass="DEEP_ARCHIVE",
            ChecksumAlgorithm="SHA256",
            CopySource={"Bucket": bucket, "Key": "a b", "VersionId": first},
        )
        assert response["CopySourceVersionId"] == first
        assert response["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"one")
        assert response["CopyObjectResult"]["ChecksumType"] == "FULL_OBJECT"
        head = s3.head_object(Bucket=target, Key="copy", ChecksumMode="ENABLED")
        assert (head["VersionId"], head["StorageClass"]) == (response["VersionId"], "DEEP_ARCHIVE")
        assert (head["ContentLength"], head["ChecksumSHA256"]) == (3, sha256(b"one"))
        assert (head["Metadata"], head["ContentType"]) == ({"who": "me"}, "text/x-fasta")

    def test_metadata_is_replaced_on_request(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one", Metadata={"old": "1"})
        s3.copy_object(
            Bucket=bucket,
            Key="b",
            CopySource={"Bucket": bucket, "Key": "a"},
            MetadataDirective="REPLACE",
            Metadata={"new": "2"},
            ContentType="text/plain",
        )
        head = s3.head_object(Bucket=bucket, Key="b")
        assert (head["Metadata"], head["ContentType"]) == ({"new": "2"}, "text/plain")

    def test_the_copy_of_a_multipart_object_is_a_whole_object(self, s3, bucket):
        parts = [b"x" * 5_242_880, b"y"]
        upload(s3, bucket, "a", parts, ChecksumAlgorithm="SHA256")
        response = s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
        content = b"".join(parts)
        assert response["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
        assert response["CopyObjectResult"]["ChecksumSHA256"] == sha256(content)
        head = s3.head_object(Bucket=bucket, Key="b", ChecksumMode="ENABLED", VersionId=response["VersionId"])
        assert (head["ChecksumSHA256"], head["ChecksumType"]) == (sha256(content), "FULL_OBJECT")

    def test_the_default_class_of_a_copy_is_standard(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass="STANDARD_IA")
        s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
        assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="b")

    def test_a_copy_onto_itself_that_changes_nothing_is_refused(self, s3, bucket):
        first = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["VersionId"]
        source = {"Bucket": bucket, "Key": "a"}
        with expect_error("InvalidRequest", "copy an object to itself"):
            s3.copy_object(Bucket=bucket, Key="a", CopySource=source)
        s3.copy_object(Bucket=bucket, Key="a", CopySource=source, StorageClass="STANDARD_IA")
        s3.copy_object(Bucket=bucket, Key="a", CopySource=source | {"VersionId": first})

    def test_a_copy_of_an_absent_object_is_an_error(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one")
        with expect_error("NoSuchKey"):
            s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "absent"})
        with expect_error("NoSuchVersion"):
            s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a", "VersionId": "absent"})

    def test_copied_parts_have_their_own_checksums(self, s3, bucket):
        content = b"x" * 5_242_880 + b"y" * 10
        version = s3.put_object(Bucket=bucket, Key="a", Body=content)["VersionId"]
        s3.put_object(Bucket=bucket, Key="a", Body=b"newer")
        source = {"Bucket": bucket, "Key": "a", "VersionId": version}
        location = {
            "Bucket": bucket,
            "Key": "b",
            "UploadId": s3.create_multipart_upload(
                Bucket=bucket, Key="b", ChecksumAlgorithm="SHA256", StorageClass="DEEP_ARCHIVE", Tagging="upload=1"
            )["UploadId"],
        }
        completed, digests = [], b""
        for number, (start, end) in enumerate([(0, 5_242_879), (5_242_880, 5_242_889)], start=1):
            response = s3.upload_part_copy(
                **location, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={start}-{end}"
            )
            result = response["CopyPartResult"]
            assert response["CopySourceVersionId"] == version
            assert result["ChecksumSHA256"] == sha256(content[start : end + 1])
            digests += base64.b64decode(result["ChecksumSHA256"])
            completed.append({"PartNumber": number, "ETag": result["ETag"], "ChecksumSHA256": result["ChecksumSHA256"]})
        result = s3.complete_multipart_upload(**location, MultipartUpload={"Parts": completed})
        assert result["ChecksumSHA256"] == f"{sha256(digests)}-2"
        head = s3.head_object(Bucket=bucket, Key="b")
        assert (head["ContentLength"], head["StorageClass"]) == (len(content), "DEEP_ARCHIVE")
        assert s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"] == [{"Key": "upload", "Value": "1"}]


class TestArchiveClasses:
    """Objects that must be restored before they can be read."""

    @pytest.fixture(params=["GLACIER", "DEEP_ARCHIVE"])
    def version(self, request, s3, bucket) -> str:
        return s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass=request.param)["VersionId"]

    def is_restored(self, s3, bucket: str) -> bool:
        return 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key="a").get("Restore", "")

    def test_reads_and_copies_are_refused_until_it_is_restored(self, s3, bucket, version):
        location = {"Bucket": bucket, "Key": "a"}
        multipart = s3.create_multipart_upload(Bucket=bucket, Key="c")
        part = {"Bucket": bucket, "Key": "c", "UploadId": multipart["UploadId"], "PartNumber": 1}
        for exact in ({}, {"VersionId": version}):
            with expect_error("InvalidObjectState"):
                s3.get_object(**location, **exact)
            with expect_error("InvalidObjectState"):
                s3.copy_object(Bucket=bucket, Key="b", CopySource=location | exact)
            with expect_error("InvalidObjectState"):
                s3.upload_part_copy(**part, CopySource=location | exact)
            assert s3.head_object(**location, **exact)["ContentLength"] == 3
        s3.restore_object(**location, RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}})
        assert s3.head_object(**location)["Restore"] == 'ongoing-request="true"'
        with expect_error("RestoreAlreadyInProgress"):
            s3.restore_object(**location, RestoreRequest={"Days": 1})
        wait_for(lambda: self.is_restored(s3, bucket))
        assert s3.get_object(**location)["Body"].read() == b"one"
        copy = s3.copy_object(Bucket=bucket, Key="b", CopySource=location | {"VersionId": version})
        assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="b", VersionId=copy["VersionId"])
        assert s3.head_object(**location)["StorageClass"] in ("GLACIER", "DEEP_ARCHIVE")

    def test_deep_archive_has_no_expedited_tier(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass="DEEP_ARCHIVE")
        request = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
        with expect_error("InvalidArgument", "Retrieval option is not supported"):
            s3.restore_object(Bucket=bucket, Key="a", RestoreRequest=request)

    def test_an_unknown_version_is_not_restored(self, s3, bucket, version):
        with expect_error("NoSuchVersion"):
            s3.restore_object(Bucket=bucket, Key="a", VersionId="absent", RestoreRequest={"Days": 1})


class TestRestores:
    """What becomes of a restored copy, and of a restore of one version among several."""

    @pytest.fixture
    def version(self, s3, bucket) -> str:
        return s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass="DEEP_ARCHIVE")["VersionId"]

    def test_each_version_is_restored_by_itself(self, aws, s3, bucket, version):
        newer = s3.put_object(Bucket=bucket, Key="a", Body=b"two", StorageClass="DEEP_ARCHIVE")["VersionId"]
        older = {"Bucket": bucket, "Key": "a", "VersionId": version}
        names = ["Object Restore Initiated", "Object Restore Completed", "Object Restore Expired"]
        events = EventLog(aws, {"source": ["aws.s3"], "detail-type": names, "detail": {"bucket": {"name": [bucket]}}})
        s3.restore_object(**older, RestoreRequest={"Days": 1})
        with expect_error("RestoreAlreadyInProgress"):
            s3.restore_object(**older, RestoreRequest={"Days": 1})
        wait_for(lambda: 'ongoing-request="false"' in s3.head_object(**older)["Restore"])
        assert s3.get_object(**older)["Body"].read() == b"one"
        assert s3.get_object(**older, Range="bytes=1-1")["Body"].read() == b"n"
        assert s3.get_object(**older)["StorageClass"] == s3.head_object(**older)["StorageClass"] != "STANDARD"
        copy = s3.copy_object(Bucket=bucket, Key="b", CopySource=older)
        assert s3.get_object(Bucket=bucket, Key="b", VersionId=copy["VersionId"])["Body"].read() == b"one"
        with expect_error("InvalidObjectState"):
            s3.get_object(Bucket=bucket, Key="a", VersionId=newer)
        expire_restored_copy(aws, bucket, "a", version)
        with expect_error("InvalidObjectState"):
            s3.get_object(**older)
        announced = [(event["detail-type"], event["detail"]["object"]["version-id"]) for event in events.first(3)]
        assert announced == [(name, version) for name in names]

    @pytest.mark.long
    def test_a_restore_goes_on_below_a_newer_object(self, s3, bucket, version):
        older = {"Bucket": bucket, "Key": "a", "VersionId": version}
        s3.restore_object(**older, RestoreRequest={"Days": 1})
        s3.put_object(Bucket=bucket, Key="a", Body=b"two")
        wait_for(lambda: 'ongoing-request="false"' in s3.head_object(**older)["Restore"])
        assert s3.get_object(**older)["Body"].read() == b"one"

    def test_a_restored_copy_is_extended_and_expires_once(self, aws, s3, bucket, version):
        location = {"Bucket": bucket, "Key": "a"}
        pattern = {"source": ["aws.s3"], "detail-type": ["Object Restore Expired"]}
        events = EventLog(aws, pattern | {"detail": {"bucket": {"name": [bucket]}}})
        s3.restore_object(**location, RestoreRequest={"Days": 1})
        wait_for(lambda: 'ongoing-request="false"' in s3.head_object(**location)["Restore"])
        before = s3.head_object(**location)["Restore"]
        again = s3.restore_object(**location, RestoreRequest={"Days": 9, "GlacierJobParameters": {"Tier": "Bulk"}})
        assert again["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert s3.head_object(**location)["Restore"] != before
        assert s3.head_object(**location, VersionId=version)["Restore"] == s3.head_object(**location)["Restore"]
        expire_restored_copy(aws, bucket, "a")
        for exact in ({}, {"VersionId": version}):
            assert "Restore" not in s3.head_object(**location, **exact)
            with expect_error("InvalidObjectState"):
                s3.get_object(**location, **exact)
        (event,) = events.first(1)
        assert (event["detail"]["object"]["version-id"], event["detail"]["object"]["size"]) == (version, 3)
        with pytest.raises(HTTPError, match="404"):
            expire_restored_copy(aws, bucket, "a")
        s3.restore_object(**location, RestoreRequest={"Days": 1})
        assert s3.head_object(**location)["Restore"] == 'ongoing-request="true"'


class TestVersions:
    """Deletions with and without a version id, and the versions that remain."""

    def test_a_deletion_by_version_leaves_no_marker(self, s3, bucket):
        first = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["VersionId"]
        second = s3.put_object(Bucket=bucket, Key="a", Body=b"two")["VersionId"]
        page = s3.list_object_versions(Bucket=bucket, Prefix="a")
        assert [(entry["VersionId"], entry["IsLatest"]) for entry in page["Versions"]] == [
            (second, True),
            (first, False),
        ]
        response = s3.delete_object(Bucket=bucket, Key="a", VersionId=second)
        assert response["VersionId"] == second
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"one"
        s3.delete_object(Bucket=bucket, Key="a", VersionId=first)
        page = s3.list_object_versions(Bucket=bucket)
        assert "Versions" not in page
        assert "DeleteMarkers" not in page

    def test_a_deletion_without_a_version_leaves_a_marker(self, s3, bucket):
        version = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["VersionId"]
        assert s3.delete_object(Bucket=bucket, Key="a")["DeleteMarker"]
        with expect_error("NoSuchKey"):
            s3.get_object(Bucket=bucket, Key="a")
        assert s3.get_object(Bucket=bucket, Key="a", VersionId=version)["Body"].read() == b"one"
        (marker,) = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
        assert marker["IsLatest"]


class TestPermissions:
    """Least privilege: each request is refused without its permission and granted with it."""

    def client(self, aws, *statements: dict):
        return assume_role(aws, make_role(aws, *statements)).client("s3")

    def test_the_archive_function_needs_exactly_these_permissions(self, aws, s3, bucket):
        """Without any one of the statements, its operation is refused."""
        target = make_bucket(aws, versioned=True)
        statements = {
            "read": allow("s3:GetObjectVersion", f"arn:aws:s3:::{bucket}/*"),
            "write": allow("s3:PutObject", f"arn:aws:s3:::{target}/*"),
            "prove": allow("s3:GetObject", f"arn:aws:s3:::{target}/*"),
            "empty": allow("s3:DeleteObjectVersion", f"arn:aws:s3:::{bucket}/*"),
            "list": allow("s3:ListBucketVersions", f"arn:aws:s3:::{bucket}"),
        }

        def work(client) -> None:
            version = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["VersionId"]
            client.copy_object(
                Bucket=target,
                Key="a",
                StorageClass="DEEP_ARCHIVE",
                ChecksumAlgorithm="SHA256",
                CopySource={"Bucket": bucket, "Key": "a", "VersionId": version},
            )
            client.head_object(Bucket=target, Key="a", ChecksumMode="ENABLED")
            client.delete_object(Bucket=bucket, Key="a", VersionId=version)
            client.list_object_versions(Bucket=bucket, Prefix="a")

        work(self.client(aws, *statements.values()))
        for missing in statements:
            others = [statement for name, statement in statements.items() if name != missing]
            with expect_error("AccessDenied|403"):
                work(self.client(aws, *others))

    def test_tags_need_the_tagging_actions(self, aws, s3, bucket):
        everything = f"arn:aws:s3:::{bucket}/*"
        version = s3.put_object(Bucket=bucket, Key="a", Body=b"one", Tagging="upload=1")["VersionId"]
        source = {"Bucket": bucket, "Key": "a", "VersionId": version}
        plain = self.client(aws, allow(["s3:PutObject", "s3:GetObjectVersion"], everything))
        with expect_error("AccessDenied", "s3:PutObjectTagging"):
            plain.put_object(Bucket=bucket, Key="b", Body=b"one", Tagging="upload=1")
        with expect_error("AccessDenied", "s3:GetObjectVersionTagging"):
            plain.copy_object(Bucket=bucket, Key="b", CopySource=source)
        plain.copy_object(Bucket=bucket, Key="b", CopySource=source, TaggingDirective="REPLACE")
        tagging = self.client(
            aws,
            allow(
                ["s3:PutObject", "s3:GetObjectVersion", "s3:PutObjectTagging", "s3:GetObjectVersionTagging"], everything
            ),
        )
        tagging.copy_object(Bucket=bucket, Key="c", CopySource=source)
        assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"]

    def test_an_absent_key_is_a_403_for_a_caller_that_may_not_list_the_bucket(self, aws, s3, bucket):
        everything, location = f"arn:aws:s3:::{bucket}/*", {"Bucket": bucket, "Key": "absent"}
        reading = allow(["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], everything)
        without_list = self.client(aws, reading)
        with_list = self.client(aws, reading, allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
        for client, head, get in ((without_list, "403", "AccessDenied"), (with_list, "404", "NoSuchKey")):
            with expect_error(head):
                client.head_object(**location)
            with expect_error(get):
                client.get_object(**location)
            with expect_error(get):
                client.copy_object(Bucket=bucket, Key="b", CopySource=location)

    def test_plain_http_on_loopback_meets_a_tls_only_policy(self, aws, s3, bucket):
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
        tls_only = deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        client = self.client(aws, allow("s3:*"))
        s3.put_bucket_policy(Bucket=bucket, Policy=make_policy(tls_only))
        client.put_object(Bucket=bucket, Key="a", Body=b"one")
        s3.put_bucket_policy(Bucket=bucket, Policy=make_policy(deny))
        with expect_error("AccessDenied"):
            client.put_object(Bucket=bucket, Key="a", Body=b"one")


class TestEncryption:
    """Objects under a customer's key."""

    @pytest.fixture
    def key(self, aws) -> dict:
        return aws.client("kms").create_key()["KeyMetadata"]

    @pytest.fixture
    def encrypted(self, aws, s3, bucket, key) -> str:
        """Return the bucket with the key as its default, configured by an alias."""
        alias = f"alias/{unique_name('key')}"
        aws.client("kms").create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": alias},
            "BucketKeyEnabled": True,
        }
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        return bucket

    def test_every_write_and_read_returns_the_arn_of_the_key(self, s3, encrypted, key):
        expected = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["Arn"], "BucketKeyEnabled": True}
        s3.put_object(Bucket=encrypted, Key="source", Body=b"one")
        for response in (
            s3.put_object(Bucket=encrypted, Key="a", Body=b"one"),
            s3.head_object(Bucket=encrypted, Key="a"),
            s3.copy_object(Bucket=encrypted, Key="b", CopySource={"Bucket": encrypted, "Key": "source"}),
            s3.head_object(Bucket=encrypted, Key="b"),
            upload(s3, encrypted, "c", [b"one"]),
            s3.head_object(Bucket=encrypted, Key="c"),
        ):
            assert {name: response.get(name) for name in expected} == expected

    def test_a_copy_to_another_bucket_does_not_use_the_key(self, aws, s3, encrypted):
        target = make_bucket(aws)
        s3.put_object(Bucket=encrypted, Key="a", Body=b"one")
        s3.copy_object(Bucket=target, Key="a", CopySource={"Bucket": encrypted, "Key": "a"})
        head = s3.head_object(Bucket=target, Key="a")
        assert "SSEKMSKeyId" not in head
        assert "BucketKeyEnabled" not in head

    def client(self, aws, key: dict, *actions: str):
        statements = [allow("s3:*")] + ([allow(list(actions), key["Arn"])] if actions else [])
        return assume_role(aws, make_role(aws, *statements)).client("s3")

    def test_a_write_needs_the_data_key_and_a_read_the_decryption(self, aws, s3, encrypted, key):
        s3.put_object(Bucket=encrypted, Key="a", Body=b"one")
        neither, writer = self.client(aws, key), self.client(aws, key, "kms:GenerateDataKey")
        reader = self.client(aws, key, "kms:Decrypt")
        for client in (neither, reader):
            with expect_error("AccessDenied", "kms:GenerateDataKey"):
                client.put_object(Bucket=encrypted, Key="b", Body=b"one")
        for client in (neither, writer):
            with expect_error("AccessDenied", "kms:Decrypt"):
                client.get_object(Bucket=encrypted, Key="a")
            assert client.head_object(Bucket=encrypted, Key="a")
        writer.put_object(Bucket=encrypted, Key="b", Body=b"one")
        assert reader.get_object(Bucket=encrypted, Key="b")["Body"].read() == b"one"

    def test_a_copy_and_a_part_need_both(self, aws, s3, encrypted, key):
        s3.put_object(Bucket=encrypted, Key="a", Body=b"one")
        source = {"Bucket": encrypted, "Key": "a"}
        writer, both = (
            self.client(aws, key, "kms:GenerateDataKey"),
            self.client(aws, key, "kms:GenerateDataKey", "kms:Decrypt"),
        )
        with expect_error("AccessDenied", "kms:Decrypt"):
            writer.copy_object(Bucket=encrypted, Key="b", CopySource=source)
        with expect_error("AccessDenied", "kms:Decrypt"):
            upload(writer, encrypted, "c", [b"one"])
        both.copy_object(Bucket=encrypted, Key="b", CopySource=source)
        upload(both, encrypted, "c", [b"one"])

    def test_the_key_policy_must_also_allow_it(self, aws, s3, encrypted, key):
        s3.put_object(Bucket=encrypted, Key="a", Body=b"one")
        reader = self.client(aws, key, "kms:Decrypt")
        kms = aws.client("kms")
        elsewhere = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{aws.account}:role/other"})
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=make_policy(elsewhere))
        with expect_error("AccessDenied"):
            reader.get_object(Bucket=encrypted, Key="a")
        through = {"StringEquals": {"kms:ViaService": f"s3.{aws.region}.amazonaws.com"}}
        account = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{aws.account}:root"}, Condition=through)
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=make_policy(account))
        assert reader.get_object(Bucket=encrypted, Key="a")["Body"].read() == b"one"


def test_events_arrive_in_a_queue_as_complete_documents(aws, s3, bucket):
    """A function receives the envelope with the members of the documented event."""
    log = EventLog(aws, {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}})
    s3.put_object(Bucket=bucket, Key="a", Body=b"one")
    (event,) = log.first(1)
    assert event.keys() == {
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    }
    assert event["detail"].keys() >= {
        "version",
        "bucket",
        "object",
        "request-id",
        "requester",
        "source-ip-address",
        "reason",
    }
