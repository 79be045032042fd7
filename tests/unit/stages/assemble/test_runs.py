"""Files, markers and manifests of a run: in any order, twice, early, late, deleted, and with a crash anywhere."""

import itertools
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop import clock
from seqdrop.kinds import plans
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.lease import MINUTES
from seqdrop.stages.validate.validate import validate

from tests.unit.stages.marked_runs import FASTQ, World, gated, manifest
from tests.unit.stages.mates import Explorer, fastq

pytestmark = pytest.mark.usefixtures("reports_once")
MARKER = "reads/run7/CopyComplete.txt"
FILES = ("reads/run7/a.fastq", "reads/run7/Data/L001/b.fastq")
MANIFEST = "reads/run7/seqdrop-manifest.json"
BOTH = manifest(("a.fastq", len(FASTQ)), ("Data/L001/b.fastq", None))


@pytest.fixture
def world() -> World:
    return World("reads", "raw")


def ids(*versions) -> set[str]:
    return {version.id for version in versions}


@pytest.mark.parametrize("order", list(itertools.permutations([*FILES, MARKER])))
def test_in_any_order_all_files_advance_but_none_before_the_marker(world, order):
    taken = {}
    for key in order:
        taken[key] = world.take(key, b"" if key == MARKER else FASTQ)
        assert world.advanced_ids == (ids(*taken.values()) if MARKER in taken else set())
    assert world.states(*taken.values()) == ["VALIDATED"] * 3
    assert [len(world.ledger.attempts(taken[key].id)) for key in (*FILES, MARKER)] == [1, 1, 0]
    run = world.run("reads/run7/")
    assert (run.fact("opened_by"), run.fact("opened_at") > "") == (taken[MARKER].id, True)
    assert world.mails == []


@pytest.mark.parametrize(
    "name",
    [
        "CopyComplete.txt",
        "RTAComplete.txt",
        "RunCompletionStatus.xml",
        "SequenceComplete.txt",
        "final_summary_FAX00000_12ab_34cd.txt",
        "final_summary.txt",
    ],
)
def test_each_kind_of_marker_opens_its_run_and_no_other(world, name):
    here, there = world.take("raw/run 7+/a.fastq"), world.take("raw/run 8/a.fastq")
    world.take(f"raw/run 7+/{name}", b"done\n")
    assert here.id in world.advanced_ids
    assert there.id not in world.advanced_ids


def test_a_file_that_is_not_a_marker_opens_nothing(world):
    gated_file = world.take(FILES[0])
    for name in ("copycomplete.txt", "CopyComplete.txt.gz", "my_final_summary.txt", "final_summary.csv"):
        world.take(f"reads/run7/{name}", b"")
    assert gated_file.id not in world.advanced_ids


def test_a_marker_opens_all_files_below_its_folder(world):
    above, inside, beside = (world.take(f"reads/lab/{name}/a.fastq") for name in ("", "run1/x", "run2"))
    world.take("reads/lab/run1/CopyComplete.txt", b"")
    assert world.advanced_ids & ids(above, inside, beside) == ids(inside)
    world.take("reads/lab/CopyComplete.txt", b"")
    assert world.advanced_ids >= ids(above, inside, beside)


def test_a_folder_with_the_same_beginning_is_another_folder(world):
    other = world.take("reads/run77/a.fastq")
    world.take(MARKER, b"")
    assert other.id not in world.advanced_ids


def test_files_and_markers_directly_under_the_prefix_belong_to_no_run(world):
    alone, gated_file = world.take("reads/a.fastq"), world.take(FILES[0])
    marker = world.take("reads/CopyComplete.txt", b"")
    assert world.advanced_ids == ids(alone, marker)
    assert world.states(gated_file, marker) == ["VALIDATED", "VALIDATED"]


def test_without_the_gate_files_advance_and_a_marker_is_archived():
    world = World()
    version, marker = world.take(FILES[0]), world.take(MARKER, b"x")
    assert world.advanced_ids == ids(version, marker)
    upload = world.upload(marker)
    assert (upload.state, upload.format, len(upload.sha256)) == ("VALIDATED", "marker", 64)
    assert world.mails == []


def test_mates_wait_for_their_run_together(world):
    pair = [world.take(f"reads/run7/S_R{mate}.fastq", fastq(mate)) for mate in (1, 2)]
    assert (world.states(*pair), world.advanced_ids) == (["VALIDATED", "VALIDATED"], set())
    world.take(MARKER, b"")
    assert world.advanced_ids >= ids(*pair)


