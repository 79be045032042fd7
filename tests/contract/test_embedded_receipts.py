"""The chain of receipts and the deletion of copies, with the embedded AWS: signatures, conditional writes, roles."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest
from botocore.exceptions import ClientError
from seqdrop.archive.manifest import signed_message
from seqdrop.aws import signing
from seqdrop.aws.errors import is_conflict, is_denied

from local.testing import make_bucket
from tests.support.roles import assume_template_role

pytest_plugins = ["local.fixtures"]
HEAD = {"manifest": 1, "key": "receipts/manifests/2026-02-01.json", "sha256": hashlib.sha256(b"").hexdigest()}
MESSAGE = signed_message(HEAD, "2026-02-02T00:31:00.000Z")


@pytest.fixture
def kms(aws):
    return aws.session().client("kms")


@pytest.fixture
def key(kms) -> str:
    """Return the ARN of a key like SigningKey of the template."""
    return kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]


def test_a_signature_is_verified_and_one_of_another_text_is_not(kms, key):
    signature = signing.sign(kms, key, MESSAGE)
    assert signing.is_signed(kms, key, MESSAGE, signature)
    assert not signing.is_signed(kms, key, MESSAGE.replace("2026", "2027"), signature)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_a_signature_is_verified_by_hand_with_openssl(kms, key, tmp_path):
    """The commands of docs/receipts.md."""
    (tmp_path / "key.der").write_bytes(kms.get_public_key(KeyId=key)["PublicKey"])
    (tmp_path / "head.txt").write_text(MESSAGE)
    (tmp_path / "head.sig").write_bytes(signing.sign(kms, key, MESSAGE))
    commands = [
        "openssl pkey -pubin -inform DER -in key.der -out key.pem",
        "openssl dgst -sha256 -verify key.pem -signature head.sig head.txt",
    ]
    outcomes = [subprocess.run(text.split(), cwd=tmp_path, capture_output=True, text=True) for text in commands]
    assert outcomes[-1].stdout == "Verified OK\n", outcomes


def test_a_manifest_is_written_only_once(aws):
    s3, bucket = aws.session().client("s3"), make_bucket(aws, versioned=True)
    s3.put_object(Bucket=bucket, Key=HEAD["key"], Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key=HEAD["key"], Body=b"second", IfNoneMatch="*")
    assert is_conflict(refused.value)


def test_the_role_of_forget_deletes_versions_and_cannot_hide_or_replace_copies(aws):
    archive, results = make_bucket(aws, versioned=True), make_bucket(aws, versioned=True)
    root = aws.session().client("s3")
    version_id = root.put_object(Bucket=archive, Key="a", Body=b"copy")["VersionId"]
    other = root.put_object(Bucket=archive, Key="a", Body=b"another version")["VersionId"]
    s3 = assume_template_role(aws, "ForgetRole", {"ArchiveBucket": archive, "ResultsBucket": results}).client("s3")
    for refused in (
        lambda: s3.delete_object(Bucket=archive, Key="a"),
        lambda: s3.put_object(Bucket=archive, Key="a", Body=b""),
        lambda: s3.put_object(Bucket=results, Key="receipts/a.json", Body=b""),
    ):
        with pytest.raises(ClientError) as error:
            refused()
        assert is_denied(error.value)
    s3.put_object(Bucket=results, Key="tombstones/a.json", Body=b"{}", IfNoneMatch="*")
    for _ in range(2):  # the deletion may be repeated
        s3.delete_object(Bucket=archive, Key="a", VersionId=version_id)
    assert [version["VersionId"] for version in root.list_object_versions(Bucket=archive)["Versions"]] == [other]
