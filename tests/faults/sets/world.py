"""An account with training jobs. It records a violation if a gated file advances before its run is complete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.uploads import upload_id

from tests.faults.sets import runs, trainings
from tests.faults.sets.family import POOR
from tests.faults.world import World

if TYPE_CHECKING:
    from tests.faults.evidence import Drop
    from tests.support.aws.account import Call
    from tests.support.aws.buckets import Bucket, Version
    from tests.support.aws.sagemaker import Job


class SetsWorld(World):
    """The account of the family `sets`.

    `may_open` are the folders whose run was complete at some time. `fed` maps each training job to the rows that it
    read, by split.
    """

    def __init__(self):
        self.may_open: set[str] = set()
        self.heads: list[Drop] = []  # the sound job.toml files that were dropped
        self.fed: dict[str, dict[str, list[dict]]] = {}
        self._keys: dict[str, str] = {}  # of each version in the landing bucket, by upload id
        self._manifests: list[Drop] = []
        super().__init__()
        self.sagemaker.trainer = self._train
        for key, body in trainings.program().items():
            self.s3.put(self.name("models"), key, body)

    # -- training jobs --

    def _train(self, job: Job) -> None:
        place = job.request["OutputDataConfig"]["S3OutputPath"].removeprefix(f"s3://{self.name('work')}/")
        archives = {"model": trainings.model_archive(job.name), "output": trainings.output_archive(self.figure_of(job))}
        for name, body in archives.items():
            self.s3.put(self.name("work"), f"{place}{job.name}/output/{name}.tar.gz", body)

    @staticmethod
    def figure_of(job: Job) -> float:
        """Return Q3 of the model that a job trains."""
        return trainings.POOR if job.ending == POOR else trainings.GOOD

    def _feed(self, name: str) -> None:
        """Record the data that train.py reads when its job starts."""
        channels = self.sagemaker.jobs[name].request["InputDataConfig"]
        (data,) = (channel for channel in channels if channel["ChannelName"] == "data")
        prefix = data["DataSource"]["S3DataSource"]["S3Uri"].removeprefix(f"s3://{self.name('work')}/")
        self.fed[name] = {split: self._lines(f"{prefix}{split}.jsonl") for split in trainings.SPLITS}

    def _lines(self, key: str) -> list[dict]:
        return [json.loads(line) for line in (self.s3.read(self.name("work"), key) or b"").splitlines()]

    # -- gates --

    def expect(self, drop: Drop) -> None:
        """Record a marker or manifest before it is put, because the world handles its event during the put."""
        if drop.kind in runs.MARKERS:
            self.may_open |= set(runs.folders(drop.key)[:1])
        if drop.kind in runs.SOUND_LISTS:
            self._manifests.append(drop)

    def landing_changed(self) -> None:
        landing = self.s3.buckets[self.name("landing")]
        self.may_open |= {manifest.folder for manifest in self._manifests if runs.is_complete(manifest, landing)}

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        if bucket.name == self.name("landing"):
            self._keys[upload_id(bucket.name, version.key, version.id)] = version.key
        super()._on_create(bucket, version)

    def call(self, call: Call) -> dict:
        known = set(self.sagemaker.jobs)
        if call.name == "s3.CopyObject" and call.request["Bucket"] == self.name("archive"):
            self._check_gate(call.request["Key"].rsplit("/", 2)[-2], "is archived")
        try:
            return super().call(call)
        finally:
            for name in self.sagemaker.jobs.keys() - known:
                self._started(self.sagemaker.jobs[name])

    def _started(self, job: Job) -> None:
        if job.kind == "Training":
            self._feed(job.name)
        for uploaded in {uri.split("/")[4] for uri in job.shards}:
            self._check_gate(uploaded, f"is in job {job.name}")

    def _check_gate(self, uploaded: str, what: str) -> None:
        key = self._keys[uploaded]
        if runs.is_gated(key) and not self.may_open & set(runs.folders(key)):
            self.wrong.append(f"{key} {what}, and its run is not complete")