def test_a_fasta_waits_for_its_run_with_its_bed():
    world = World("masked")
    fasta = world.take("masked/run7/x.fa", b">c one\n" + b"ACGT" * 10 + b"\n")
    bed = world.take("masked/run7/x.bed", b"c\t3\t5\n")
    assert (world.states(fasta, bed), world.advanced_ids) == (["VALIDATED", "VALIDATED"], set())
    world.take("masked/run7/RTAComplete.txt", b"")
    assert fasta.id in world.advanced_ids


def test_a_training_has_no_markers():
    world = World()
    world.take("training/set/final_summary.txt", b"")
    assert world.run("training/set/").fact("opened_at") == ""


def test_a_repeated_marker_changes_nothing(world):
    gated_file, marker = world.take(FILES[0]), world.take(MARKER, b"")
    before = world.snapshot()[0]
    validate(world.services, marker)
    assert world.snapshot()[0] == before
    again = world.take(MARKER, b"once more")
    assert world.states(marker, again) == ["VALIDATED", "VALIDATED"]
    assert world.run("reads/run7/").fact("opened_by") == marker.id
    assert len(world.ledger.attempts(gated_file.id)) == 1


def test_a_marker_deleted_before_it_was_read_opens_nothing(world):
    gated_file, marker = world.take(FILES[0]), world.drop(MARKER, b"")
    world.delete(marker)
    validate(world.services, marker)
    assert world.states(gated_file, marker) == ["VALIDATED", "WITHDRAWN"]
    assert gated_file.id not in world.advanced_ids
    world.take(MARKER, b"")
    assert gated_file.id in world.advanced_ids


def test_a_marker_deleted_afterwards_has_opened_its_run(world):
    marker = world.take(MARKER, b"")
    world.delete(marker)
    assert world.take(FILES[0]).id in world.advanced_ids


def test_a_large_file_with_the_name_of_a_marker_is_rejected(world):
    gated_file, marker = world.take(FILES[0]), world.take(MARKER, b"x" * 1_000_001)
    assert (world.upload(marker).state, world.upload(marker).reason) == ("REJECTED", "too_large")
    assert gated_file.id not in world.advanced_ids


def test_a_file_deleted_while_it_waits_is_withdrawn_with_its_attempt(world):
    version = world.take(FILES[0])
    world.delete(version)
    validate(world.services, version)
    assert (world.states(version), world.upload(version).reason) == (["WITHDRAWN"], "deleted_while_it_waited")
    assert [attempt.state for attempt in world.ledger.attempts(version.id)] == ["FAILED"]
    world.take(MARKER, b"")
    assert version.id not in world.advanced_ids


def test_expired_work_items_are_written_again_while_the_file_waits(world):
    version = world.take(FILES[0])
    cut = world.work()
    world.expire()
    validate(world.services, version)
    assert world.work() == cut
    assert version.id not in world.advanced_ids


def test_the_attempt_counts_the_work_items_of_a_changed_deployment(world):
    version = world.take(FILES[0])
    (attempt,) = world.ledger.attempts(version.id)
    world.ledger.note(attempt, items=7)
    validate(world.services, version)
    assert world.ledger.attempts(version.id)[0].items == attempt.items


def test_a_bed_deleted_while_the_work_items_expire_fails_the_attempt():
    world = World("masked")
    bed = world.take("masked/run7/x.bed", b"c\t3\t5\n")
    fasta = world.take("masked/run7/x.fa", b">c one\n" + b"ACGT" * 10 + b"\n")
    world.delete(bed)
    world.expire()
    validate(world.services, fasta)
    assert [attempt.state for attempt in world.ledger.attempts(fasta.id)] == ["FAILED"]
    assert "its BED was deleted" in world.mails[-1]["Message"]


def test_a_bed_whose_record_has_expired_fails_the_attempt():
    """Without the check, the FASTA would be examined again without its BED, and other intervals would be filled."""
    world = World("masked")
    bed = world.take("masked/run7/x.bed", b"c\t3\t5\n")
    fasta = world.take("masked/run7/x.fa", b">c one\n" + b"ACGT" * 10 + b"\n")
    world.expire()
    world.expire_record(bed)
    validate(world.services, fasta)
    assert [attempt.state for attempt in world.ledger.attempts(fasta.id)] == ["FAILED"]


