"""A training set is a revision: whatever the order of its files, no training uses a file of an earlier one unasked."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.ledger.table import Ledger
from seqdrop.stages.assemble.policies import policy_of
from seqdrop.stages.operator.replay import plan_replay, replay
from seqdrop.stages.outcomes import fail_training
from seqdrop.stages.validate.validate import validate

from local.proteins import encode_data_set, make_proteins
from tests.support.examples import share
from tests.unit.stages.world import PausingWorld

if TYPE_CHECKING:
    from seqdrop.ledger.records import Attempt
    from seqdrop.uploads import UploadVersion

JOB = b"""
model = "cnn"
[data]
format = "flip"
sequences = "sequences.fasta"
labels = "sampled.fasta"
mask = "mask.fasta"
[instance]
type = "ml.m5.xlarge"
"""
REVISIONS = [
    encode_data_set(make_proteins(random.Random(seed), {"train": 6, "validation": 2, "test": 2}), JOB.decode())
    for seed in (1, 2)
]
NAMES = sorted(REVISIONS[0])
DATA = [name for name in NAMES if name != "job.toml"]
ENDS = ("PLANNED", "TRAINED", "FAILED", "ARCHIVED")  # of the first training, when the second set arrives


def reusing(version: UploadVersion) -> bytes:
    return f'reuse = "{version.id}"\n'.encode() + JOB


class Folder(PausingWorld):
    """The folder training/x/. `newest` maps each name to the version that was uploaded last."""

    def __init__(self):
        super().__init__()
        self.newest: dict[str, UploadVersion] = {}

    def put(self, name: str, body: bytes | None = None, revision: int = 1) -> UploadVersion:
        self.newest[name] = self.drop(f"training/x/{name}", REVISIONS[revision][name] if body is None else body)
        return self.newest[name]

    def take(self, name: str, body: bytes | None = None, revision: int = 1) -> UploadVersion:
        version = self.put(name, body, revision)
        validate(self.services, version)
        return version

    def train_first(self, end: str) -> dict[str, UploadVersion]:
        """Drop the first revision, and bring its training to an end."""
        versions = {name: self.take(name, revision=0) for name in NAMES}
        attempt = self.attempt(versions["job.toml"])
        if end == "FAILED":
            fail_training(self.services, attempt, "it broke")
        elif end != "PLANNED":
            self.ledger.move(attempt, "SUBMITTED", job="job")
            self.ledger.move(self.ledger.require_attempt(attempt.key), "TRAINED")
        if end == "ARCHIVED":
            for version in versions.values():
                self.ledger.move(self.upload(version), "ARCHIVED")
                self.delete(version)
        self.sent.clear()
        return versions

    def attempt(self, head: UploadVersion) -> Attempt:
        (attempt,) = self.ledger.attempts(head.id)
        return attempt

    def files(self, head: UploadVersion) -> dict[str, str]:
        """Return the data files of the training of a job.toml; none without a training."""
        attempts = self.ledger.attempts(head.id)
        return json.loads(attempts[-1].plan)["files"] if attempts else {}

    def explain(self, version: UploadVersion) -> str:
        """Return what mails and `seqdrop drop --watch` say about a file that waits."""
        awaited = policy_of(self.services.analyses, self.upload(version)).awaits(
            self.ledger, self.services.analyses, self.upload(version)
        )
        return "\n".join((awaited.detail, *awaited.hints))


def ids(versions: dict[str, UploadVersion]) -> dict[str, str]:
    return {name: version.id for name, version in versions.items() if name != "job.toml"}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("order", [NAMES, NAMES[::-1], [*DATA, "job.toml"], [DATA[1], "job.toml", DATA[0], DATA[2]]])
def test_a_changed_set_is_trained_on_its_own_files(end, order):
    folder = Folder()
    first = folder.train_first(end)
    second = {name: folder.take(name) for name in order}
    assert folder.files(first["job.toml"]) == ids(first)
    assert folder.files(second["job.toml"]) == ids(second)
    assert {folder.upload(second[name]).training for name in DATA} == {folder.attempt(second["job.toml"]).key}


@pytest.mark.parametrize("end", ENDS)
def test_a_job_toml_alone_waits_and_says_what_to_do(end):
    folder = Folder()
    first = folder.train_first(end)
    alone = folder.take("job.toml")
    assert folder.states(alone) == ["WAITING"]
    assert folder.ledger.attempts(alone.id) == []
    text = folder.explain(alone)
    assert "in training/x/, sequences.fasta and sampled.fasta and mask.fasta are missing" in text
    assert "those that an earlier training used are not used again" in text
    assert f'drop job.toml again:\n  reuse = "{first["job.toml"].id}"' in text
    named = folder.take("job.toml", reusing(first["job.toml"]))
    assert folder.upload(alone).reason == "superseded"
    assert folder.files(named) == ids(first)


def test_a_file_that_waits_names_what_is_missing():
    folder = Folder()
    mask = folder.take("mask.fasta")
    assert "in training/x/, job.toml is missing" in folder.explain(mask)
    job = folder.take("job.toml")
    for version in (mask, job):
        assert "sequences.fasta and sampled.fasta are missing" in folder.explain(version)
        assert "reuse" not in folder.explain(version)
    folder.take("sequences.fasta")
    assert "in training/x/, sampled.fasta is missing" in folder.explain(mask)


@pytest.mark.parametrize("changed", DATA)
def test_one_changed_file_is_not_mixed_with_earlier_files(changed):
    folder = Folder()
    folder.train_first("ARCHIVED")
    versions = [folder.take(name) for name in (changed, "job.toml")]
    assert folder.states(*versions) == ["WAITING", "WAITING"]


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_newer_version_whose_event_is_late_is_waited_for(name):
    """The events of S3 have no order: job.toml or a data file may be known in an old version only."""
    folder = Folder()
    for other in NAMES[:-1]:
        folder.take(other, revision=0)
    late = folder.put(name, revision=0)
    last = folder.take(NAMES[-1], revision=0)
    assert folder.states(last) == ["WAITING"]
    assert f"{name} is missing" in folder.explain(last)
    validate(folder.services, late)
    assert folder.files(folder.newest["job.toml"]) == ids(folder.newest)


def test_a_late_older_version_is_not_new():
    folder = Folder()
    old = folder.put("mask.fasta", revision=0)
    for name in NAMES:
        folder.take(name)
    validate(folder.services, old)
    assert folder.upload(old).reason == "superseded"
    assert folder.states(folder.take("job.toml")) == ["WAITING"]


def test_a_rejected_job_toml_is_corrected_and_not_replaced_by_an_older_one():
    folder = Folder()
    old = folder.take("job.toml", revision=0)
    folder.take("job.toml", b'model = "cnm"\n')
    data = [folder.take(name) for name in DATA]
    assert folder.states(old, *data) == ["WAITING"] * 4
    corrected = folder.take("job.toml")
    assert (folder.files(corrected), folder.upload(old).reason) == (ids(folder.newest), "superseded")


class TestReuse:
    @pytest.mark.parametrize("end", ENDS)
    def test_it_names_the_files_of_an_earlier_training(self, end):
        folder = Folder()
        first = folder.train_first(end)
        again = folder.take("job.toml", reusing(first["job.toml"]))
        assert folder.files(again) == ids(first)
        assert folder.attempt(again).state == "PLANNED"

    def test_it_names_any_earlier_training_and_not_only_the_last(self):
        folder = Folder()
        first = folder.train_first("ARCHIVED")
        for name in NAMES:
            folder.take(name)
        third = folder.take("job.toml", reusing(first["job.toml"]))
        assert folder.files(third) == ids(first)

    def test_it_may_name_a_training_that_reused_files_itself(self):
        folder = Folder()
        first = folder.train_first("FAILED")
        heads = [first["job.toml"]]
        for _ in range(3):
            heads.append(folder.take("job.toml", reusing(heads[-1])))
            assert folder.files(heads[-1]) == ids(first)
            fail_training(folder.services, folder.attempt(heads[-1]), "it broke")
        last = folder.attempt(heads[-1]).key
        assert {folder.upload(head).training for head in heads[:-1]} == {last}, "all are archived with the last"
        assert {folder.upload(first[name]).training for name in DATA} == {last}

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b'reuse = "AAAAAAAAAAAAAAAAAAAAAAAAAA"\n' + JOB, "no training in training/x/ has this upload id"),
            (b'reuse = "yesterday"\n' + JOB, 'reuse is "yesterday"; it must be the upload id of the job.toml'),
            (b"reuse = true\n" + JOB, "reuse is true; it must be the upload id of the job.toml"),
        ],
    )
    def test_a_wrong_name_is_rejected_in_words(self, body, message):
        folder = Folder()
        folder.train_first("ARCHIVED")
        head = folder.take("job.toml", body)
        assert (folder.upload(head).state, folder.upload(head).reason) == ("REJECTED", "bad_job")
        assert message in folder.read_json("reasons", head)["message"]
        assert len(folder.mails) == 1

    def test_a_data_file_is_not_a_training(self):
        folder = Folder()
        first = folder.train_first("ARCHIVED")
        head = folder.take("job.toml", reusing(first["mask.fasta"]))
        assert "no training in training/x/" in folder.read_json("reasons", head)["message"]

    def test_a_training_of_another_folder_is_not_named(self):
        folder = Folder()
        first = folder.train_first("ARCHIVED")
        head = folder.drop("training/y/job.toml", reusing(first["job.toml"]))
        validate(folder.services, head)
        assert "no training in training/y/ has this upload id" in folder.read_json("reasons", head)["message"]

    def test_a_file_that_the_training_did_not_use_is_named(self):
        folder = Folder()
        first = folder.train_first("ARCHIVED")
        body = reusing(first["job.toml"]).replace(b"mask.fasta", b"mask2.fasta")
        reason = folder.read_json("reasons", folder.take("job.toml", body))
        assert "[data] names mask2.fasta" in reason["message"]

    def test_new_files_beside_it_are_a_contradiction(self):
        folder = Folder()
        first = folder.train_first("ARCHIVED")
        mask = folder.take("mask.fasta")
        head = folder.take("job.toml", reusing(first["job.toml"]))
        reason = folder.read_json("reasons", head)
        assert (reason["code"], "mask.fasta in the folder is new" in reason["message"]) == ("bad_job", True)
        assert folder.states(mask, head) == ["WAITING", "REJECTED"]

    def test_deleted_files_are_reported(self):
        folder = Folder()
        first = folder.train_first("FAILED")
        folder.ledger.move(folder.upload(first["mask.fasta"]), "WITHDRAWN", reason="deleted")
        head = folder.take("job.toml", reusing(first["job.toml"]))
        assert folder.upload(head).reason == "data_archived"
        assert "mask.fasta" in folder.read_json("reasons", head)["message"]


def test_a_replay_trains_on_the_files_of_its_own_set():
    folder = Folder()
    first = folder.train_first("FAILED")
    folder.take("mask.fasta")
    waiting = folder.take("job.toml")
    assert replay(folder.services, plan_replay(folder.services, folder.upload(first["job.toml"])))
    assert folder.files(first["job.toml"]) == ids(first)
    assert folder.states(waiting) == ["WAITING"]


class CrashError(BaseException):
    """The end of an invocation at some write to the ledger."""


class Crashes:
    """Lets some writes to the ledger crash, before or after they are carried out."""

    def __init__(self, plan: dict[int, str]):
        self.plan, self.count = plan, 0
        self._transact = Ledger._transact

    def __enter__(self):
        def transact(ledger, writes):
            self.count += 1
            act = self.plan.get(self.count)
            if act == "before":
                raise CrashError
            done = self._transact(ledger, writes)
            if act == "after":
                raise CrashError
            return done

        Ledger._transact = transact
        return self

    def __exit__(self, *_):
        Ledger._transact = self._transact


def deliver(folder: Folder, version: UploadVersion) -> None:
    with suppress(CrashError):
        validate(folder.services, version)


@settings(deadline=None, max_examples=share(120))
@given(st.data())
def test_all_orders_of_uploads_and_events_with_crashes(data):
    """Each training uses the newest files of the folder at that moment, and no data file is used twice."""
    folder = Folder()
    end = data.draw(st.sampled_from(ENDS))
    first = folder.train_first(end)
    to_upload, uploaded = data.draw(st.permutations(NAMES)), []
    crashes = data.draw(st.dictionaries(st.integers(1, 16), st.sampled_from(["before", "after"]), max_size=4))
    second: dict[str, UploadVersion] = {}
    with Crashes(crashes):
        while to_upload or uploaded:
            acts = ["upload"] * bool(to_upload) + ["deliver", "deliver twice"] * bool(uploaded)
            act = data.draw(st.sampled_from(acts))
            if act == "upload":
                name = to_upload.pop(0)
                second[name] = folder.put(name)
                uploaded.append(second[name])
            else:
                version = data.draw(st.sampled_from(uploaded))
                deliver(folder, version)
                if act == "deliver":
                    uploaded.remove(version)
            if len(second) < len(NAMES):
                assert "job.toml" not in second or folder.files(second["job.toml"]) == {}
    for version in second.values():  # the message of a crashed invocation is delivered again
        validate(folder.services, version)
    assert folder.files(first["job.toml"]) == ids(first)
    assert folder.files(second["job.toml"]) == ids(second)
    assert len(folder.ledger.attempts(second["job.toml"].id)) == 1
    assert set(folder.states(*second.values())) == {"VALIDATED"}


@settings(deadline=None, max_examples=share(60))
@given(st.data())
def test_simultaneous_validations_of_a_changed_set(data):
    folder = Folder()
    first = folder.train_first(data.draw(st.sampled_from(ENDS)))
    second = {name: folder.put(name) for name in data.draw(st.permutations(NAMES))}
    jobs = [partial(validate, folder.services, version) for version in [*second.values(), second["job.toml"]]]
    folder.take_turns(jobs, lambda alive: data.draw(st.sampled_from(alive)))
    assert folder.files(second["job.toml"]) == ids(second)
    assert folder.files(first["job.toml"]) == ids(first)


@settings(deadline=None, max_examples=share(60))
@given(st.data())
def test_versions_that_follow_one_another_quickly(data):
    """With several versions of each file on their way, each training uses the newest ones and each file once."""
    folder = Folder()
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=4, max_size=10))
    on_their_way, heads = [], []
    for number, name in enumerate(names):
        on_their_way.append(folder.put(name, revision=0))  # equal contents: each combination is valid
        heads += [on_their_way[-1]] if name == "job.toml" else []
        for _ in range(data.draw(st.integers(0, 2)) if number < len(names) - 1 else 20):
            if on_their_way:
                version = on_their_way.pop(data.draw(st.integers(0, len(on_their_way) - 1)))
                before = {head.id for head in heads if folder.files(head)}
                validate(folder.services, version)
                for head in heads:
                    if head.id not in before and folder.files(head):
                        assert (head, folder.files(head)) == (folder.newest["job.toml"], ids(folder.newest))
    used = [file for head in heads for file in folder.files(head).values()]
    assert len(used) == len(set(used))
