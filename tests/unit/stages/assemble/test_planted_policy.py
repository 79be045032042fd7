"""A new policy (VCF and TBI) is one module: no other module has to be edited, not even the command."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.assemble import policies
from seqdrop.stages.operator.replay import plan_replay
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop_cli import progress as status

from tests.unit.stages import marked_runs as runs
from tests.unit.stages.assemble.variants import KeepVariants, Variants
from tests.unit.stages.mates import Explorer
from tests.unit.stages.world import MOMENT

if TYPE_CHECKING:
    from seqdrop.uploads import UploadVersion

VCF, TBI = "raw/run7/x.vcf.gz", "raw/run7/x.vcf.gz.tbi"


@pytest.fixture(scope="module", autouse=True)
def planted():
    """Add the policy to the registry during these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policies, "POLICIES", (*policies.POLICIES, Variants()))
        yield


@pytest.fixture(scope="module")
def bodies(tmp_path_factory) -> dict[str, bytes]:
    """Return a VCF, the index that tabix makes of it, and the index of another VCF."""
    folder = tmp_path_factory.mktemp("variants")
    return indexed(folder, ["chr1", "chr2"]) | {"other": indexed(folder, ["chr1", "chr3"])[TBI]}


def indexed(folder: Path, sequences: list[str]) -> dict[str, bytes]:
    path = folder / f"{'-'.join(sequences)}.vcf"
    contigs = "".join(f"##contig=<ID={name}>\n" for name in sequences)
    rows = "".join(f"{name}\t{at}\t.\tA\tG\t.\tPASS\t.\n" for name in sequences for at in (10, 20))
    path.write_text(f"##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{rows}")
    packed = Path(pysam.tabix_index(str(path), preset="vcf", force=True))
    return {VCF: packed.read_bytes(), TBI: packed.with_name(f"{packed.name}.tbi").read_bytes()}


class World(runs.World):
    """raw/ has the planted kind. `rest` runs the reconciler and lets time pass until nothing moves any more."""

    def __init__(self):
        super().__init__()
        raw = replace(self.services.analyses.by_name["raw"], kind=KeepVariants(), mates="single")
        by_name = self.services.analyses.by_name | {"raw": raw}
        self.services = replace(self.services, analyses=replace(self.services.analyses, by_name=by_name))

    def rest(self, monkeypatch, hours: int = 26) -> None:
        now = datetime.fromisoformat(MOMENT)
        for passed in (0.75, hours):
            monkeypatch.setattr("seqdrop.clock.utc_now", lambda passed=passed: now + timedelta(hours=passed))
            assert reconcile(self.services)["errors"] == 0
            self.deliver()

    def archive_all(self) -> None:
        for upload_id in [body["upload"] for queue, body in self.sent if queue == "archive_queue"]:
            archive(self.services, upload_id)


@pytest.fixture
def world(monkeypatch) -> World:
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: datetime.fromisoformat(MOMENT))
    return World()


def both_advanced(world: World, vcf: UploadVersion, tbi: UploadVersion) -> None:
    """Assert that both are mates of each other and are archived once, and that there was no mail."""
    assert world.states(vcf, tbi) == ["VALIDATED", "VALIDATED"]
    assert (world.upload(vcf).mate, world.upload(tbi).mate) == (tbi.id, vcf.id)
    assert world.advanced_ids == {vcf.id, tbi.id}
    world.archive_all()
    assert world.states(vcf, tbi) == ["ARCHIVED", "ARCHIVED"]
    assert world.mails == []


@pytest.mark.parametrize("order", [(VCF, TBI), (TBI, VCF)])
def test_in_both_orders_the_first_waits_and_both_advance_with_the_second(world, bodies, order):
    first = world.take(order[0], bodies[order[0]])
    assert (world.states(first), world.advanced_ids) == (["WAITING"], set())
    second = world.take(order[1], bodies[order[1]])
    both_advanced(world, *((first, second) if order[0] == VCF else (second, first)))


def test_repeated_messages_change_nothing(world, bodies):
    vcf, tbi = world.take(VCF, bodies[VCF]), world.drop(TBI, bodies[TBI])
    waiting = world.upload(vcf)
    validate(world.services, vcf)
    assert world.upload(vcf) == waiting
    validate(world.services, tbi)
    before = [world.upload(version) for version in (vcf, tbi)]
    for version in (tbi, vcf, tbi):
        validate(world.services, version)
    assert [world.upload(version) for version in (vcf, tbi)] == before
    both_advanced(world, vcf, tbi)


@pytest.mark.parametrize("key", [VCF, TBI])
def test_a_newer_version_takes_the_slot_and_a_late_older_one_does_not(world, bodies, key):
    older, old, new = (world.drop(key, bodies[key]) for _ in range(3))
    for version in (old, new, older):
        validate(world.services, version)
    assert world.states(older, old, new) == ["REJECTED", "REJECTED", "WAITING"]
    assert {world.read_json("reasons", item)["code"] for item in (older, old)} == {"superseded"}
    assert "before the other of VCF and TBI arrived" in world.read_json("reasons", old)["message"]
    other = world.take(TBI if key == VCF else VCF, bodies[TBI if key == VCF else VCF])
    assert world.states(new, other) == ["VALIDATED", "VALIDATED"]


