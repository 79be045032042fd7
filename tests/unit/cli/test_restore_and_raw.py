"""`seqdrop restore` and `seqdrop fetch --raw`: the price, the question, the states, and bytes that are checked."""

import json
from types import SimpleNamespace

import pytest
from seqdrop.stages.restore.objects import read_status
from seqdrop.stages.restore.requests import make_plan
from seqdrop.stages.restore.selection import select
from seqdrop_cli import raw_files, restores

from tests.unit.stages.restoring import DAY, HOUR, RestoringWorld

BODIES = {f"raw/run7/{name}.fasta": b">c%d\n" % number + b"ACGTTGCA" * 100 + b"\n" for number, name in enumerate("ab")}


@pytest.fixture
def world(monkeypatch) -> RestoringWorld:
    return RestoringWorld(monkeypatch)


@pytest.fixture
def files(world):
    return [world.process(key, body) for key, body in BODIES.items()]


@pytest.fixture
def run(world, use_target, seqdrop):
    """Run a command line on the stack of this test."""
    target = SimpleNamespace(
        stack="seqdrop",
        queues=lambda: {"RestoreQueue": "restore_queue"},
        services=lambda **_: world.services,
        ledger=lambda: world.ledger,
    )
    use_target(target)
    return seqdrop


@pytest.mark.parametrize(
    ("text", "kind", "count"),
    [
        ("raw/run7/a.fasta", "key", 1),
        ("run7/a.fasta", "file", 1),
        ("a.fasta", "file", 1),
        ("run7", "run", 2),
        ("raw/run7/", "run", 2),
        ("a", "sample", 1),
        ("run", "", 0),
    ],
)
def test_one_text_names_a_file_a_run_or_a_sample(world, files, text, kind, count):
    selection = select(world.services, text)
    assert (selection.kind, len(selection.uploads)) == (kind, count)
    assert select(world.services, files[0].id).kind == "upload"


def test_the_price_comes_first_and_nothing_is_asked_without_yes(world, files, run):
    outcome = run("restore", "run7")
    assert outcome.status == 2
    assert "2 files in 2 objects" in outcome.out
    assert "within 48 hours" in outcome.out
    assert "--yes" in outcome.err
    assert (world.asked, run("restore", "run7", "--dry-run").status) == ([], 0)


def test_a_request_is_made_and_followed(world, files, run):
    outcome = run("restore", "run7", "--tier", "standard", "--days", "3", "--yes", "--json")
    shown = json.loads(outcome.out)
    assert (shown["files"], shown["objects"], shown["hours_at_most"]) == (2, 2, 12)
    world.work_off()
    assert run("restore", "--status").out.split("\t")[:4] == [shown["restore"], "RESTORING", "run7", "0 of 2"]
    world.pass_time(13 * HOUR)
    status = json.loads(run("restore", "--status", shown["restore"], "--json").out)
    assert [(row["state"], row["back"], row["until"]) for row in status] == [
        ("RESTORED", 2, "2026-01-09T00:00:00.000Z")
    ]
    again = run("restore", "run7", "--days", "2")
    assert (again.status, "can be read already" in again.out) == (0, True)


