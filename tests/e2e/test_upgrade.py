"""This version is deployed over an earlier one while a lab works: all work is completed, and nothing is done twice.

If you change a record of the ledger, a message or a key of a bucket, extend tests/e2e/upgrade/ to cover the change.
`python -m tests.e2e.upgrade.golden` saves what the earlier version stores.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections import Counter
from types import SimpleNamespace

import pyarrow.parquet
import pytest
from seqdrop.aws import keys
from seqdrop.stages.migration import POSITION
from seqdrop.stages.reconcile.endings import ENDINGS
from seqdrop.stages.reconcile.gauges import GAUGES

from local.embedded import EmbeddedAws, JobLimits
from local.testing import wait_for
from tests.e2e.conftest import subscribe
from tests.e2e.upgrade import after, jobs, optional, situation, trees
from tests.e2e.upgrade.after import ENDS, OPENED, SAME, SETS
from tests.e2e.upgrade.lab import PATIENCE, QUOTA, Lab
from tests.e2e.upgrade.situation import ENDED

ALARMS = {"ReconcilerStoppedAlarm": "this version makes it, and the reconciler had not run before"}
"""Why an alarm may ring in this lab, by its name."""

pytestmark = pytest.mark.long  # builds two stacks, and runs about thirty jobs


@pytest.fixture(scope="module")
def upgraded(repository, tmp_path_factory):
    """A lab with snapshots before and directly after the deploy, whose work has then been finished."""
    deployed = trees.extract_deployed_tree(repository, tmp_path_factory.mktemp("deployed"))
    present = trees.copy_present_tree(repository, tmp_path_factory.mktemp("present"))
    with EmbeddedAws(tmp_path_factory.mktemp("lab"), warm=True, limits=JobLimits(transform=QUOTA)) as aws:
        busy = situation.create(aws, deployed)
        lab = busy.lab
        mails = subscribe(aws, lab.stack.topic, "lab-mails")
        before = take_snapshot(lab)
        code = after.upgrade(busy, present)
        after_deploy, status = take_snapshot(lab), lab.seqdrop("status")
        after.finish_work(busy, deployed, code)
        yield SimpleNamespace(lab=lab, before=before, after_deploy=after_deploy, status=status, mails=mails)


def take_snapshot(lab: Lab) -> SimpleNamespace:
    """Return the state of a stack that a lab can see."""
    buckets = {name: lab.list_objects(getattr(lab.stack, name)) for name in ("landing", "work", "results", "archive")}
    states = {name: lab.read_states(name) for name in lab.uploads}
    return SimpleNamespace(buckets=buckets, states=states, pointers=read_pointers(lab))


@pytest.fixture
def lab(upgraded) -> Lab:
    return upgraded.lab


def test_the_deploy_alone_changes_nothing_that_is_stored(upgraded):
    assert upgraded.after_deploy.buckets == upgraded.before.buckets
    assert upgraded.after_deploy.states == upgraded.before.states


def test_the_command_of_this_version_shows_the_uploads_of_the_earlier_one(upgraded):
    recorded = [name for name, states in upgraded.before.states.items() if states != ("",)]
    assert len(recorded) > 40
    assert [name for name in recorded if upgraded.lab.uploads[name].id not in upgraded.status] == []


def test_every_upload_reaches_its_final_state(lab):
    assert {name: lab.read_states(name) for name in lab.uploads} == ENDS


def test_raw_data_is_archived_with_receipts_and_deleted_from_landing(lab):
    for name, states in ENDS.items():
        if states[0] != "ARCHIVED":
            continue
        digest = hashlib.sha256(lab.bodies[name]).hexdigest()
        receipt = lab.read_json(f"receipts/{lab.uploads[name].id}.json")
        assert (receipt["upload"], receipt["landing"]["sha256"]) == (lab.uploads[name].id, digest), name
        copy = lab.s3.head_object(Bucket=lab.stack.archive, Key=receipt["archive"]["key"], ChecksumMode="ENABLED")
        assert base64.b64decode(copy["ChecksumSHA256"]).hex() == digest, name
    assert list(lab.list_objects(lab.stack.landing)) == [lab.uploads["broken"].key]
    assert len(lab.list_objects(lab.stack.archive)) == sum(states[0] == "ARCHIVED" for states in ENDS.values())


@pytest.mark.parametrize("name", SAME)
def test_predictions_are_the_same_as_before(lab, name):
    tables, expected = read_predictions(lab, name, -1), read_predictions(lab, SAME[name], 0)
    assert tables.keys() == expected.keys()
    assert tables
    for file, rows in tables.items():
        assert len(rows) == len(expected[file]) > 0
        for row, other in zip(rows, expected[file], strict=True):
            assert {key: pytest.approx(value, abs=1e-3) for key, value in other.items()} == row, file


def test_an_archived_upload_is_predicted_again_by_a_model_trained_after_the_upgrade(lab):
    models = [
        lab.read_json(find_results_prefix(lab, "proteins", number) + "summary.json")["model"] for number in (0, 1)
    ]
    assert models[1]["sha256"] == lab.read_model_json("models/structure/current.json")["current"]["digest"]
    assert models[0]["sha256"] == lab.read_model_json("models/structure/current.json")["history"][0]["digest"]


def read_predictions(lab: Lab, name: str, attempt: int) -> dict[str, list[dict]]:
    """Return the tables of an upload's attempt by file name; a negative `attempt` counts from the last."""
    prefix = find_results_prefix(lab, name, attempt)
    keys = [key for key in lab.list_objects(lab.stack.results, prefix) if key.endswith(".parquet")]
    tables = {key.removeprefix(prefix): read_table(lab.read(lab.stack.results, key)) for key in keys}
    return {file: rows for file, rows in tables.items() if "/" not in file}


