"""The storage class of a copy: the one of its analysis, and, once it is archived, the one that it was copied with."""

import json
from dataclasses import replace

import boto3
import pytest
from seqdrop.aws.s3 import protect_existing_copies
from seqdrop.config.analyses import Analyses
from seqdrop.errors import ArchiveMismatchError
from seqdrop.ledger.records import Upload
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.archive.cold_copy import archive_key, find_verified_copy
from seqdrop.stages.archive.kept_copy import is_kept

from tests.unit.stages.archive.test_archive import SHA256, upload  # noqa: F401 - a fixture

TERMS = {"DEEP_ARCHIVE": (180, 48), "GLACIER": (90, 12), "GLACIER_IR": (90, None), "STANDARD_IA": (30, None)}


def with_class(services, name: str):
    """Return the services with this class in the analysis raw, and a client of their own."""
    s3, raw = boto3.client("s3"), services.analyses.by_name["raw"]
    protect_existing_copies(s3)
    return replace(
        services, s3=s3, analyses=Analyses(services.analyses.by_name | {"raw": replace(raw, storage_class=name)})
    )


def read_receipt(services, upload: Upload) -> dict:  # noqa: F811
    return json.loads(services.s3.get_object(Bucket="results", Key=f"receipts/{upload.id}.json")["Body"].read())


@pytest.mark.parametrize("name", sorted(TERMS))
def test_a_file_is_archived_in_the_class_of_its_analysis(services, upload, name):  # noqa: F811
    archive(with_class(services, name), upload.id)
    archived, receipt = services.ledger.require_upload(upload.id), read_receipt(services, upload)
    days, hours = TERMS[name]
    assert (archived.state, archived.storage_class, receipt["archive"]["storage_class"]) == ("ARCHIVED", name, name)
    assert services.s3.head_object(Bucket="archive", Key=archived.archive_key)["StorageClass"] == name
    assert receipt["billed_at_least_days"] == days
    assert receipt["billed_overhead_bytes"].keys() == {name.lower(), "standard"}
    assert receipt["restore"].get("bulk", {}).get("hours_at_most") == hours


def test_a_class_that_changes_later_is_that_of_later_files_only(services, upload):  # noqa: F811
    archive(with_class(services, "GLACIER"), upload.id)
    archived = services.ledger.require_upload(upload.id)
    now = with_class(services, "DEEP_ARCHIVE")
    assert is_kept(now, archived)
    assert find_verified_copy(now.s3, archived, "archive")["storage_class"] == "GLACIER"
    services.s3.delete_object(Bucket="results", Key=f"receipts/{upload.id}.json")
    archive(now, upload.id)  # writes the receipt again
    assert read_receipt(services, upload)["archive"]["storage_class"] == "GLACIER"


def test_a_copy_that_was_begun_before_the_class_changed_is_not_made_again(services, upload):  # noqa: F811
    before, after = with_class(services, "GLACIER"), with_class(services, "STANDARD_IA")
    before.s3.copy_object(
        Bucket="archive", Key=archive_key(upload), CopySource={"Bucket": "landing", "Key": upload.key},
        StorageClass="GLACIER", ChecksumAlgorithm="SHA256",
    )  # fmt: skip
    archive(after, upload.id)
    assert services.ledger.require_upload(upload.id).storage_class == "GLACIER"
    assert len(services.s3.list_object_versions(Bucket="archive")["Versions"]) == 1


def test_a_copy_in_no_class_of_the_archive_is_a_mismatch(services, upload):  # noqa: F811
    s3 = with_class(services, "GLACIER").s3
    source = {"Bucket": "landing", "Key": upload.key}
    s3.copy_object(Bucket="archive", Key=archive_key(upload), CopySource=source, ChecksumAlgorithm="SHA256")
    with pytest.raises(ArchiveMismatchError, match="storage_class is STANDARD, and should be DEEP_ARCHIVE or GLACIER"):
        find_verified_copy(s3, upload, "archive")


def test_the_record_of_an_earlier_version_means_deep_archive(services, upload):  # noqa: F811
    archive(with_class(services, "DEEP_ARCHIVE"), upload.id)
    archived = services.ledger.require_upload(upload.id)
    assert is_kept(services, replace(archived, storage_class=""))
    assert not is_kept(services, replace(archived, storage_class="GLACIER"))
