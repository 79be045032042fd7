"""Prepared data in the work bucket. They are prepared once, and reused while they surely outlast the start of a job.

Keys, where the digest is that of files and settings:
training/<digest>/data/{train,validation,test}.jsonl and training/<digest>/prepared.json.
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.errors import InvalidFileError
from seqdrop.training.data.line_reader import Source
from seqdrop.training.data.prepare import Prepared, prepare
from seqdrop.training.jobfile import SPLITS, JobFile
from seqdrop.work.examination import FRESH, rejection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client

    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Upload

READERS = 2  # increase it if the readers accept more, so that a set that was rejected is examined again


class Store:
    """The prepared data of one job.toml and the uploads that it names. `data` is the prefix of the three splits."""

    def __init__(self, s3: S3Client, work: str, job: JobFile, files: dict[str, Upload]) -> None:
        ids = {name: upload.id for name, upload in files.items()}
        content = {"data": asdict(job.data), "task": job.target, "files": ids, "readers": READERS}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        self._s3, self._work, self._job, self._files = s3, work, job, files
        self._key, self.data = keys.prepared(digest), keys.prepared_data(digest)

    def load_or_prepare(self) -> Prepared | Rejection:
        """Return the prepared data, or the reasons why the data set is rejected.

        Raise ObjectGoneError if a file has been deleted.
        """
        content = self._load()
        if content is None:
            content = self._prepare()
            self._s3.put_object(Bucket=self._work, Key=self._key, Body=json.dumps(content).encode())
        if "prepared" in content:
            return Prepared(**content["prepared"])
        rejected: Rejection = content["rejection"]
        return rejected

    def _load(self) -> dict[str, Any] | None:
        try:
            response = self._s3.get_object(Bucket=self._work, Key=self._key)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        if clock.utc_now() - response["LastModified"] > FRESH:
            return None
        content: dict[str, Any] = json.loads(response["Body"].read())
        return content

    def _prepare(self) -> dict[str, Any]:
        """Prepare the data, upload the three splits, and return the content of prepared.json."""
        try:
            with TemporaryDirectory() as name, self._sources() as sources:
                prepared = prepare(self._job, sources, Path(name))
                for split in SPLITS:
                    self._s3.upload_file(f"{name}/{split}.jsonl", self._work, keys.split(self.data, split))
        except InvalidFileError as error:
            return {"rejection": rejection(error)}
        return {"prepared": prepared.as_dict()}

    @contextmanager
    def _sources(self) -> Iterator[dict[str, Source]]:
        streams = {name: RangedObject(self._s3, upload.version) for name, upload in self._files.items()}
        try:
            yield {name: Source(name, io.BufferedReader(stream)) for name, stream in streams.items()}
        finally:
            for stream in streams.values():
                stream.close()
