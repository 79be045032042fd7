"""`seqdrop models`: a person compares versions, makes one the current model, and returns to an earlier one."""

import json
from types import SimpleNamespace

import pytest
from seqdrop.models import pointers
from seqdrop.models.archives import current_archive, push_archive

from tests.support.aws.direct import Client
from tests.unit.stages.start_transform.test_start_transform import archive_of

POINTER = "models/structure/current.json"
ARN = "arn:aws:iam::123456789012:user/ada"
V1, V2 = "2026-01-01-helix-abcdefgh-1", "2026-02-01-helix-bcdefghi-1"


@pytest.fixture
def run(services, cloud, use_target, seqdrop):
    """Return a function that runs `seqdrop models` with the buckets in memory."""
    clients = {"s3": services.s3, "sts": Client(cloud, "sts")}
    use_target(SimpleNamespace(models="models", client=clients.__getitem__))
    return lambda *words: seqdrop("models", *words)


@pytest.fixture
def register(services):
    """Return a function that writes a version as the end of a training does; without `gate` as an earlier release."""

    def write(version: str, model: str = "structure", **changes) -> None:
        card = {"digest": f"digest of {version}", "labels": ["H", "E", "C"], "task": "ss3", "figure": 0.81}
        card |= {"data": {"test_digest": "cd"}, "gate": {"passed": True, "why": "its Q3 is 0.8100"}} | changes
        body = json.dumps(card).encode()
        services.s3.put_object(Bucket="models", Key=f"models/{model}/{version}/card.json", Body=body)
        services.s3.put_object(Bucket="models", Key=f"models/{model}/{version}/model.tar.gz", Body=b"model")

    return write


def read(services, key: str = POINTER) -> dict | None:
    return pointers.read(services.s3, "models", key)


def test_promote_shows_the_comparison_and_changes_nothing_without_yes(run, services, register):
    register(V1)
    register(V2, figure=0.79, data={"test_digest": "cd"}, gate={"passed": False, "why": "its Q3 is 0.7900"})
    assert run("promote", "structure", V1, "--yes").status == 0
    before = read(services)
    outcome = run("promote", "structure", V2)
    assert (outcome.status, read(services)) == (0, before)
    lines = [line.split("\t") for line in outcome.out.splitlines()]
    assert ["figure", "0.7900", "0.8100"] in lines
    assert ["version", V2, V1] in lines
    assert ["gate", "its Q3 is 0.7900", "its Q3 is 0.8100"] in lines
    assert ["tested on", "the same records", ""] in lines
    assert "repeat the command with --yes" in outcome.out
    assert run("promote", "structure", V2, "--yes").out.endswith(f"structure is now {V2}\n")
    assert current_archive(services.s3, "models", "structure").key == f"models/structure/{V2}/model.tar.gz"
    assert read(services)["history"] == [before["current"]]


def test_the_entry_records_who_when_and_the_verdict(run, services, register):
    register(V1)
    run("promote", "structure", V1, "--yes")
    entry = read(services)["current"]
    assert (entry["by"], entry["why"], entry["version"]) == (ARN, "its Q3 is 0.8100", V1)
    assert entry["since"].endswith("Z")
    outcome = run("history", "structure")
    assert outcome.out == f"{entry['since']}\t{V1}\t0.8100\t{ARN}\n"


def test_use_is_the_earlier_name_and_reads_cards_of_earlier_releases(run, services, register):
    register(V1, gate=None)
    body = json.loads(services.s3.get_object(Bucket="models", Key=f"models/structure/{V1}/card.json")["Body"].read())
    del body["gate"]
    key = f"models/structure/{V1}/card.json"
    services.s3.put_object(Bucket="models", Key=key, Body=json.dumps(body).encode())
    assert run("use", "structure", V1).status == 0
    assert (read(services)["current"]["version"], read(services)["current"]["why"]) == (V1, "")
    assert run("list", "structure").out == f"{V1}\tss3\t0.8100\tcurrent\t-\n"


def test_an_unknown_version_is_refused(run):
    outcome = run("promote", "structure", "v1", "--yes")
    assert (outcome.status, "there is no version 'v1' of model 'structure'" in outcome.err) == (2, True)


