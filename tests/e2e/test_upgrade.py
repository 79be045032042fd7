"""This version deployed over an earlier one, in the midst of a lab's work: all goes on, and nothing is done twice.

Whoever changes a record of the ledger, a message or a key of a bucket extends tests/e2e/upgrade/ by what the change is
about. `python -m tests.e2e.upgrade.golden` keeps what the earlier version has stored.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections import Counter
from types import SimpleNamespace

import pyarrow.parquet
import pytest

from local.embedded import EmbeddedAws, JobLimits
from tests.e2e.conftest import subscribed
from tests.e2e.upgrade import after, jobs, situation, trees
from tests.e2e.upgrade.after import ENDS, SAME, SETS
from tests.e2e.upgrade.lab import QUOTA, Lab
from tests.e2e.upgrade.situation import ENDED

pytestmark = pytest.mark.long  # two stacks are built, and some thirty jobs run

# What a deploy, or the pushes that follow it, may write anew; and the model that a training makes the current one.
MOVED = {
    f"{place}/current.json" for place in ("processing", "training/protein", "training/dnabert", "models/structure")
}


@pytest.fixture(scope="module")
def upgraded(repository, tmp_path_factory):
    """A lab before the deploy, right after it, and when all has ended."""
    deployed = trees.deployed_tree(repository, tmp_path_factory.mktemp("deployed"))
    present = trees.present_tree(repository, tmp_path_factory.mktemp("present"))
    with EmbeddedAws(tmp_path_factory.mktemp("lab"), warm=True, limits=JobLimits(transform=QUOTA)) as aws:
        here = situation.make(aws, deployed)
        lab = here.lab
        mails = subscribed(aws, lab.stack.topic, "lab-mails")
        before = seen(lab)
        code = after.upgrade(here, present)
        deployed_over, status = seen(lab), lab.seqdrop("status")
        after.go_on(here, deployed, code)
        yield SimpleNamespace(lab=lab, before=before, deployed_over=deployed_over, status=status, mails=mails)


def seen(lab: Lab) -> SimpleNamespace:
    """What a lab can see of its stack."""
    buckets = {name: lab.objects(getattr(lab.stack, name)) for name in ("landing", "work", "results", "archive")}
    standing = {name: lab.standing(name) for name in lab.uploads}
    return SimpleNamespace(buckets=buckets, standing=standing, pointers=pointers(lab))


@pytest.fixture
def lab(upgraded) -> Lab:
    return upgraded.lab


def test_the_deploy_alone_changes_nothing_that_is_stored(upgraded):
    assert upgraded.deployed_over.buckets == upgraded.before.buckets
    assert upgraded.deployed_over.standing == upgraded.before.standing


def test_the_command_of_this_version_shows_what_the_earlier_one_has_left(upgraded):
    recorded = [name for name, standing in upgraded.before.standing.items() if standing != ("",)]
    assert len(recorded) > 40
    assert [name for name in recorded if upgraded.lab.uploads[name].id not in upgraded.status] == []


def test_every_upload_ends_as_it_should(lab):
    assert {name: lab.standing(name) for name in lab.uploads} == ENDS


def test_raw_data_are_archived_with_proof_and_leave_the_landing_bucket(lab):
    for name, standing in ENDS.items():
        if standing[0] != "ARCHIVED":
            continue
        digest = hashlib.sha256(lab.bodies[name]).hexdigest()
        receipt = lab.read_json(f"receipts/{lab.uploads[name].id}.json")
        assert (receipt["upload"], receipt["landing"]["sha256"]) == (lab.uploads[name].id, digest), name
        copy = lab.s3.head_object(Bucket=lab.stack.archive, Key=receipt["archive"]["key"], ChecksumMode="ENABLED")
        assert base64.b64decode(copy["ChecksumSHA256"]).hex() == digest, name
    assert list(lab.objects(lab.stack.landing)) == [lab.uploads["broken"].key]
    assert len(lab.objects(lab.stack.archive)) == sum(standing[0] == "ARCHIVED" for standing in ENDS.values())


@pytest.mark.parametrize("name", SAME)
def test_the_same_is_predicted_as_before(lab, name):
    found, expected = predicted(lab, name, -1), predicted(lab, SAME[name], 0)
    assert found.keys() == expected.keys()
    assert found
    for file, rows in found.items():
        assert len(rows) == len(expected[file]) > 0
        for row, other in zip(rows, expected[file], strict=True):
            assert {key: pytest.approx(value, abs=1e-3) for key, value in other.items()} == row, file


def test_what_is_archived_is_predicted_again_by_the_model_that_a_training_made_after_the_upgrade(lab):
    models = [lab.read_json(results(lab, "proteins", one) + "summary.json")["model"] for one in (0, 1)]
    assert models[1]["sha256"] == lab.read_json("models/structure/current.json")["current"]["digest"]
    assert models[0]["sha256"] == lab.read_json("models/structure/current.json")["history"][0]["digest"]


def predicted(lab: Lab, name: str, attempt: int) -> dict[str, list[dict]]:
    """The tables of an upload's attempt, counted from the first or from the last."""
    prefix = results(lab, name, attempt)
    keys = [key for key in lab.objects(lab.stack.results, prefix) if key.endswith(".parquet")]
    found = {key.removeprefix(prefix): table(lab.read(lab.stack.results, key)) for key in keys}
    return {file: rows for file, rows in found.items() if "/" not in file}