def find_results_prefix(lab: Lab, name: str, index: int) -> str:
    """Return the prefix of an attempt's results; a negative index counts from the last attempt."""
    attempt = lab.ledger.attempts(lab.uploads[name].id)[index]
    folder = f"attempt-{attempt.number}/" if attempt.number > 1 else ""
    return f"results/{attempt.analysis}/{attempt.upload_id}/{folder}"


def read_table(body: bytes) -> list[dict]:
    return pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()


def test_no_job_is_started_twice(lab):
    recorded = jobs.list_ledger_jobs(lab)
    members = Counter(member for job in recorded for member in job.members)
    attempts = {attempt.key for version in lab.uploads.values() for attempt in lab.ledger.attempts(version.id)}
    assert members == Counter(attempts)
    examined = ("large", "paused large", "early large")
    assert sorted(job.upload for job in recorded if job.task == "examine") == sorted(
        lab.uploads[name].id for name in examined
    )
    started = [name for kind in jobs.FOLDERS for name in jobs.list_jobs(lab.aws, kind)]
    assert sorted(started) == sorted(job.name for job in recorded)


def test_existing_objects_are_not_changed(upgraded):
    """Results, receipts, reasons, models and copies are not written again; reports only if a mate was added to them."""
    lab = upgraded.lab
    unfinished = {version.id for name, version in lab.uploads.items() if name not in ENDED or name == "raw r1"}
    for bucket in ("results", "archive"):
        now, then = lab.list_objects(getattr(lab.stack, bucket)), upgraded.before.buckets[bucket]
        changed = {key for key in then if now.get(key) != then[key]}
        assert {key for key in changed if not (key.startswith("reports/") and key[8:34] in unfinished)} == set()


def test_models_and_code_are_copied_to_their_bucket(upgraded):
    """Only pointers differ: trainings and pushes after the upgrade have moved them."""
    lab = upgraded.lab
    earlier = {key for key in upgraded.before.buckets["results"] if key.startswith(keys.MODELS)}
    assert len(earlier) > 10
    for key in earlier:
        assert key.endswith("/current.json") or lab.read(lab.stack.models, key) == lab.read(lab.stack.results, key), key
    assert earlier <= lab.list_objects(lab.stack.models).keys()
    assert lab.ledger.position(POSITION).place.keys() == {"migrated"}


def test_the_earlier_versions_of_a_model_are_kept(upgraded):
    lab, before = upgraded.lab, upgraded.before.pointers
    now = read_pointers(lab)
    assert {name: now[name] for name in now if name != "structure"} == {
        name: before[name] for name in before if name != "structure"
    }
    versions = [now["structure"]["current"], *now["structure"]["history"]]
    assert versions[1:] == [before["structure"]["current"], *before["structure"]["history"]]
    assert "-paused-" in versions[0]["version"]


