"""What must hold once all has come to rest. Told from what lies in the store, not from what the ledger says of it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from seqdrop.ledger import moves
from seqdrop.stages.finish.bisect import MOST_LOST
from seqdrop.uploads import upload_id

from tests.faults import files
from tests.faults.play import Player
from tests.support.aws.expressions import plain
from tests.support.aws.model import answers
from tests.support.aws.s3 import Version
from tests.support.aws.sagemaker import BREAKS, DIES, DIES_LATE, OPEN, Job


def broken(player: Player) -> list[str]:
    """Every invariant that does not hold, in words."""
    return [*player.world.wrong, *Check(player).all()]


class Check:
    def __init__(self, player: Player):
        self._player, self._world = player, player.world
        self._landing, self._results = (self._bucket(name) for name in ("landing", "results"))
        self._archive = self._bucket("archive")
        self._records = [_record(item) for item in self._world.table.items.values() if "kind" in item]
        self._uploads = {one["id"]: one for one in self._records if one["kind"] == moves.UPLOAD}
        self._attempts = defaultdict(list)
        for one in self._records:
            if one["kind"] == moves.ATTEMPT:
                self._attempts[one["upload_id"]].append(one)

    def all(self) -> Iterator[str]:
        for drop in self._player.drops:
            for fault in self._of(drop):
                yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"
        yield from self._of_jobs()
        yield from self._of_messages()
        yield from self._of_landing()

    def _bucket(self, name: str):
        return self._world.s3.buckets[self._world.name(name)]

    # -- each version that was dropped --

    def _of(self, drop: files.Drop) -> Iterator[str]:
        upload = self._uploads.get(upload_id(self._landing.name, drop.key, drop.version_id))
        there = self._landing.version(drop.key, drop.version_id)
        deleted = (drop.key, drop.version_id) in self._player.deleted
        gone = deleted or (drop.key, drop.version_id) in self._player.covered
        copy = self._copy_of(drop)
        if not there and not copy and not deleted:
            yield "it is neither in the landing bucket nor in the archive"
        if upload is None:
            if not gone:
                yield "nobody knows of it"
            return
        state = upload["state"]
        told = {
            "ARCHIVED": self._archived,
            "REJECTED": self._rejected,
            "WITHDRAWN": self._withdrawn,
            "VALIDATED": self._stays,
            "WAITING": self._waits,
        }.get(state)
        if told is None:
            yield f"it ends in {state}"
        else:
            yield from told(drop, upload, there, copy, gone)

    def _copy_of(self, drop: files.Drop) -> Version | None:
        kept = (one for versions in self._archive.keys.values() for one in versions)
        return next((one for one in kept if one.body == drop.body), None)

    def _archived(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if drop.kind in files.REJECTED:
            yield "a bad file was archived"
        if there and not gone:
            yield "it is archived, and lies in the landing bucket as well"
        if copy is None or copy.storage != "DEEP_ARCHIVE":
            yield "it is archived without a copy in Deep Archive"
        yield from self._receipt(drop, upload)
        attempts = self._deciding(upload)
        if bool(attempts) != (drop.kind != files.RAW):
            yield f"it is archived with {len(attempts)} attempts"
        for attempt in attempts:
            yield from self._predicted(drop, upload, attempt)

    def _receipt(self, drop, upload) -> Iterator[str]:
        found = self._json(f"receipts/{upload['id']}.json")
        digest = hashlib.sha256(drop.body).hexdigest()
        if found is None:
            yield "it has no receipt"
        elif (found["landing"]["sha256"], found["archive"].get("sha256")) != (digest, digest):
            yield "its receipt tells another checksum"

    def _deciding(self, upload) -> list[dict]:
        """The last attempt of each analysis."""
        own = sorted(self._attempts[upload["id"]], key=lambda one: one["number"])
        return list({one["analysis"]: one for one in own}.values())

    def _predicted(self, drop, upload, attempt) -> Iterator[str]:
        if attempt["state"] != "PREDICTED":
            yield f"it went with its attempt {attempt['number']} in {attempt['state']}"
            return
        number = attempt["number"]
        place = f"results/{attempt['analysis']}/{upload['id']}/" + (f"attempt-{number}/" if number > 1 else "")
        summary = self._json(place + "summary.json")
        rows = self._world.s3.read(self._results.name, place + "predictions.jsonl")
        if summary is None or rows is None:
            yield f"{place} has no results"
            return
        if rows.decode().splitlines() != self._expected(drop, attempt):
            yield f"{place} holds other results than the model gives"

    def _expected(self, drop, attempt) -> list[str]:
        """What the model of the attempt's own job says of this file's reads."""
        job = self._world.sagemaker.jobs.get(attempt.get("job", ""))
        if job is None:
            return ["no such job"]
        model = self._world.sagemaker.models[job.request["ModelName"]]["PrimaryContainer"]["ModelDataUrl"]
        lines = drop.body.decode().splitlines()
        items = [
            {"id": "", "record": name[1:], "start": 0, "sequence": bases[:40]}
            for name, bases in zip(lines[::4], lines[1::4], strict=True)
        ]
        told = []
        for line in answers("\n".join(map(json.dumps, items)).encode(), model).splitlines():
            answer = json.loads(line)
            (window,) = answer["windows"]
            row = {"record": answer["record"], **window, "call": window["probability"] >= 0.5}
            told.append(json.dumps(row, separators=(",", ":")))
        return told

    def _rejected(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if not there and not gone:
            yield "it was rejected, and is not in the landing bucket any more"
        if copy:
            yield "it was rejected and archived"
        if drop.kind not in files.REJECTED and upload.get("reason") not in ("superseded", "other_mate"):
            yield f"a good file was rejected: {upload.get('reason')}"
        if self._json(f"reasons/{upload['id']}.json") is None:
            yield "it was rejected, and reasons/ does not say why"
        yield from self._mailed(drop)

    def _mailed(self, drop) -> Iterator[str]:
        if not any(drop.key in message for _, message in self._world.mails):
            yield "nobody was told"

    def _withdrawn(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if not gone:
            yield "it was withdrawn, and nobody deleted it"
        if not upload.get("reason"):
            yield "it was withdrawn without a reason"

    def _stays(self, drop, upload, there, copy, gone) -> Iterator[str]:
        """VALIDATED is where an upload stays whose attempt failed for good."""
        states = {attempt["state"] for attempt in self._deciding(upload)}
        if "FAILED" not in states:
            yield f"it stays VALIDATED, with attempts in {sorted(states)}"
        if not there and not gone:
            yield "its attempt failed, and it is not in the landing bucket any more"
        if drop.kind != files.POISONED and not self._excused(upload):
            yield "a good file has no predictions"
        yield from self._mailed(drop)

    def _excused(self, upload) -> bool:
        """Whether a person stopped its last job, that died with this upload alone in it, or was lost once too often."""
        jobs = self._world.sagemaker.jobs
        return all(self._ended_it(jobs.get(one.get("job")), one) for one in self._deciding(upload))

    @staticmethod
    def _ended_it(job: Job | None, attempt: dict) -> bool:
        if job is None:
            return False
        often = attempt.get("lost", 0) >= MOST_LOST and job.fate in (DIES, DIES_LATE)
        return job.status == "Stopped" or often or (job.fate == BREAKS and len(job.shards) == 1)

    def _waits(self, drop, upload, there, copy, gone) -> Iterator[str]:
        """Only a mate whose other has not come, or was settled with an earlier version of it."""
        if gone:
            yield "it waits, and was deleted"
        if drop.kind not in (files.FIRST, files.SECOND):
            yield "it waits, and nothing belongs to it"
            return
        others = [
            self._uploads.get(upload_id(self._landing.name, one.key, one.version_id)) for one in self._mates(drop)
        ]
        if any(other and other["state"] == "WAITING" for other in others):
            yield "it and its mate wait for each other"

    def _mates(self, drop) -> list[files.Drop]:
        key = drop.key.replace("_R1_", "_R0_").replace("_R2_", "_R1_").replace("_R0_", "_R2_")
        return [one for one in self._player.drops if one.key == key]

    # -- jobs, messages, and all that lies there --

    def _of_jobs(self) -> Iterator[str]:
        jobs, most = list(self._world.sagemaker.jobs.values()), int(files.SETTINGS["max_jobs"])
        if self._world.sagemaker.most_at_once > most:
            yield f"{self._world.sagemaker.most_at_once} jobs ran at once, and {most} may"
        for job in jobs:
            if job.status in OPEN:
                yield f"{job.name} still runs"
            if not job.shards:
                yield f"{job.name} was started without its manifest"
        known = {record["name"]: record for record in self._records if record["kind"] == moves.JOB}
        for one, other in itertools.combinations(jobs, 2):
            if set(one.shards) & set(other.shards):
                yield from self._share(one, other, known)
        for record in known.values():
            if record["state"] not in moves.ENDS[moves.JOB]:
                yield f"job {record['name']} ends in {record['state']}"
        yield from self._of_members(known)

    @staticmethod
    def _share(one: Job, other: Job, known: dict) -> Iterator[str]:
        """Only what a job that failed did not do may be in a later one, as another attempt."""
        if one.status != "Failed" or set(one.shards) & set(other.shards) & set(one.done):
            yield f"{other.name} does what {one.name} did"
        members = [set(known[job.name]["members"]) if job.name in known else set() for job in (one, other)]
        if members[0] & members[1] or not all(members):
            yield f"{one.name} and {other.name} hold the same attempt"

    def _of_members(self, known: dict) -> Iterator[str]:
        """An attempt is in one job: the one that it names."""
        holders = Counter(member for record in known.values() for member in record["members"])
        for member, count in holders.items():
            if count > 1:
                yield f"{member} is in {count} jobs"
        for name in self._world.sagemaker.jobs:
            if name not in known:
                yield f"{name} runs, and no record tells of it"

    def _of_messages(self) -> Iterator[str]:
        for queue, settings in self._world.queues.settings.items():
            for message in self._world.queues.messages[queue]:
                if settings.dead_letters:
                    yield f"{queue} still has {message.body}"
                elif not all(message.troubles):
                    yield f"{queue} has {message.body}, which failed by itself: {message.troubles}"

    def _of_landing(self) -> Iterator[str]:
        """Only what the lab dropped lies there, and its delete markers."""
        dropped = {(drop.key, drop.version_id) for drop in self._player.drops}
        for key, versions in self._landing.keys.items():
            for version in versions:
                if (key, version.id) not in dropped and not version.marker:
                    yield f"{key} ({version.id}) lies in the landing bucket, and nobody dropped it"

    def _json(self, key: str) -> dict | None:
        body = self._world.s3.read(self._results.name, key)
        return json.loads(body) if body else None


def _record(item: dict) -> dict:
    found = {name: plain(value) for name, value in item.items()}
    return found | {name: int(found[name]) for name in ("number", "revision") if name in found}