def results(lab: Lab, name: str, attempt: int) -> str:
    """The prefix of what came of an attempt."""
    one = lab.ledger.attempts(lab.uploads[name].id)[attempt]
    return f"results/{one.analysis}/{one.upload_id}/" + (f"attempt-{one.number}/" if one.number > 1 else "")


def table(body: bytes) -> list[dict]:
    return pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()


def test_no_job_is_started_twice(lab):
    noted = jobs.of_ledger(lab)
    members = Counter(member for job in noted for member in job.members)
    attempts = {one.key for version in lab.uploads.values() for one in lab.ledger.attempts(version.id)}
    assert members == Counter(attempts)
    examined = ("large", "held large", "early large")
    assert sorted(job.upload for job in noted if job.task == "examine") == sorted(
        lab.uploads[one].id for one in examined
    )
    here = [name for kind in jobs.FOLDERS for name in jobs.of_service(lab.aws, kind)]
    assert sorted(here) == sorted(job.name for job in noted)


def test_what_was_there_before_is_as_it_was(upgraded):
    """Not written again: results, receipts, reasons, models, copies; and reports, unless more came to them."""
    lab = upgraded.lab
    going_on = {version.id for name, version in lab.uploads.items() if name not in ENDED or name == "raw r1"}
    for bucket in ("results", "archive"):
        now, then = lab.objects(getattr(lab.stack, bucket)), upgraded.before.buckets[bucket]
        changed = {key for key in then if now.get(key) != then[key]} - MOVED
        assert {key for key in changed if not (key.startswith("reports/") and key[8:34] in going_on)} == set()


def test_the_earlier_versions_of_a_model_are_kept(upgraded):
    lab, before = upgraded.lab, upgraded.before.pointers
    now = pointers(lab)
    assert {name: now[name] for name in now if name != "structure"} == {
        name: before[name] for name in before if name != "structure"
    } | {"made-up": now["made-up"]}
    versions = [now["structure"]["current"], *now["structure"]["history"]]
    assert versions[1:] == [before["structure"]["current"], *before["structure"]["history"]]
    assert "-held-" in versions[0]["version"]


def pointers(lab: Lab) -> dict[str, dict]:
    """What models/NAME/current.json says of each model."""
    keys = [key for key in lab.objects(lab.stack.results, "models/") if key.endswith("/current.json")]
    return {key.split("/")[1]: lab.read_json(key) for key in keys}


def test_the_gate_compares_with_what_the_earlier_version_has_trained(upgraded):
    lab, before = upgraded.lab, upgraded.before.pointers["structure"]["current"]
    summary = lab.read_json(f"results/training/{lab.uploads['held job.toml'].id}/summary.json")
    assert f"that of the current model is {before['figure']:.4f}" in summary["why"]
    assert summary["card"]["figure"] == pytest.approx(before["figure"])
    assert summary["current"] is True


def test_a_file_is_reported_alike_whichever_version_has_examined_it(lab):
    told = [lab.read_json(f"reports/{lab.uploads[name].id}.json") for name in ("large", "held large", "early large")]
    for report in told:
        for own in ("upload", "key", "version_id", "created_at"):
            report.pop(own, None)
    assert told[0] == told[1] == told[2]


def test_mates_that_came_later_were_checked_against_the_earlier_ones(lab):
    for pair in (("lone r1", "lone r2"), ("raw r1", "raw r2"), ("split r1", "split r2")):
        for one, other in (pair, reversed(pair)):
            mate = lab.read_json(f"reports/{lab.uploads[one].id}.json")["mate"]
            assert (mate["upload"], mate["checked"]) == (lab.uploads[other].id, True)


def test_the_lab_is_told_of_nothing_but_models(upgraded):
    """Of each perhaps twice, where a message came twice."""
    subjects = {mail["Subject"] for mail in upgraded.mails.all()}
    assert {" ".join(subject.split()[3:]) for subject in subjects} == {"is now the current model"}
    models = sorted(subject.split()[1] for subject in subjects)
    assert models == sorted(["structure"] + ["made-up"] * (len(SETS) - 1))


def test_nothing_is_left_to_mend(lab):
    assert set(lab.reconcile().values()) == {0}
    assert lab.messages() == dict.fromkeys(lab.queues(), 0)
