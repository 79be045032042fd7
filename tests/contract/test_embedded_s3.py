"""S3 where the pipeline leans on it: identity of versions, copies, checksums, archive classes, permissions."""

import base64
import hashlib
import time

import pytest
from awscrt.checksums import crc64nvme
from botocore.config import Config

from local.testing import (
    EventLog,
    allow,
    assume_role,
    expect_error,
    make_bucket,
    make_role,
    policy,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]


def base64_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def sha256(content: bytes) -> str:
    return base64_of(hashlib.sha256(content).digest())


def crc64(content: bytes) -> str:
    return base64_of(crc64nvme(content).to_bytes(8))


@pytest.fixture
def bucket(aws) -> str:
    return make_bucket(aws, versioned=True)


@pytest.fixture
def s3(aws):
    return aws.client("s3")


def bare(client):
    """The client with checksums of its own only where an operation requires one: a plain PUT sends none."""
    return client("s3", config=Config(request_checksum_calculation="when_required"))


class TestEvents:
    """EventBridge events of the service."""

    @pytest.fixture
    def log(self, aws, bucket) -> EventLog:
        return EventLog(aws, {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}})

    def test_a_put_names_the_version(self, s3, bucket, log):
        key = "a b+c%20d/ü.txt"
        version = s3.put_object(Bucket=bucket, Key=key, Body=b"one")["VersionId"]
        (event,) = log.first(1)
        assert event["detail-type"] == "Object Created"
        assert event["detail"]["reason"] == "PutObject"
        written = event["detail"]["object"]
        assert (written["key"], written["version-id"], written["size"]) == (key, version, 3)
        assert written["etag"] == hashlib.md5(b"one").hexdigest()
        assert int(written["sequencer"], 16)

    def test_an_unversioned_bucket_has_no_version_to_name(self, aws, s3):
        name = make_bucket(aws)
        log = EventLog(aws, {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}})
        s3.put_object(Bucket=name, Key="a", Body=b"one")
        assert "version-id" not in log.first(1)[0]["detail"]["object"]

    def test_copies_and_multipart_uploads_name_version_and_reason(self, s3, bucket, log):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one")
        copied = s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
        joined = upload(s3, bucket, "c", [b"one"])
        told = {event["detail"]["reason"]: event["detail"]["object"]["version-id"] for event in log.first(3)}
        assert told["CopyObject"] == copied["VersionId"]
        assert told["CompleteMultipartUpload"] == joined["VersionId"]

    def test_deletions_name_the_version_and_their_kind(self, s3, bucket, log):
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

    def test_a_restore_tells_its_version_class_and_end(self, s3, bucket, log):
        version = s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass="DEEP_ARCHIVE")["VersionId"]
        s3.restore_object(Bucket=bucket, Key="a", RestoreRequest={"Days": 1})
        _, begun, done = log.first(3)
        assert [event["detail-type"] for event in (begun, done)] == [
            "Object Restore Initiated",
            "Object Restore Completed",
        ]
        for event in (begun, done):
            assert event["detail"]["object"]["version-id"] == version
            assert event["detail"]["source-storage-class"] == "DEEP_ARCHIVE"
        assert done["detail"]["restore-expiry-time"].endswith("T00:00:00Z")


def upload(s3, bucket: str, key: str, parts: list[bytes], **options) -> dict:
    """A multipart upload of these parts."""
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]
    place = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
    kept = ("ETag", "ChecksumSHA256", "ChecksumCRC32", "ChecksumCRC64NVME")
    done = []
    for number, body in enumerate(parts, start=1):
        algorithm = {"ChecksumAlgorithm": options["ChecksumAlgorithm"]} if "ChecksumAlgorithm" in options else {}
        answer = s3.upload_part(**place, PartNumber=number, Body=body, **algorithm)
        done.append({"PartNumber": number, **{name: answer[name] for name in kept if name in answer}})
    return s3.complete_multipart_upload(**place, MultipartUpload={"Parts": done})


