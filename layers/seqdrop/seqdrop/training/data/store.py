"""Prepared data in the work bucket: read once, whoever asks, and for as long as it is sure to outlast a job's start.

training/<digest of files and settings>/data/{train,validation,test}.jsonl    training/<digest>/prepared.json
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

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

    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Upload


class Store:
    """The prepared data of one job.toml and the uploads that it names. `data` is the prefix of the three splits."""

    def __init__(self, s3, work: str, job: JobFile, files: dict[str, Upload]):
        about = {"data": asdict(job.data), "task": job.target, "files": {name: one.id for name, one in files.items()}}
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        self._s3, self._work, self._job, self._files = s3, work, job, files
        self._key, self.data = keys.prepared(digest), keys.prepared_data(digest)

    def prepared(self) -> Prepared | Rejection:
        """What there is to train on, or what reasons/ tells of why there is nothing. Raises ObjectGoneError."""
        found = self._load()
        if found is None:
            try:
                found = {"prepared": self._prepare().as_dict()}
            except InvalidFileError as error:
                found = {"rejection": rejection(error)}
            body = json.dumps(found).encode()
            self._s3.put_object(Bucket=self._work, Key=self._key, Body=body)
        return Prepared(**found["prepared"]) if "prepared" in found else found["rejection"]

    def _load(self) -> dict | None:
        try:
            found = self._s3.get_object(Bucket=self._work, Key=self._key)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        fresh = clock.utc_now() - found["LastModified"] <= FRESH
        return json.loads(found["Body"].read()) if fresh else None

    def _prepare(self) -> Prepared:
        with TemporaryDirectory() as name, self._sources() as sources:
            found = prepare(self._job, sources, Path(name))
            for split in SPLITS:
                self._s3.upload_file(f"{name}/{split}.jsonl", self._work, keys.split(self.data, split))
        return found

    @contextmanager
    def _sources(self) -> Iterator[dict[str, Source]]:
        opened = {name: RangedObject(self._s3, one.version) for name, one in self._files.items()}
        try:
            yield {name: Source(name, io.BufferedReader(stream)) for name, stream in opened.items()}
        finally:
            for stream in opened.values():
                stream.close()