def read_pointers(lab: Lab) -> dict[str, dict]:
    """Return the content of models/NAME/current.json of each model."""
    names = lab.list_objects(lab.stack.models or lab.stack.results, "models/")
    return {key.split("/")[1]: lab.read_model_json(key) for key in names if key.endswith("/current.json")}


def test_the_gate_compares_with_the_model_of_the_earlier_version(upgraded):
    lab, before = upgraded.lab, upgraded.before.pointers["structure"]["current"]
    summary = lab.read_json(f"results/training/{lab.uploads['paused job.toml'].id}/summary.json")
    assert f"that of the current model is {before['figure']:.4f}" in summary["why"]
    assert summary["card"]["figure"] == pytest.approx(before["figure"])
    assert (summary["passed"], summary["current"]) == (True, False), "a person promotes it after the upgrade"


def test_a_file_has_the_same_report_from_either_version(lab):
    reports = [
        lab.read_json(f"reports/{lab.uploads[name].id}.json") for name in ("large", "paused large", "early large")
    ]
    for report in reports:
        for own in ("upload", "key", "version_id", "created_at"):
            report.pop(own, None)
    assert reports[0] == reports[1] == reports[2]


def test_mates_that_arrived_after_the_upgrade_were_checked(lab):
    for pair in (("lone r1", "lone r2"), ("raw r1", "raw r2"), ("split r1", "split r2")):
        for name, other_name in (pair, reversed(pair)):
            mate = lab.read_json(f"reports/{lab.uploads[name].id}.json")["mate"]
            assert (mate["upload"], mate["checked"]) == (lab.uploads[other_name].id, True)


def test_the_lab_is_notified_of_new_models_and_of_runs_that_are_archived(upgraded):
    """A mail may be sent twice, if its message was delivered twice.

    Runs that the earlier version opened are archived as well. One with markers in its lanes only stays open.
    """
    mailed = {mail["Subject"] for mail in upgraded.mails.all()}
    mailed = {subject for subject in mailed if not subject.startswith("ALARM: ")}  # jobs of this lab fail on purpose
    of_runs = {subject for subject in mailed if subject.startswith("Seqdrop archived the run ")}
    assert {subject.removeprefix("Seqdrop archived the run ") for subject in of_runs} == {
        f"run {number}" for number in OPENED
    }
    subjects = mailed - of_runs
    assert {" ".join(subject.split()[3:]) for subject in subjects} == {"is registered as a candidate"}
    models = sorted(subject.split()[1] for subject in subjects)
    assert models == sorted(["structure"] + ["made-up"] * (len(SETS) - 1))


def test_each_alarm_of_the_upgraded_lab_has_a_reason(upgraded):
    subjects = [mail["Subject"] for mail in upgraded.mails.all() if mail["Subject"].startswith("ALARM: ")]
    names = Counter(re.search(r'"lab-(\w+)-', subject)[1] for subject in subjects)
    assert set(names) <= set(ALARMS), subjects
    assert max(names.values(), default=0) <= 1, subjects


def test_finally_the_reconciler_has_no_work_and_the_queues_are_empty(lab):
    """A run that was archived may have a message left, which asked for its next judgement and is delivered later.

    Gauges, and what has ended since the last run, are figures and no work.
    """
    counts = lab.reconcile()
    assert {name for name, count in counts.items() if count and name not in (*GAUGES, *ENDINGS)} == set()
    empty = dict.fromkeys(lab.list_queues(), 0)
    wait_for(lambda: lab.count_messages() == empty, PATIENCE)


@pytest.mark.parametrize("name", ["Endpoints", "Monitoring"])
def test_an_optional_part_is_turned_on_and_off_again(lab, name):
    """With the models and the records of the earlier version."""
    before = lab.list_resources()
    optional.turn(lab, name, "true")
    optional.USES[name](lab)
    optional.turn(lab, name, "false")
    assert lab.list_resources() == before
    assert lab.aws.client("sagemaker").list_endpoints(NameContains="lab-")["Endpoints"] == []
