"""The small files of a complete run are archived in bundles, each with a receipt, and come back as they were."""

from __future__ import annotations


def test_small_files_of_a_complete_run_are_archived_in_one_tar(world, run_files):
    world.drop_all(run_files)
    world.wait(45)
    (tar,) = world.tars
    assert world.copies == [tar]
    world.check_archived(run_files)
    assert [entry.name for entry in world.index(tar).entries] == sorted(run_files)
    assert world.run().state == "ARCHIVED"
    assert not world.ledger.run_bundles(world.run().id).plans
