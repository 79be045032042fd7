"""S3 in memory: versions, delete markers, checksums, storage classes, conditional copies, listings."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from botocore.response import StreamingBody

from tests.support.aws.buckets import NULL, Bucket, Version
from tests.support.aws.errors import RefusedError
from tests.support.aws.multipart import Multiparts
from tests.support.aws.restores import Restores
from tests.support.receipts import check_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws.clock import Clock


class S3(Multiparts, Restores):
    """Buckets and their objects. `on_create` is called with bucket and version of each new object.

    `page` is the maximum number of entries in a page of a listing: S3 may return fewer than requested. Callers may use
    the KMS keys in `usable_keys`; objects under other keys cannot be read or copied.
    """

    def __init__(self, clock: Clock, buckets: dict[str, bool], on_create: Callable[[Bucket, Version], None]):
        super().__init__()
        self._clock, self._on_create = clock, on_create
        self._count = itertools.count(1)
        self.page = 1000
        self.unfinished = {}
        self.usable_keys = {"key"}  # the value of Settings.key in tests
        self.buckets = {name: Bucket(name, versioned) for name, versioned in buckets.items()}

    def snapshot(self) -> dict[str, dict[str, list[Version]]]:
        return {
            bucket.name: {key: list(versions) for key, versions in bucket.keys.items()}
            for bucket in self.buckets.values()
        }

    def restore(self, snapshot: dict[str, dict[str, list[Version]]]) -> None:
        for name, keys in snapshot.items():
            self.buckets[name].keys = {key: list(versions) for key, versions in keys.items()}

    # -- for tests and for SageMaker --

    def put(self, bucket: str, key: str, body: bytes, **more) -> Version:
        target, number = self._bucket(bucket), next(self._count)
        version_id = f"v{number:06d}" if target.versioned else NULL
        sequencer = f"{int(self._clock.seconds):010X}{number:08X}"  # like S3's: the seconds are first
        version = Version(key, version_id, body, self._clock.now, sequencer, **more)
        target.add(version)
        self._on_create(target, version)
        return version

    def delete(self, bucket: str, key: str, version_id: str | None = None) -> dict:
        """Delete a version; without a version id, add a delete marker in a versioned bucket."""
        target = self._bucket(bucket)
        if version_id or not target.versioned:
            target.remove(key, version_id or NULL)
            return {"VersionId": version_id} if version_id else {}
        marker = Version(key, f"v{next(self._count):06d}", b"", self._clock.now, "", marker=True)
        target.add(marker)
        return {"VersionId": marker.id, "DeleteMarker": True}

    def change(self, bucket: str, key: str, version_id: str, **fields) -> None:
        """Change a version as a lifecycle rule or a person may: its class, its tier, its key."""
        versions = self._bucket(bucket).keys[key]
        versions[:] = [replace(version, **fields) if version.id == version_id else version for version in versions]

    def read(self, bucket: str, key: str) -> bytes | None:
        version = self._bucket(bucket).current(key)
        return version.body if version else None

    # -- the API --

    def create_bucket(self, request: dict, headers: dict) -> dict:
        """Create a bucket without versions; an existing one is not changed, as in us-east-1."""
        self.buckets.setdefault(request["Bucket"], Bucket(request["Bucket"], versioned=False))
        return {"Location": f"/{request['Bucket']}"}

    def put_object(self, request: dict, headers: dict) -> dict:
        if request.get("IfNoneMatch") == "*" and self._bucket(request["Bucket"]).current(request["Key"]):
            raise RefusedError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
            )
        if "IfMatch" in request:
            current = self._bucket(request["Bucket"]).current(request["Key"])
            if current is None:
                raise RefusedError("NoSuchKey", "The specified key does not exist.", 404)
            if request["IfMatch"].strip('"') != current.etag:
                raise RefusedError(
                    "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
                )
        if request.get("ContentType") == "application/json":
            check_written(request["Key"], bytes(request["Body"]))
        about = {name: request[name] for name in ("ContentType", "Metadata") if name in request}
        more = {
            "storage": request.get("StorageClass", "STANDARD"),
            "kms_key": request.get("SSEKMSKeyId", ""),
            "customer_key": "SSECustomerAlgorithm" in request,
        }
        body, checksum = bytes(request.get("Body", b"")), request.get("ChecksumSHA256")
        if checksum and checksum != base64.b64encode(hashlib.sha256(body).digest()).decode():
            raise RefusedError("BadDigest", "The SHA256 you specified did not match the calculated checksum.", 400)
        version = self.put(request["Bucket"], request["Key"], body, about=about, sha256=bool(checksum), **more)
        return {"ETag": f'"{version.etag}"', **_version_id(version)}

    def get_object(self, request: dict, headers: dict) -> dict:
        version = self._find(request, "NoSuchKey", "NoSuchVersion")
        version.check_bytes(self.usable_keys, self._clock.now)
        if request.get("IfMatch", version.etag).strip('"') != version.etag:
            raise RefusedError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
            )
        body = version.body
        if "Range" in request:
            first, last = request["Range"].removeprefix("bytes=").split("-")
            body = body[int(first) : int(last) + 1 if last else None]
        fields = version.head(request.get("ChecksumMode") == "ENABLED") | {"ContentLength": len(body)}
        return {**fields, "Body": StreamingBody(io.BytesIO(body), len(body))}

    def head_object(self, request: dict, headers: dict) -> dict:
        version = self._find(request, "404", "404")
        if version.customer_key:
            raise RefusedError("400", "Bad Request", 400)
        return version.head(request.get("ChecksumMode") == "ENABLED", self._clock.now)

    def _copied(self, request: dict) -> Version:
        """Return the source of a copy, if its bytes may be read."""
        source = self._find(_source(request["CopySource"]), "NoSuchKey", "NoSuchVersion")
        source.check_bytes(self.usable_keys, self._clock.now)
        return source

    def source_of(self, request: dict) -> Version:
        """Return the version that a copy reads, unless S3 refuses it."""
        source = self._copied(request)
        if request.get("CopySourceIfMatch", source.etag).strip('"') != source.etag:
            raise RefusedError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
            )
        return source

    def copy_object(self, request: dict, headers: dict) -> dict:
        source = self.source_of(request)
        only_new = "*" in (request.get("IfNoneMatch"), headers.get("If-None-Match"))
        if only_new and self._bucket(request["Bucket"]).current(request["Key"]):
            raise RefusedError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
            )
        copy = self.put(
            request["Bucket"],
            request["Key"],
            source.body,
            storage=request.get("StorageClass", "STANDARD"),
            about=source.about,
            sha256=request.get("ChecksumAlgorithm") == "SHA256",
        )
        result = {"ETag": f'"{copy.etag}"', "LastModified": copy.modified}
        if copy.sha256:
            result["ChecksumSHA256"] = copy.head(True)["ChecksumSHA256"]
        return {"CopyObjectResult": result, "CopySourceVersionId": source.id, **_version_id(copy)}

    def delete_object(self, request: dict, headers: dict) -> dict:
        return self.delete(request["Bucket"], request["Key"], request.get("VersionId"))

    def list_object_annotations(self, request: dict, headers: dict) -> dict:
        """Return no annotations: nothing here writes any."""
        self._find(request, "NoSuchKey", "NoSuchVersion")
        return {"Annotations": []}

    def get_object_tagging(self, request: dict, headers: dict) -> dict:
        self._find(request, "NoSuchKey", "NoSuchVersion")
        return {"TagSet": []}

    def list_objects_v2(self, request: dict, headers: dict) -> dict:
        after = request.get("ContinuationToken", request.get("StartAfter", ""))
        bucket, prefix = self._bucket(request["Bucket"]), request.get("Prefix", "")
        keys = sorted(key for key in bucket.keys if key.startswith(prefix) and key > after and bucket.current(key))
        rows = _group(keys, prefix, request["Delimiter"]) if "Delimiter" in request else keys
        rows = [row for row in rows if row != after]
        most = min(limit := request.get("MaxKeys", 1000), self.page)
        page = {"KeyCount": len(rows[:most]), "IsTruncated": len(rows) > most, "Prefix": prefix, "MaxKeys": limit}
        if page["IsTruncated"]:
            page["NextContinuationToken"] = rows[most - 1]
        if contents := [self._entry(bucket.current(row)) for row in rows[:most] if row in bucket.keys]:
            page["Contents"] = contents
        if folders := [{"Prefix": row} for row in rows[:most] if row not in bucket.keys]:
            page["CommonPrefixes"] = folders
        return page

    def list_object_versions(self, request: dict, headers: dict) -> dict:
        """Return a page of versions and delete markers by key, the newest first."""
        bucket, prefix = self._bucket(request["Bucket"]), request.get("Prefix", "")
        rows = [
            (key, version, number == 0)
            for key in sorted(bucket.keys)
            if key.startswith(prefix)
            for number, version in enumerate(reversed(bucket.keys[key]))
        ]
        rows = _after(rows, request.get("KeyMarker", ""), request.get("VersionIdMarker", ""))
        most = min(limit := request.get("MaxKeys", 1000), self.page)
        page = {"IsTruncated": len(rows) > most, "MaxKeys": limit}
        if page["IsTruncated"]:
            key, version, _ = rows[most - 1]
            page |= {"NextKeyMarker": key, "NextVersionIdMarker": version.id}
        for key, version, latest in rows[:most]:
            kind = "DeleteMarkers" if version.marker else "Versions"
            fields = {"LastModified": version.modified} if version.marker else self._entry(version)
            page.setdefault(kind, []).append({**fields, "Key": key, "VersionId": version.id, "IsLatest": latest})
        return page

    @staticmethod
    def _entry(version: Version) -> dict:
        return {
            "Key": version.key,
            "LastModified": version.modified,
            "ETag": f'"{version.etag}"',
            "Size": len(version.body),
            "StorageClass": version.storage,
        }

    def _bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise RefusedError("NoSuchBucket", "The specified bucket does not exist", 404)
        return self.buckets[name]

    def _find(self, request: dict, no_key: str, no_version: str) -> Version:
        bucket, key = self._bucket(request["Bucket"]), request["Key"]
        if version_id := request.get("VersionId"):
            version = bucket.version(key, version_id)
            if version is None:
                raise RefusedError(no_version, "The specified version does not exist.", 404)
            if version.marker:
                code = "405" if no_key == "404" else "MethodNotAllowed"
                raise RefusedError(code, "The specified method is not allowed against this resource.", 405)
            return version
        if (version := bucket.current(key)) is None:
            raise RefusedError(no_key, "Not Found" if no_key == "404" else "The specified key does not exist.", 404)
        return version


def _source(place: str | dict) -> dict:
    """Return bucket, key and version of a CopySource: the text of a header, or a dict from a direct client."""
    if isinstance(place, dict):
        return place
    path, _, query = place.partition("?")
    bucket, _, key = unquote(path).partition("/")
    version_id = parse_qs(query).get("versionId")
    return {"Bucket": bucket, "Key": key} | ({"VersionId": version_id[0]} if version_id else {})


def _group(keys: list[str], prefix: str, delimiter: str) -> list[str]:
    """Return keys and common prefixes in their order: keys with the delimiter after the prefix are one."""
    rows = {}
    for key in keys:
        name, end, _ = key.removeprefix(prefix).partition(delimiter)
        rows[prefix + name + end if end else key] = True
    return list(rows)


def _version_id(version: Version) -> dict:
    return {"VersionId": version.id} if version.id != NULL else {}


def _after(rows: list, key: str, version_id: str) -> list:
    """Return the rows after the markers of a page."""
    if not key:
        return rows
    if not version_id:
        return [row for row in rows if row[0] > key]
    at = next((n for n, row in enumerate(rows) if (row[0], row[1].id) == (key, version_id)), None)
    return [row for row in rows if row[0] > key] if at is None else rows[at + 1 :]
