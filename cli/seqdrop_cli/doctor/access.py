"""Whether the caller may use the stack: its key, its buckets and its ledger; and which images its jobs run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import code_of, is_denied
from seqdrop.ledger.moves import UPLOAD

from seqdrop_cli.doctor.finding import FAILED, NOTE, OK, WARNING, Finding, explain_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client

    from seqdrop_cli.doctor.stack import Stack

KEY, BUCKETS, LEDGER, IMAGES = "key", "buckets", "ledger", "images"
PERMITTED = "DryRunOperation"  # what KMS says to a dry run that would succeed
IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[^/]+/([^:@]+)(?::([^@]+))?(?:@(.+))?")
SETTINGS = {"transform_image": "transform jobs", "training_image": "trainings", "processing_image": "processing jobs"}


def check_key(stack: Stack) -> Iterator[Finding]:
    """Yield whether the key is enabled, and whether the caller may encrypt with it, as an upload must."""
    kms, key = stack.client("kms"), stack.settings["key"]
    state = kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    if state != "Enabled":
        advice = "enable it in KMS, or cancel its deletion: without it, nothing in the stack can be read"
        yield Finding(KEY, FAILED, f"the key of the stack is {state}", advice)
        return
    try:
        kms.generate_data_key(KeyId=key, KeySpec="AES_256", DryRun=True)
    except ClientError as error:
        if is_denied(error):
            advice = "attach the policy of the output UploaderPolicy to your role"
            yield Finding(KEY, WARNING, "you may not encrypt with the key, so you cannot drop files", advice)
            return
        if code_of(error).removesuffix("Exception") != PERMITTED:
            raise
    yield Finding(KEY, OK, "enabled, and you may use it")


def check_buckets(stack: Stack) -> Iterator[Finding]:
    """Yield whether each bucket is there."""
    target, s3 = stack.target, stack.target.client("s3")
    names = {
        "landing": target.landing,
        "work": target.work,
        "results": target.results,
        "models": target.models,
        "archive": target.archive,
    }
    missing = [name for name, bucket in names.items() if not _is_there(s3, bucket)]
    for name in missing:
        advice = "the stack cannot work without it: deploy again"
        yield Finding(BUCKETS, FAILED, f"the {name} bucket does not exist", advice)
    if not missing:
        yield Finding(BUCKETS, OK, ", ".join(names))


def _is_there(s3: S3Client, bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if code_of(error) not in ("404", "NoSuchBucket"):
            raise
        return False
    return True


def check_ledger(stack: Stack) -> Iterator[Finding]:
    """Yield how many uploads wait for a person because their attempt failed."""
    ledger = stack.target.ledger()
    open_uploads = sum(1 for _ in ledger.in_state(UPLOAD, "VALIDATED"))
    yield Finding(LEDGER, OK, f"it can be read; {open_uploads} valid uploads are not archived yet")


def check_images(stack: Stack) -> Iterator[Finding]:
    """Yield the digest of each image that jobs run: a tag may move."""
    if stack.target.endpoint:
        yield Finding(IMAGES, NOTE, "jobs of the embedded AWS run on this machine's Python, not in images")
        return
    images = {what: stack.settings[name] for name, what in SETTINGS.items() if stack.settings.get(name)}
    for what, image in images.items():
        yield _describe_image(stack, what, image)


def _describe_image(stack: Stack, what: str, image: str) -> Finding:
    parts = IMAGE.fullmatch(image)
    if parts is None:
        return Finding(IMAGES, NOTE, f"{what}: {image} is not in ECR")
    registry, region, repository, tag, digest = parts.groups()
    if digest:
        return Finding(IMAGES, OK, f"{what}: {repository}@{digest}")
    try:
        place = {"registryId": registry, "repositoryName": repository}
        images = stack.client("ecr", region).batch_get_image(**place, imageIds=[{"imageTag": tag}])["images"]
    except ClientError as error:
        if code_of(error) != "RepositoryNotFoundException":
            return explain_error(IMAGES, error)
        images = []
    if not images:
        advice = "check the image parameters of the stack, and that the region has the image"
        return Finding(IMAGES, FAILED, f"{what}: there is no image {repository}:{tag} in {region}", advice)
    return Finding(IMAGES, OK, f"{what}: {repository}:{tag} is {images[0]['imageId']['imageDigest']}")