def test_the_current_version_is_left_alone(run, services, register):
    register(V1)
    run("promote", "structure", V1, "--yes")
    before = read(services)
    assert run("promote", "structure", V1, "--yes").out == f"structure is {V1} already\n"
    assert read(services) == before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"labels": list("GHIBESTC"), "task": "ss8"}, "its task is ss8, but that of the current model is ss3"),
        ({"labels": list("CEH")}, "its classes are C, E, H, but those of the current model are H, E, C"),
        ({"labels": []}, "its classes are not named"),
    ],
)
@pytest.mark.parametrize("command", ["promote", "use"])
def test_other_classes_need_force(run, services, register, changes, why, command):
    register(V1)
    register(V2, **changes)
    run("use", "structure", V1)
    before, yes = read(services), ["--yes"] if command == "promote" else []
    outcome = run(command, "structure", V2, *yes)
    assert (outcome.status, read(services)) == (2, before)
    assert why in outcome.out
    assert "--force" in outcome.err
    assert run(command, "structure", V2, "--force", *yes).status == 0
    assert read(services)["current"]["version"] == V2


def test_a_model_with_which_jobs_would_be_refused_needs_force(run, services, register):
    register(V1, "promoter-300", labels=["promoter", "not promoter"], task="promoter")
    outcome = run("promote", "promoter-300", V1, "--yes")
    assert (outcome.status, read(services, "models/promoter-300/current.json")) == (2, None)
    assert "jobs of contigs/ would be refused" in outcome.out
    assert run("promote", "promoter-300", V1, "--yes", "--force").status == 0


def test_a_version_without_its_archive_needs_force(run, services, register):
    register(V1)
    services.s3.delete_object(Bucket="models", Key=f"models/structure/{V1}/model.tar.gz")
    outcome = run("promote", "structure", V1, "--yes")
    assert (outcome.status, "does not exist any more" in outcome.out) == (2, True)


def test_a_rollback_returns_to_the_previous_model_and_again_to_the_later(run, services, register):
    pushed = push_archive(services.s3, "models", "structure", archive_of("H", "E", "C"), "then")
    register(V1)
    run("promote", "structure", V1, "--yes")
    assert "--yes" in run("rollback", "structure").out
    assert read(services)["current"]["version"] == V1
    assert run("rollback", "structure", "--yes").out.endswith(f"structure is now {pushed.digest[:16]}\n")
    now = read(services)
    assert (now["current"]["digest"], now["current"]["by"]) == (pushed.digest, ARN)
    assert [entry["digest"] for entry in now["history"]] == [f"digest of {V1}", pushed.digest]
    run("rollback", "structure", "--yes")
    assert read(services)["current"]["version"] == V1


@pytest.mark.parametrize("name", ["version", "digest"])
def test_a_rollback_can_name_an_earlier_model(run, services, register, name):
    for version in (V1, V2):
        register(version, digest=("1" if version == V1 else "2") * 64)
        run("promote", "structure", version, "--yes")
    pushed = push_archive(services.s3, "models", "structure", archive_of("H", "E", "C"), "then")
    wanted = V1 if name == "version" else "11111111"
    assert run("rollback", "structure", "--to", wanted, "--yes").status == 0
    assert read(services)["current"]["version"] == V1
    assert [entry["digest"] for entry in read(services)["history"]] == [pushed.digest, "2" * 64, "1" * 64]


def test_a_rollback_without_an_earlier_model_is_refused(run, register):
    register(V1)
    run("promote", "structure", V1, "--yes")
    for words in ((), ("--to", "1" * 8), ("--to", "1")):
        outcome = run("rollback", "structure", *words, "--yes")
        assert (outcome.status, "has no earlier archive" in outcome.err) == (2, True)
    assert "there is no model 'none' yet" in run("history", "none").err


def test_versions_are_listed_with_the_verdict_of_the_gate(run, register):
    register(V1)
    register(V2, figure=None, gate={"passed": False, "why": "its Q3 on the test split is not known"})
    run("promote", "structure", V1, "--yes")
    rows = [line.split("\t") for line in run("list", "structure").out.splitlines()]
    assert rows == [
        [V2, "ss3", "-", "candidate", "not passed: its Q3 on the test split is not known"],
        [V1, "ss3", "0.8100", "current", "passed: its Q3 is 0.8100"],
    ]


def test_of_two_persons_at_the_same_moment_the_second_must_look_again(run, services, register, monkeypatch):
    """Both have seen the same comparison; the second must see the model that the first has made current."""
    for version in (V1, V2):
        register(version)
    move = pointers.move

    def move_late(s3, bucket, reading, target):
        if read(services) is None:
            move(s3, bucket, reading, {**target, "version": V1, "digest": f"digest of {V1}"})
        move(s3, bucket, reading, target)

    monkeypatch.setattr(pointers, "move", move_late)
    outcome = run("promote", "structure", V2, "--yes")
    assert (outcome.status, "was changed by another writer" in outcome.err) == (2, True)
    assert read(services)["current"]["version"] == V1


def test_a_push_records_who_pushed(services):
    push_archive(services.s3, "models", "structure", archive_of("H", "E", "C"), "then", ARN)
    assert read(services)["current"]["by"] == ARN
