"""Read what a monitoring job assesses: shards, tables of results, captured requests, and truth.

Everything is read as a stream. Of large uploads a part is counted, evenly over the file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.monitoring.captures import read_capture
from seqdrop.monitoring.predictions import PredictionProfiler
from seqdrop.monitoring.quality import Quality, judge_calls, judge_states
from seqdrop.monitoring.sequences import SequenceProfiler
from seqdrop.monitoring.truth import UnreadableTruthError, read_states, read_windows, suffix_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client

    from seqdrop.monitoring.profile import Profile
    from seqdrop.stages.monitor.brief import AttemptBrief, MonitoringBrief, SubjectBrief, TruthBrief

MOST_ITEMS = 20_000
"""Work items of an upload whose sequences are counted."""
MOST_ROWS = 200_000
"""Rows of an upload's results that are counted."""
CHUNK = 1 << 20


class Reader:
    """Reads the objects that a brief names. `missing` counts those that have expired or were deleted meanwhile."""

    def __init__(self, s3: S3Client, brief: MonitoringBrief) -> None:
        self._s3, self._brief = s3, brief
        self.missing = 0

    def profiles(self, subject: SubjectBrief) -> tuple[Profile, Profile, int]:
        """Return the profiles of inputs and predictions, and the number of captured lines that could not be read."""
        inputs, predictions = SequenceProfiler(subject["alphabet"]), PredictionProfiler()
        for attempt in subject["attempts"]:
            self._add_items(inputs, attempt)
            step = -(-attempt["windows"] // MOST_ROWS) or 1
            for number, line in enumerate(self._lines(self._brief["results"], attempt["table"])):
                if number % step == 0:
                    predictions.add(json.loads(line))
        unreadable = sum(self._add_captured(inputs, predictions, subject, prefix) for prefix in subject["captured"])
        return inputs.finish(), predictions.finish(), unreadable

    def quality(self, truth: TruthBrief) -> Quality:
        """Return the quality of the predictions that a truth file is about.

        Raise UnreadableTruthError if the file cannot be used.
        """
        suffix = suffix_of(truth["key"])
        response = self._s3.get_object(Bucket=self._brief["landing"], Key=truth["key"], VersionId=truth["version_id"])
        try:
            text = response["Body"].read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnreadableTruthError("it is not a text in UTF-8") from error
        rows = map(json.loads, self._lines(self._brief["results"], truth["table"]))
        is_structure = suffix == ".3line"
        quality = (
            judge_states(rows, read_states(text)) if is_structure else judge_calls(rows, read_windows(text, suffix))
        )
        if not quality.labels:
            raise UnreadableTruthError("none of its labels fits a prediction: compare names, places and lengths")
        return quality

    def _add_items(self, inputs: SequenceProfiler, attempt: AttemptBrief) -> None:
        """Count the work items of an attempt. The length of a record is the end of the last of its items."""
        step = -(-attempt["items"] // MOST_ITEMS) or 1
        record, end, number = "", 0, 0
        for shard in range(attempt["shards"]):
            key = keys.shard(attempt["upload"], attempt["masks"], attempt["shards_key"], shard)
            for line in self._lines(self._brief["work"], key):
                item = json.loads(line)
                own = ":".join(item["id"].split(":")[:2])
                if own != record:
                    inputs.add_length(end)
                    record = own
                end = item.get("start", 0) + len(item["sequence"])
                if number % step == 0:
                    inputs.add_part(item["sequence"])
                number += 1
        inputs.add_length(end)

    def _add_captured(
        self, inputs: SequenceProfiler, predictions: PredictionProfiler, subject: SubjectBrief, prefix: str
    ) -> int:
        """Count the captured requests below a prefix; return the number of lines of another shape."""
        unreadable = 0
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._brief["work"], Prefix=prefix)
        for entry in (entry for page in pages for entry in page.get("Contents", [])):
            for line in self._lines(self._brief["work"], entry["Key"]):
                try:
                    captured = read_capture(line, subject["label"], subject["threshold"])
                except (ValueError, KeyError, TypeError, AttributeError, IndexError):
                    unreadable += 1
                    continue
                inputs.add_all(captured.sequences)
                for row in captured.rows:
                    predictions.add(row)
        return unreadable

    def _lines(self, bucket: str, key: str) -> Iterator[bytes]:
        try:
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        except self._s3.exceptions.NoSuchKey:
            self.missing += 1
            return
        yield from (line for line in body.iter_lines(chunk_size=CHUNK) if line.strip())

    def load(self, bucket: str, key: str) -> Any:  # noqa: ANN401 - the caller knows its shape
        """Return a JSON object; None if there is none."""
        try:
            return json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except self._s3.exceptions.NoSuchKey:
            return None