class TestChecksums:
    """What S3 says of the bytes it holds."""

    def test_an_object_without_a_checksum_gets_one(self, aws, bucket):
        s3 = bare(aws.client)
        answer = s3.put_object(Bucket=bucket, Key="a", Body=b"123456789")
        assert answer["ChecksumCRC64NVME"] == crc64(b"123456789") == "rosUhgp5mIg="
        assert answer["ChecksumType"] == "FULL_OBJECT"
        head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
        assert head["ChecksumCRC64NVME"] == answer["ChecksumCRC64NVME"]

    def test_a_checksum_that_was_sent_is_answered(self, s3, bucket):
        answer = s3.put_object(Bucket=bucket, Key="a", Body=b"one", ChecksumAlgorithm="SHA256")
        assert answer["ChecksumSHA256"] == sha256(b"one")
        assert "ChecksumCRC64NVME" not in answer

    def test_a_wrong_checksum_is_refused(self, aws, bucket):
        impatient = aws.client("s3", config=Config(retries={"total_max_attempts": 1}))
        with expect_error("BadDigest"):
            impatient.put_object(Bucket=bucket, Key="a", Body=b"one", ChecksumSHA256=sha256(b"two"))

    def test_a_multipart_upload_has_a_whole_crc64_or_a_composite_sha256(self, aws, s3, bucket):
        parts = [b"x" * 5_242_880, b"y"]
        whole = upload(s3, bucket, "whole", parts, ChecksumAlgorithm="CRC64NVME")
        assert (whole["ChecksumCRC64NVME"], whole["ChecksumType"]) == (crc64(b"".join(parts)), "FULL_OBJECT")
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        composite = upload(s3, bucket, "composite", parts, ChecksumAlgorithm="SHA256")
        assert (composite["ChecksumSHA256"], composite["ChecksumType"]) == (f"{sha256(digests)}-2", "COMPOSITE")
        for made, key in ((whole, "whole"), (composite, "composite")):
            for version in ({}, {"VersionId": made["VersionId"]}):
                head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **version)
                assert head["ChecksumType"] == made["ChecksumType"]

    def test_a_multipart_upload_without_an_algorithm_gets_a_whole_crc64(self, aws, bucket):
        s3 = bare(aws.client)
        made = upload(s3, bucket, "a", [b"one"])
        assert made["ChecksumCRC64NVME"] == crc64(b"one")

    def test_large_objects_are_summed_quickly(self, aws, bucket):
        started = time.monotonic()
        bare(aws.client).put_object(Bucket=bucket, Key="a", Body=b"x" * 30_000_000)
        assert time.monotonic() - started < 5