def test_above_a_limit_yes_is_needed_also_on_a_terminal(world, files, run, monkeypatch):
    monkeypatch.setattr(restores, "is_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: "y")
    monkeypatch.setattr(restores, "MOST_USD", 0.0)
    assert "costs more than" in run("restore", "run7").err
    monkeypatch.setattr(restores, "MOST_USD", 10.0)
    assert run("restore", "run7").status == 0
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert "nothing was asked for" in run("restore", "run7", "--days", "30").err


def test_what_is_not_archived_is_explained(world, files, run):
    world.take("raw/run7/c.fasta", b">c\nACGT\n")
    rejected = world.take("raw/run7/d.fasta", b"none")
    assert world.states(rejected) == ["REJECTED"]
    outcome = run("restore", "run7", "--dry-run")
    assert "raw/run7/c.fasta" in outcome.err
    assert "it is not archived yet" in outcome.err
    assert "it was rejected" in outcome.err
    assert "nothing is named 'nowhere'" in run("restore", "nowhere").err
    assert run("restore", "d.fasta").status == 2


def test_a_file_that_was_sent_again_stands_for_the_archived_one(world, run):
    first, second = (world.process("raw/run7/a.fasta", BODIES["raw/run7/a.fasta"]) for _ in range(2))
    assert world.states(first, second) == ["ARCHIVED", "DUPLICATE"]
    assert json.loads(run("restore", second.id, "--dry-run", "--json").out)["files"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "raw"], "an analysis with a model"),
        (["--run", "proteinsx"], "an analysis with a model"),
        (["--run", "reads"], "none of these files is one"),
        (["--days", "0"], "not a whole number"),
        (["--tier", "Expedited"], "is not a tier"),
        (["--to", "../x"], "is not a prefix"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_before_anything_is_asked(world, files, run, words, message):
    outcome = run("restore", "run7", "--yes", *words)
    assert (outcome.status, message in outcome.err) == (2, True), outcome.err
    assert world.asked == []


def test_raw_data_that_is_not_restored_is_refused_with_the_price(world, files, run, tmp_path):
    outcome = run("fetch", "--raw", "run7", "--into", tmp_path)
    assert outcome.status == 2
    assert "2 of 2 archive objects are not restored" in outcome.err
    assert "up to 48 hours" in outcome.err
    assert "seqdrop restore run7" in outcome.err


@pytest.mark.parametrize("bundled", [False, True])
def test_raw_data_comes_home_bit_for_bit_and_only_what_was_asked_for(world, files, run, tmp_path, bundled, monkeypatch):
    monkeypatch.setattr(raw_files, "BLOCK", 100)
    if bundled:
        world.bundle(*files)
    world.restore(*files)
    world.pass_time(49 * HOUR)
    outcome = run("fetch", "--raw", "run7", "--into", tmp_path)
    assert sorted(outcome.out.splitlines()) == [str(tmp_path / key) for key in BODIES]
    assert {key: (tmp_path / key).read_bytes() for key in BODIES} == BODIES
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2
    assert run("fetch", "--raw", "a", "--into", tmp_path / "one").status == 0
    assert [path.name for path in (tmp_path / "one").rglob("*.fasta")] == ["a.fasta"]


def test_an_interrupted_download_continues(world, files, run, tmp_path, monkeypatch):
    monkeypatch.setattr(raw_files, "BLOCK", 100)
    monkeypatch.setattr(raw_files, "PARALLEL", 1)
    world.restore(files[0])
    world.pass_time(49 * HOUR)
    get, ranges = world.services.s3.get_object, []

    def cut(**request):
        if "Range" in request:
            ranges.append(request["Range"])
            if len(ranges) == 4:
                raise KeyboardInterrupt
        return get(**request)

    world.services.s3.get_object = cut
    assert run("fetch", "--raw", "a.fasta", "--into", tmp_path).status == 130
    assert not (tmp_path / "raw/run7/a.fasta").exists()
    assert run("fetch", "--raw", "a.fasta", "--into", tmp_path).status == 0
    assert (tmp_path / "raw/run7/a.fasta").read_bytes() == BODIES["raw/run7/a.fasta"]
    assert len(ranges) == 10  # nine blocks, and the one that was cut


def test_a_flipped_byte_is_not_kept(world, files, run, tmp_path):
    world.restore(*files)
    world.pass_time(49 * HOUR)
    copy = world.account.s3.buckets["archive"].current(world.upload(files[0]).archive_key)
    world.account.s3.change("archive", copy.key, copy.id, body=copy.body.replace(b"T", b"A", 1))
    outcome = run("fetch", "--raw", "run7", "--into", tmp_path)
    assert (outcome.status, outcome.out) == (1, f"{tmp_path / 'raw/run7/b.fasta'}\n")
    assert "its receipt says" in outcome.err
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b.fasta"]


def test_a_copy_that_expired_is_not_read(world, files, run, tmp_path):
    world.restore(*files, days=1)
    world.pass_time(49 * HOUR)
    world.pass_time(3 * DAY)
    assert "not restored" in run("fetch", "--raw", "run7", "--into", tmp_path).err
    plan, _ = make_plan(world.services, [world.upload(files[0])])
    assert not read_status(world.services, plan.objects[0]).until