def test_raw_data_is_not_archived_before_its_run_is_complete(world):
    version = world.take("raw/run7/a.fastq")
    archive(world.services, version.id)  # as a message from before the deployment of the gate would do
    assert world.states(version) == ["VALIDATED"]


def test_files_that_advanced_before_there_was_a_gate_are_not_gated(world):
    ungated = World()
    version = ungated.take(FILES[0])
    (attempt,) = ungated.ledger.attempts(version.id)
    ungated.ledger.move(attempt, "FAILED", reason="x")
    world.back_to(ungated.snapshot())
    validate(world.services, version)
    assert world.states(version) == ["VALIDATED"]
    world.delete(version)
    validate(world.services, version)
    assert world.states(version) == ["VALIDATED"], "a person has to decide about it"


def test_waiting_files_advance_when_the_gate_is_removed(world):
    version = world.take(FILES[0])
    ungated = World()
    ungated.back_to(world.snapshot())
    validate(ungated.services, version)
    assert version.id in ungated.advanced_ids


# -- manifests --


@pytest.mark.parametrize("order", list(itertools.permutations([*FILES, MANIFEST])))
def test_a_manifest_opens_its_run_with_the_last_file_it_lists(world, order):
    taken = {}
    for key in order:
        taken[key] = world.take(key, BOTH if key == MANIFEST else FASTQ)
        assert world.advanced_ids == (ids(*taken.values()) if len(taken) == 3 else set())
    assert world.upload(taken[MANIFEST]).records == 2
    assert world.mails == []


def test_a_listed_file_that_was_rejected_counts_as_present(world):
    gated_file = world.take(FILES[0])
    world.take(MANIFEST, BOTH)
    world.take(FILES[1], b"no FASTQ")
    assert gated_file.id in world.advanced_ids


def test_a_file_of_another_size_does_not_count_as_present(world):
    gated_file, manifest_version = world.take(FILES[1]), world.take(MANIFEST, BOTH)
    world.take(FILES[0], FASTQ[:-9])
    assert gated_file.id not in world.advanced_ids
    assert world.run("reads/run7/").fact("awaits") == FILES[0]
    world.take(FILES[0])
    assert gated_file.id in world.advanced_ids
    assert world.states(manifest_version) == ["VALIDATED"]


def test_a_marker_opens_a_run_whose_manifest_waits_and_both_advance(world):
    gated_file, manifest_version = world.take(FILES[0]), world.take(MANIFEST, BOTH)
    assert world.states(manifest_version) == ["WAITING"]
    marker = world.take(MARKER, b"")
    assert world.advanced_ids == ids(gated_file, manifest_version, marker)


def test_a_marker_above_opens_a_folder_whose_manifest_waits_and_both_advance(world):
    """The files advance to the archive, so the manifest would never see all of them again."""
    gated_file, manifest_version = (
        world.take("reads/lab/run1/a.fastq"),
        world.take("reads/lab/run1/seqdrop-manifest.json", BOTH),
    )
    assert world.states(manifest_version) == ["WAITING"]
    marker = world.take("reads/lab/CopyComplete.txt", b"")
    assert world.advanced_ids == ids(gated_file, manifest_version, marker)
    late = world.take("reads/lab/run2/seqdrop-manifest.json", BOTH)
    assert world.states(manifest_version, late) == ["VALIDATED", "VALIDATED"]


def test_a_newer_manifest_takes_the_slot_of_a_waiting_one(world):
    gated_file, old = world.take(FILES[0]), world.take(MANIFEST, BOTH)
    new = world.take(MANIFEST, manifest(("a.fastq", None)))
    assert world.states(old, new) == ["REJECTED", "VALIDATED"] or world.states(old, new) == ["VALIDATED", "VALIDATED"]
    assert gated_file.id in world.advanced_ids


def test_an_older_manifest_that_is_late_is_superseded(world):
    old, new = world.drop(MANIFEST, manifest(("a.fastq", None))), world.take(MANIFEST, BOTH)
    world.take(FILES[0])
    validate(world.services, old)
    world.deliver()
    assert (world.states(old, new), world.upload(old).reason) == (["REJECTED", "WAITING"], "superseded")
    assert "a newer version replaced it before its files arrived" in world.mails[-1]["Message"]


def test_manifests_without_an_order_do_not_replace_each_other_for_ever(world):
    versions = [world.drop(MANIFEST, BOTH) for _ in range(3)]
    for version in versions:
        validate(world.services, type(version)(**{**version.__dict__, "sequencer": ""}))
    world.deliver()
    assert sorted(world.states(*versions)) == ["REJECTED", "REJECTED", "WAITING"]