class TestCopies:
    """CopyObject and UploadPartCopy."""

    def test_a_version_is_copied_to_deep_archive_with_a_sha256(self, aws, s3, bucket):
        target = make_bucket(aws, versioned=True)
        first = s3.put_object(
            Bucket=bucket, Key="a b", Body=b"one", Metadata={"who": "me"}, ContentType="text/x-fasta"
        )["VersionId"]
        s3.put_object(Bucket=bucket, Key="a b", Body=b"two")
        answer = s3.copy_object(
            Bucket=target,
            Key="copy",
            StorageClass="DEEP_ARCHIVE",
            ChecksumAlgorithm="SHA256",
            CopySource={"Bucket": bucket, "Key": "a b", "VersionId": first},
        )
        assert answer["CopySourceVersionId"] == first
        assert answer["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"one")
        assert answer["CopyObjectResult"]["ChecksumType"] == "FULL_OBJECT"
        head = s3.head_object(Bucket=target, Key="copy", ChecksumMode="ENABLED")
        assert (head["VersionId"], head["StorageClass"]) == (answer["VersionId"], "DEEP_ARCHIVE")
        assert (head["ContentLength"], head["ChecksumSHA256"]) == (3, sha256(b"one"))
        assert (head["Metadata"], head["ContentType"]) == ({"who": "me"}, "text/x-fasta")

    def test_metadata_is_replaced_when_that_is_asked(self, s3, bucket):
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

    def test_the_copy_of_a_multipart_object_is_one_object(self, s3, bucket):
        parts = [b"x" * 5_242_880, b"y"]
        upload(s3, bucket, "a", parts, ChecksumAlgorithm="SHA256")
        answer = s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
        content = b"".join(parts)
        assert answer["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
        assert answer["CopyObjectResult"]["ChecksumSHA256"] == sha256(content)
        head = s3.head_object(Bucket=bucket, Key="b", ChecksumMode="ENABLED", VersionId=answer["VersionId"])
        assert (head["ChecksumSHA256"], head["ChecksumType"]) == (sha256(content), "FULL_OBJECT")

    def test_a_copy_is_standard_unless_it_says_otherwise(self, s3, bucket):
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

    def test_a_copy_of_what_is_not_there_says_so(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one")
        with expect_error("NoSuchKey"):
            s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "absent"})
        with expect_error("NoSuchVersion"):
            s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a", "VersionId": "absent"})

    def test_parts_are_copied_with_checksums_of_their_own(self, s3, bucket):
        content = b"x" * 5_242_880 + b"y" * 10
        version = s3.put_object(Bucket=bucket, Key="a", Body=content)["VersionId"]
        s3.put_object(Bucket=bucket, Key="a", Body=b"newer")
        source = {"Bucket": bucket, "Key": "a", "VersionId": version}
        place = {
            "Bucket": bucket,
            "Key": "b",
            "UploadId": s3.create_multipart_upload(
                Bucket=bucket, Key="b", ChecksumAlgorithm="SHA256", StorageClass="DEEP_ARCHIVE", Tagging="upload=1"
            )["UploadId"],
        }
        done, digests = [], b""
        for number, (start, end) in enumerate([(0, 5_242_879), (5_242_880, 5_242_889)], start=1):
            answer = s3.upload_part_copy(
                **place, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={start}-{end}"
            )
            result = answer["CopyPartResult"]
            assert answer["CopySourceVersionId"] == version
            assert result["ChecksumSHA256"] == sha256(content[start : end + 1])
            digests += base64.b64decode(result["ChecksumSHA256"])
            done.append({"PartNumber": number, "ETag": result["ETag"], "ChecksumSHA256": result["ChecksumSHA256"]})
        made = s3.complete_multipart_upload(**place, MultipartUpload={"Parts": done})
        assert made["ChecksumSHA256"] == f"{sha256(digests)}-2"
        head = s3.head_object(Bucket=bucket, Key="b")
        assert (head["ContentLength"], head["StorageClass"]) == (len(content), "DEEP_ARCHIVE")
        assert s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"] == [{"Key": "upload", "Value": "1"}]


class TestArchiveClasses:
    """Objects that must be restored before they can be read."""

    @pytest.fixture(params=["GLACIER", "DEEP_ARCHIVE"])
    def version(self, request, s3, bucket) -> str:
        return s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass=request.param)["VersionId"]

    def restored(self, s3, bucket: str) -> bool:
        return 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key="a").get("Restore", "")

    def test_reads_and_copies_are_refused_until_it_is_restored(self, s3, bucket, version):
        place = {"Bucket": bucket, "Key": "a"}
        started = s3.create_multipart_upload(Bucket=bucket, Key="c")
        part = {"Bucket": bucket, "Key": "c", "UploadId": started["UploadId"], "PartNumber": 1}
        for exact in ({}, {"VersionId": version}):
            with expect_error("InvalidObjectState"):
                s3.get_object(**place, **exact)
            with expect_error("InvalidObjectState"):
                s3.copy_object(Bucket=bucket, Key="b", CopySource=place | exact)
            with expect_error("InvalidObjectState"):
                s3.upload_part_copy(**part, CopySource=place | exact)
            assert s3.head_object(**place, **exact)["ContentLength"] == 3
        s3.restore_object(**place, RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}})
        assert s3.head_object(**place)["Restore"] == 'ongoing-request="true"'
        with expect_error("RestoreAlreadyInProgress"):
            s3.restore_object(**place, RestoreRequest={"Days": 1})
        wait_for(lambda: self.restored(s3, bucket))
        assert s3.get_object(**place)["Body"].read() == b"one"
        copied = s3.copy_object(Bucket=bucket, Key="b", CopySource=place | {"VersionId": version})
        assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="b", VersionId=copied["VersionId"])
        assert s3.head_object(**place)["StorageClass"] in ("GLACIER", "DEEP_ARCHIVE")

    def test_deep_archive_has_no_expedited_tier(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass="DEEP_ARCHIVE")
        request = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
        with expect_error("InvalidArgument", "Retrieval option is not supported"):
            s3.restore_object(Bucket=bucket, Key="a", RestoreRequest=request)

    def test_the_current_version_may_be_named_and_an_older_one_is_refused_aloud(self, s3, bucket, version):
        s3.restore_object(Bucket=bucket, Key="a", VersionId=version, RestoreRequest={"Days": 1})
        s3.put_object(Bucket=bucket, Key="a", Body=b"two", StorageClass="DEEP_ARCHIVE")
        with expect_error("NotImplemented"):
            s3.restore_object(Bucket=bucket, Key="a", VersionId=version, RestoreRequest={"Days": 1})
        with expect_error("NoSuchVersion"):
            s3.restore_object(Bucket=bucket, Key="a", VersionId="absent", RestoreRequest={"Days": 1})