def test_a_file_deleted_while_it_waits_is_withdrawn_and_another_may_follow(world, bodies):
    gone = world.take(VCF, bodies[VCF])
    world.delete(gone)
    tbi = world.take(TBI, bodies[TBI])
    assert world.states(gone, tbi) == ["WITHDRAWN", "WAITING"]
    both_advanced(world, world.take(VCF, bodies[VCF]), tbi)


@pytest.mark.parametrize("order", [(VCF, TBI), (TBI, VCF)])
def test_files_that_do_not_fit_are_rejected_together_with_one_mail(world, bodies, order):
    versions = [world.take(key, bodies["other" if key == TBI else VCF]) for key in order]
    assert world.states(*versions) == ["REJECTED", "REJECTED"]
    for version, other in (versions, versions[::-1]):
        assert world.read_json("reasons", version)["mate"]["upload"] == other.id
    assert [mail["Subject"] for mail in world.mails] == [f"Seqdrop rejected {order[1]} and its companion"]
    again = [world.take(key, bodies[key]) for key in (VCF, TBI)]
    assert world.states(*again) == ["VALIDATED", "VALIDATED"]


def test_a_broken_file_leaves_the_other_waiting(world, bodies):
    vcf, broken = world.take(VCF, bodies[VCF]), world.take(TBI, bodies[VCF])
    assert (world.states(vcf, broken), world.upload(broken).reason) == (["WAITING", "REJECTED"], "bad_variants")


def test_the_lab_is_notified_once_and_the_command_names_the_awaited_file(world, bodies, monkeypatch):
    vcf = world.take(VCF, bodies[VCF])
    for _ in range(2):
        world.rest(monkeypatch)
    (mail,) = world.mails
    assert mail["Subject"] == f"Seqdrop: {VCF} waits for its TBI"
    assert f"its TBI, {TBI}" in mail["Message"]
    monkeypatch.setattr(status, "packaged", lambda: world.services.analyses)
    shown = status.read_progress(world.ledger, vcf.id, vcf.key, vcf.size)
    assert (shown.detail, bool(shown.waits_for)) == ("for x.vcf.gz.tbi", True)
    assert "waits for files that belong to it" in plan_replay(world.services, world.upload(vcf)).summary


@pytest.mark.parametrize("last", [VCF, TBI])
def test_after_a_crash_at_any_call_the_reconciler_leads_to_the_same_states(world, bodies, last, monkeypatch):
    first_key = TBI if last == VCF else VCF
    first, second = world.take(first_key, bodies[first_key]), world.drop(last, bodies[last])
    start, count = world.snapshot(), itertools.count()
    while crashes(world, partial(validate, world.services, second), next(count)):
        validate(world.services, second)
        world.deliver()
        world.rest(monkeypatch)
        both_advanced(world, *((second, first) if last == VCF else (first, second)))
        world.back_to(start)
    assert next(count) > 15


@pytest.mark.parametrize("key", [VCF, TBI])
def test_after_a_crash_while_a_newer_version_arrives_the_states_are_the_same(world, bodies, key, monkeypatch):
    old, new = world.take(key, bodies[key]), world.drop(key, bodies[key])
    start, count = world.snapshot(), itertools.count()
    while crashes(world, partial(validate, world.services, new), next(count)):
        validate(world.services, new)
        assert (world.states(old, new), world.upload(old).reason) == (["REJECTED", "WAITING"], "superseded")
        assert 1 <= len(world.mails) <= 2
        world.back_to(start)
    assert next(count) > 15


def crashes(world: World, job, at: int) -> bool:
    """Run a job that crashes at its n-th call, or after it; return False if it ended before."""
    calls = itertools.count()

    def hook(name: str) -> None:
        if next(calls) == at:
            raise KeyboardInterrupt

    world.hook = hook
    try:
        job()
    except KeyboardInterrupt:
        return True
    finally:
        world.hook = lambda name: None
    return False


def test_every_order_of_two_simultaneous_validations(world, bodies):
    versions = [world.drop(key, bodies[key]) for key in (VCF, TBI)]
    start, explorer, count = world.snapshot(), Explorer(most=4), itertools.count()
    while explorer.next():
        world.back_to(start)
        world.take_turns([partial(validate, world.services, version) for version in versions], explorer.choose)
        both_advanced(world, *versions)
        next(count)
    assert next(count) > 90


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_versions_in_any_order(bodies, data):
    """Messages arrive twice and out of order: the newest version of a file advances or waits, others are reported."""
    world = World()
    dropped = [world.drop(key, bodies[key]) for key in data.draw(st.lists(st.sampled_from([VCF, TBI]), max_size=5))]
    deleted = [version for version in dropped if data.draw(st.booleans()) and data.draw(st.booleans())]
    for version in data.draw(st.permutations(dropped * 2)):
        validate(world.services, version)
    for version in deleted:
        world.delete(version)
    for version in data.draw(st.permutations(dropped)):
        validate(world.services, version)
    waiting = [world.upload(version) for version in dropped if world.states(version) == ["WAITING"]]
    assert len(waiting) <= 1
    for version in dropped:
        upload = world.upload(version)
        if upload.state == "VALIDATED":
            assert world.ledger.find_upload(upload.mate).mate == upload.id
        else:
            assert upload.state == "WAITING" or upload.reason in ("superseded", "deleted_while_it_waited"), upload