def test_a_manifest_deleted_while_it_waits_is_withdrawn_and_another_may_follow(world):
    gated_file, manifest_version = world.take(FILES[0]), world.take(MANIFEST, BOTH)
    world.delete(manifest_version)
    validate(world.services, manifest_version)
    assert world.states(manifest_version) == ["WITHDRAWN"]
    world.take(MANIFEST, manifest(("a.fastq", None)))
    assert gated_file.id in world.advanced_ids


def test_files_advance_after_the_record_of_a_withdrawn_manifest_has_expired(world):
    """The set keeps the id of a manifest that was deleted; its record expires after `ledger_days`."""
    manifest_version = world.take(MANIFEST, BOTH)
    world.delete(manifest_version)
    validate(world.services, manifest_version)
    world.expire_record(manifest_version)
    gated_file = world.take(FILES[0])
    assert world.states(gated_file) == ["VALIDATED"]
    world.take(MARKER, b"")
    assert gated_file.id in world.advanced_ids


def test_without_the_gate_a_manifest_is_only_archived():
    world = World()
    manifest_version = world.take(MANIFEST, BOTH)
    assert (world.states(manifest_version), world.advanced_ids) == (["VALIDATED"], ids(manifest_version))


def test_a_bad_manifest_is_rejected_and_opens_nothing(world):
    gated_file, bad = world.take(FILES[0]), world.take(MANIFEST, b'{"files": []}')
    assert (world.states(bad), world.upload(bad).reason) == (["REJECTED"], "bad_manifest")
    assert gated_file.id not in world.advanced_ids
    assert '{"files": [{"name"' in world.read_json("reasons", bad)["advice"]


def test_a_run_needs_few_listings_of_the_bucket(world, monkeypatch):
    names = [f"s{number:03}.fastq" for number in range(60)]
    manifest_version, count = [], itertools.count()
    s3 = world.account.s3
    s3.page = 1000  # as at S3: each call is a listing
    monkeypatch.setattr(s3, "list_objects_v2", partial(count_calls, manifest_version, s3.list_objects_v2))
    world.take(MANIFEST, manifest(*[(name, None) for name in names]))
    for name in names:
        world.take(f"reads/run7/{name}", FASTQ.replace(b"r1", b"r%d" % next(count)))
    assert len(world.advanced_ids) == 61
    assert len(manifest_version) == 2, "one when the manifest arrived, and one when the last listed file did"


def count_calls(calls: list, function, *arguments):
    calls.append(arguments)
    return function(*arguments)


# -- at the same moment --


def examine_upload(world: World, key: str, body: bytes = FASTQ):
    """Return a dropped file that has been examined, so that its validation takes few steps."""
    version = world.drop(key, body)
    ledger, world.services.ledger._target = world.services.ledger._target, RefusingLedger(world.ledger)
    with pytest.raises(KeyboardInterrupt):
        validate(world.services, version)
    world.services.ledger._target = ledger
    return version


class RefusingLedger:
    """A ledger that refuses every move."""

    def __init__(self, ledger):
        self._ledger = ledger

    def __getattr__(self, name: str):
        if name.startswith("move"):
            raise KeyboardInterrupt
        return getattr(self._ledger, name)


def take_turns(world: World, jobs, choose) -> None:
    """Run the jobs, then validate the messages that they sent."""
    world.take_turns(jobs, choose)
    world.deliver()


@pytest.mark.parametrize("file", ["reads/run7/a.fastq", "raw/run7/a.fastq"])
def test_every_order_of_a_file_and_its_marker(world, file):
    marker = file.rpartition("/")[0] + "/CopyComplete.txt"
    versions = [examine_upload(world, file), world.drop(marker, b"")]
    start, explorer, count = world.snapshot(), Explorer(most=2), itertools.count()
    while explorer.next():
        world.back_to(start)
        take_turns(world, [partial(validate, world.services, version) for version in versions], explorer.choose)
        assert world.states(*versions) == ["VALIDATED", "VALIDATED"]
        assert world.advanced_ids == ids(*versions)
        next(count)
    assert next(count) > 90