class TestVersions:
    """Deletions by id, and what is left."""

    def test_a_deletion_by_version_leaves_no_marker(self, s3, bucket):
        first = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["VersionId"]
        second = s3.put_object(Bucket=bucket, Key="a", Body=b"two")["VersionId"]
        listed = s3.list_object_versions(Bucket=bucket, Prefix="a")
        assert [(entry["VersionId"], entry["IsLatest"]) for entry in listed["Versions"]] == [
            (second, True),
            (first, False),
        ]
        answer = s3.delete_object(Bucket=bucket, Key="a", VersionId=second)
        assert answer["VersionId"] == second
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"one"
        s3.delete_object(Bucket=bucket, Key="a", VersionId=first)
        listed = s3.list_object_versions(Bucket=bucket)
        assert "Versions" not in listed
        assert "DeleteMarkers" not in listed

    def test_a_deletion_without_one_leaves_a_marker(self, s3, bucket):
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

    def test_the_archive_function_needs_just_these(self, aws, s3, bucket):
        """One statement is left out at a time, and it is its operation that is refused."""
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
        for left_out in statements:
            kept = [statement for name, statement in statements.items() if name != left_out]
            with expect_error("AccessDenied|403"):
                work(self.client(aws, *kept))

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

    def test_who_may_not_list_a_bucket_is_not_told_that_a_key_is_absent(self, aws, s3, bucket):
        everything, place = f"arn:aws:s3:::{bucket}/*", {"Bucket": bucket, "Key": "absent"}
        reading = allow(["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], everything)
        blind = self.client(aws, reading)
        seeing = self.client(aws, reading, allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
        for client, head, get in ((blind, "403", "AccessDenied"), (seeing, "404", "NoSuchKey")):
            with expect_error(head):
                client.head_object(**place)
            with expect_error(get):
                client.get_object(**place)
            with expect_error(get):
                client.copy_object(Bucket=bucket, Key="b", CopySource=place)

    def test_plain_http_is_secure_enough_on_loopback_for_a_tls_only_policy(self, aws, s3, bucket):
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
        tls_only = deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        client = self.client(aws, allow("s3:*"))
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(tls_only))
        client.put_object(Bucket=bucket, Key="a", Body=b"one")
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(deny))
        with expect_error("AccessDenied"):
            client.put_object(Bucket=bucket, Key="a", Body=b"one")


class TestEncryption:
    """Objects under a customer's key."""

    @pytest.fixture
    def key(self, aws) -> dict:
        return aws.client("kms").create_key()["KeyMetadata"]

    @pytest.fixture
    def sealed(self, aws, s3, bucket, key) -> str:
        """The bucket, with the key as its default; named by its alias, as people do."""
        alias = f"alias/{unique_name('key')}"
        aws.client("kms").create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": alias},
            "BucketKeyEnabled": True,
        }
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        return bucket

    def test_every_write_and_read_names_the_key_by_its_arn(self, s3, sealed, key):
        wanted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["Arn"], "BucketKeyEnabled": True}
        s3.put_object(Bucket=sealed, Key="source", Body=b"one")
        for answer in (
            s3.put_object(Bucket=sealed, Key="a", Body=b"one"),
            s3.head_object(Bucket=sealed, Key="a"),
            s3.copy_object(Bucket=sealed, Key="b", CopySource={"Bucket": sealed, "Key": "source"}),
            s3.head_object(Bucket=sealed, Key="b"),
            upload(s3, sealed, "c", [b"one"]),
            s3.head_object(Bucket=sealed, Key="c"),
        ):
            assert {name: answer.get(name) for name in wanted} == wanted

    def test_a_copy_elsewhere_leaves_the_key_behind(self, aws, s3, sealed):
        target = make_bucket(aws)
        s3.put_object(Bucket=sealed, Key="a", Body=b"one")
        s3.copy_object(Bucket=target, Key="a", CopySource={"Bucket": sealed, "Key": "a"})
        head = s3.head_object(Bucket=target, Key="a")
        assert "SSEKMSKeyId" not in head
        assert "BucketKeyEnabled" not in head

    def client(self, aws, key: dict, *actions: str):
        statements = [allow("s3:*")] + ([allow(list(actions), key["Arn"])] if actions else [])
        return assume_role(aws, make_role(aws, *statements)).client("s3")

    def test_a_write_needs_the_data_key_and_a_read_the_decryption(self, aws, s3, sealed, key):
        s3.put_object(Bucket=sealed, Key="a", Body=b"one")
        nothing, writer = self.client(aws, key), self.client(aws, key, "kms:GenerateDataKey")
        reader = self.client(aws, key, "kms:Decrypt")
        for client in (nothing, reader):
            with expect_error("AccessDenied", "kms:GenerateDataKey"):
                client.put_object(Bucket=sealed, Key="b", Body=b"one")
        for client in (nothing, writer):
            with expect_error("AccessDenied", "kms:Decrypt"):
                client.get_object(Bucket=sealed, Key="a")
            assert client.head_object(Bucket=sealed, Key="a")
        writer.put_object(Bucket=sealed, Key="b", Body=b"one")
        assert reader.get_object(Bucket=sealed, Key="b")["Body"].read() == b"one"

    def test_a_copy_needs_both_and_so_does_a_part(self, aws, s3, sealed, key):
        s3.put_object(Bucket=sealed, Key="a", Body=b"one")
        source = {"Bucket": sealed, "Key": "a"}
        writer, both = (
            self.client(aws, key, "kms:GenerateDataKey"),
            self.client(aws, key, "kms:GenerateDataKey", "kms:Decrypt"),
        )
        with expect_error("AccessDenied", "kms:Decrypt"):
            writer.copy_object(Bucket=sealed, Key="b", CopySource=source)
        with expect_error("AccessDenied", "kms:Decrypt"):
            upload(writer, sealed, "c", [b"one"])
        both.copy_object(Bucket=sealed, Key="b", CopySource=source)
        upload(both, sealed, "c", [b"one"])

    def test_the_key_policy_has_a_say_too(self, aws, s3, sealed, key):
        s3.put_object(Bucket=sealed, Key="a", Body=b"one")
        reader = self.client(aws, key, "kms:Decrypt")
        kms = aws.client("kms")
        elsewhere = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{aws.account}:role/other"})
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy(elsewhere))
        with expect_error("AccessDenied"):
            reader.get_object(Bucket=sealed, Key="a")
        through = {"StringEquals": {"kms:ViaService": f"s3.{aws.region}.amazonaws.com"}}
        account = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{aws.account}:root"}, Condition=through)
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy(account))
        assert reader.get_object(Bucket=sealed, Key="a")["Body"].read() == b"one"


def test_events_reach_a_queue_as_whole_documents(aws, s3, bucket):
    """What a function is given: the envelope's members are those of the documented event."""
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
