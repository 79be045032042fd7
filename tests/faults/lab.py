"""Perform the acts of a schedule: drops, deletions, new models, acts on running jobs, and a person's commands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.ledger import moves
from seqdrop.uploads import upload_id

from tests.faults import schedule as s
from tests.faults.bus import job_changed
from tests.faults.files import MODELS, point_to
from tests.faults.operators import CANCEL, COMMANDS, FORGETS, LATE, RELEASE, REPLAY, RESTORES, Command, make_command
from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from tests.faults.evidence import Drop
    from tests.faults.families import Family
    from tests.faults.world import World
    from tests.support.aws.sagemaker import Job

LONG = max(s.WAITS)
MAX_TRIES = 4  # of a command that crashes


class Lab:
    """The acts of a lab.

    `drops` are the files that it dropped. `deleted` are the versions that it deleted again, and `covered` those that
    were under a delete marker at some time, as (key, version id). `commands` are the commands that have ended or
    crashed.
    """

    def __init__(self, world: World, family: Family):
        self._world, self._family = world, family
        self.drops: list[Drop] = []
        self.deleted: set[tuple[str, str]] = set()
        self.covered: set[tuple[str, str]] = set()
        self.commands: list[Command] = []
        self.lost_copies: set[tuple[str, bytes]] = set()  # landing key and body
        self._copy_acts: list[tuple[str, int]] = []
        self._job_acts: list[tuple[str, int]] = []
        self._requests: list[tuple[str, int]] = []  # commands for which there was no upload yet: (act, number)
        self._crashed: list[Command] = []
        self._model = 0
        point_to(world, MODELS[0])

    def perform(self, act: str, number: int) -> None:
        if act.startswith(s.DROPS):
            kind = act.removeprefix(s.DROPS)
            self.drops.append(self._family.drop(self._world, kind, number, len(self.drops)))
        elif act in (s.DELETE, s.COVER):
            self._delete(act, number)
        elif act in (s.DELETE_COPY, s.COVER_COPY):
            self._copy_acts.append((act, number))
        elif act == s.POINT:
            self._model += 1
            point_to(self._world, MODELS[self._model % len(MODELS)])
        elif act == s.WAIT:
            self._wait(s.WAITS[number % len(s.WAITS)])
        elif act in COMMANDS:
            self._requests.append((act, number))
        elif not self._world.perform(act):
            self._job_acts.append((act, number))

    def _wait(self, seconds: float) -> None:
        self._world.clock.advance(seconds)
        self._world.run()

    def _delete(self, act: str, number: int) -> None:
        """Delete a version, or put a delete marker over its key, which covers all its versions."""
        if not self.drops:
            return
        drop, landing = self.drops[number % len(self.drops)], self._world.name("landing")
        bucket = self._world.s3.buckets[landing]
        if act == s.DELETE and bucket.version(drop.key, drop.version_id):
            self.deleted.add((drop.key, drop.version_id))
            self._world.s3.delete(landing, drop.key, drop.version_id)
        elif act == s.COVER and bucket.current(drop.key):
            self.covered |= {(drop.key, version.id) for version in bucket.keys[drop.key]}
            self._world.s3.delete(landing, drop.key)
        self._world.landing_changed()

    # -- acts on copies: they are delayed until no function is in the middle of its work --

    def perform_on_copies(self) -> None:
        """Delete copies, or cover them. No function can look at a copy and delete its original at the same moment."""
        archive = self._world.s3.buckets[self._world.name("archive")]
        while self._copy_acts and (keys := sorted(key for key in archive.keys if archive.current(key))):
            act, number = self._copy_acts.pop(0)
            copy = archive.current(keys[number % len(keys)])
            folder, _, name = copy.key.rsplit("/", 2)
            self.lost_copies.add((f"{folder}/{name}", copy.body))
            self._world.s3.delete(archive.name, copy.key, copy.id if act == s.DELETE_COPY else None)

    # -- acts on a running job: they are delayed until a job runs --

    def perform_on_jobs(self) -> None:
        while self._job_acts and (running := [job for job in self._world.sagemaker.jobs.values() if _runs(job)]):
            act, number = self._job_acts.pop(0)
            self._perform_on_job(act, running[number % len(running)])

    def _perform_on_job(self, act: str, job: Job) -> None:
        if act == s.STOP:
            self._world.sagemaker.stop(job.name)
        else:
            self._world.announce(job_changed(replace(job, status="Completed")))

    # -- commands: they are delayed until there is an upload for them --

    def next_command(self) -> Command | None:
        """Return a repetition of a command that crashed, or else a requested command that has uploads; else None."""
        if self._crashed:
            crashed = self._crashed.pop(0)
            return make_command(crashed.folder, crashed.upload_ids)
        for place, (act, number) in enumerate(self._requests):
            if upload_ids := self._select(act, number):
                self._requests.pop(place)
                if act == LATE:
                    self._wait(LONG)
                return make_command(REPLAY if act == LATE else act, upload_ids)
        return None

    def record_end(self, command: Command) -> None:
        self.commands.append(command)
        tries = sum((other.folder, other.upload_ids) == (command.folder, command.upload_ids) for other in self.commands)
        if command.unsure and tries < MAX_TRIES:
            self._crashed.append(command)

    def _select(self, act: str, number: int) -> tuple[str, ...]:
        """Return the ids of uploads that a person would name in a command; none if no upload fits.

        This is an upload whose attempt failed; for a replay with an odd number it may be an archived upload instead. A
        release with an odd number names all uploads of one folder whose attempt failed.
        """
        (failed, ended), known = self._last_attempts(), self._uploads
        if act in (*RESTORES, *FORGETS):  # an even number names all that are in the state, an odd one of them
            state = "FORGETTING" if act == CANCEL else "ARCHIVED"
            fitting = [id_ for id_ in self._ids if known.get(id_, {}).get("state") == state]
            return tuple(fitting if number % 2 == 0 else fitting[number // 2 :][:1])
        uploads = {upload_id: known[upload_id] for upload_id in self._ids if upload_id in known}
        stay = [id_ for id_, upload in uploads.items() if upload["state"] == "VALIDATED" and _head(upload) in failed]
        own = [upload_id for upload_id in stay if upload_id in failed]
        archived = [upload_id for upload_id in ended if uploads.get(upload_id, {}).get("state") == "ARCHIVED"]
        several = number % 2 == 1
        fitting = stay if act == RELEASE else own + archived if several and act != LATE else own
        if not fitting:
            return ()
        chosen = fitting[number // 2 % len(fitting)]
        beside = [upload_id for upload_id in stay if _folder(uploads[upload_id]) == _folder(uploads[chosen])]
        return tuple(beside) if act == RELEASE and several else (chosen,)

    def _last_attempts(self) -> tuple[set[str], list[str]]:
        """Return the ids of uploads whose last attempt failed, and of all uploads whose last attempt has ended."""
        last: dict[str, dict] = {}
        for attempt in self._records(moves.ATTEMPT):
            if attempt["number"] >= last.get(attempt["upload_id"], attempt)["number"]:
                last[attempt["upload_id"]] = attempt
        ended = [
            upload_id
            for upload_id in self._ids
            if upload_id in last and last[upload_id]["state"] in moves.ENDS[moves.ATTEMPT]
        ]
        return {upload_id for upload_id in ended if last[upload_id]["state"] == "FAILED"}, ended

    @property
    def _uploads(self) -> dict[str, dict]:
        return {record["id"]: record for record in self._records(moves.UPLOAD)}

    def _records(self, kind: str) -> list[dict]:
        items = [item for item in self._world.table.items.values() if item.get("kind") == {"S": kind}]
        return [{name: to_python(value) for name, value in item.items()} for item in items]

    @property
    def _ids(self) -> list[str]:
        return [upload_id(self._world.name("landing"), drop.key, drop.version_id) for drop in self.drops]


def _runs(job: Job) -> bool:
    return job.status == "InProgress"


def _head(upload: dict) -> str:
    """Return the id of the upload whose attempts decide on this one: that to which it belongs, or itself."""
    return (upload.get("training") or upload.get("masks_of") or upload["id"]).partition("-")[0]


def _folder(upload: dict) -> str:
    return upload["key"].rpartition("/")[0]