def test_the_orders_show_a_lost_file(world, monkeypatch):
    """Test the test: if files are enqueued before the run is open, some order leaves one behind."""
    from seqdrop.stages.assemble import runs

    opened, enqueue_all = runs._open, runs._enqueue_all
    monkeypatch.setattr(runs, "_open", lambda view: opened(view).after(lambda: enqueue_all(view)))
    monkeypatch.setattr(runs, "_enqueue_all", lambda view: None)
    versions = [examine_upload(world, FILES[0]), world.drop(MARKER, b"")]
    start, explorer, lost = world.snapshot(), Explorer(most=2), []
    while explorer.next():
        world.back_to(start)
        take_turns(world, [partial(validate, world.services, version) for version in versions], explorer.choose)
        lost.append(versions[0].id not in world.advanced_ids)
    assert any(lost)


def put_and_validate(world: World, version) -> None:
    """Put the object at some moment, then validate it."""
    world.hook("landing")
    world.land(version)
    validate(world.services, version)


def test_every_order_of_the_last_file_and_its_manifest(world):
    versions = [examine_upload(world, FILES[0]), examine_upload(world, FILES[1]), world.drop(MANIFEST, BOTH)]
    validate(world.services, versions[0])
    world.delete(versions[1])
    start, explorer, count = world.snapshot(), Explorer(most=2), itertools.count()
    while explorer.next():
        world.back_to(start)
        jobs = [partial(put_and_validate, world, versions[1]), partial(validate, world.services, versions[2])]
        take_turns(world, jobs, explorer.choose)
        assert world.states(*versions) == ["VALIDATED"] * 3
        assert world.advanced_ids == ids(*versions)
        next(count)
    assert next(count) > 90


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_many_simultaneous_validations(data):
    """Two files, their manifest and a new version of it, at any moment and each message twice: all advance."""
    world = World("reads")
    files = [examine_upload(world, key) for key in FILES]
    manifest_version = [world.drop(MANIFEST, BOTH) for _ in range(2)]
    for version in files:
        world.delete(version)
    jobs = [partial(put_and_validate, world, version) for version in (*files, *files)]
    jobs += [partial(validate, world.services, version) for version in (*manifest_version, *manifest_version)]
    take_turns(world, jobs, lambda alive: data.draw(st.sampled_from(alive)))
    assert world.states(*files) == ["VALIDATED", "VALIDATED"]
    assert world.advanced_ids >= ids(*files)
    assert set(world.states(*manifest_version)) <= {"VALIDATED", "REJECTED"}
    assert world.states(manifest_version[1]) == ["VALIDATED"]


# -- crashes --


def crash_at(world: World, job, at: int) -> bool:
    """Run a job that crashes at its n-th step; return False if it ended before."""
    steps = itertools.count()

    def hook(name: str) -> None:
        if next(steps) == at:
            raise KeyboardInterrupt

    world.hook = hook
    try:
        job()
    except KeyboardInterrupt:
        return True
    finally:
        world.hook = lambda name: None
    return False


@pytest.mark.parametrize("last", [*FILES, MARKER, MANIFEST])
def test_after_a_crash_anywhere_the_next_delivery_leads_to_the_same_states(world, last, monkeypatch):
    bodies = dict.fromkeys(FILES, FASTQ) | {MARKER: b""}
    if last != MARKER:
        bodies = dict.fromkeys(FILES, FASTQ) | {MANIFEST: BOTH}
    before = [world.take(key, body) for key, body in bodies.items() if key != last]
    version = world.drop(last, bodies[last])
    start, ends = world.snapshot(), []
    for at in itertools.count():
        world.back_to(start)
        died = crash_at(world, partial(validate, world.services, version), at)
        # The message becomes visible again long after the lease of an invocation that died.
        monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(minutes=MINUTES + 1))
        validate(world.services, version)
        monkeypatch.undo()
        world.deliver()
        assert world.states(*before, version) == ["VALIDATED"] * 3
        assert world.advanced_ids == ids(*before, version)
        ends.append({key: value for key, value in world.snapshot()[0].items() if key[0].startswith("RUN")})
        if not died:
            break
    assert len(ends) > 15
    assert all(set(end) == set(ends[0]) for end in ends)


def test_only_analyses_with_a_gate_are_gated():
    assert gated("raw").gated_folders("raw/a/b/c.fastq") == ["raw/a/b/", "raw/a/"]
    assert gated("raw").gated_folders("reads/a/b.fastq") == []
    assert gated("raw").gated_folders("raw/a/CopyComplete.txt") == []
    assert plans.packaged().gated_folders("raw/a/b/c.fastq") == []
