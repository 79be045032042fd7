"""Flow cells that are added to a run: their files wait for their own flow cell, and a complete run is open again."""

from __future__ import annotations

import json

import pytest

from local.run_samples import FLOW_CELL

FOLDER = "runs/PRJ7/"
SECOND = FLOW_CELL.replace("S1/", "S2/", 1)


@pytest.fixture
def second(ont) -> dict[str, bytes]:
    """The files of a second flow cell, without a checksum list."""
    return {name.replace(FLOW_CELL, SECOND): body for name, body in ont.items() if "output_hash" not in name}


def test_the_files_of_a_flow_cell_are_counted_once(world, ont):
    world.drop_all({**ont, "notes.txt": b"a note\n"}, FOLDER)
    world.wait(60)
    parts = {part["folder"]: part["files"] for part in world.report("PRJ7")["parts"]}
    assert parts == {"": 1, FLOW_CELL: len(ont)}
    assert world.run(FOLDER).files == len(ont) + 1


def test_a_flow_cell_that_comes_days_later_waits_for_its_summary_and_is_one_revision(world, ont, second):
    world.drop_all(ont, FOLDER)
    world.wait(60)
    assert (world.run(FOLDER).state, world.run(FOLDER).number) == ("ARCHIVED", 1)
    world.clock.advance(5 * 86400)
    summary = next(name for name in second if "final_summary" in name)
    world.drop_all({name: body for name, body in second.items() if name != summary}, FOLDER)
    world.wait(120)
    assert {world.upload(name).state for name in second if name != summary} == {"VALIDATED"}
    assert (world.run(FOLDER).state, world.run(FOLDER).number) == ("COPYING", 2)
    world.drop(summary, second[summary], FOLDER)
    world.wait(60)
    assert (world.run(FOLDER).state, world.run(FOLDER).number, world.states()) == ("ARCHIVED", 2, {"ARCHIVED"})
    assert len(world.mails) == 2


def test_a_single_file_of_a_new_flow_cell_opens_an_archived_run_again(world, ont, second):
    world.drop_all(ont, FOLDER)
    world.wait(60)
    name = next(name for name in second if name.endswith(".pod5"))
    world.drop(name, second[name], FOLDER)
    world.wait(5)
    assert (world.run(FOLDER).state, world.upload(name).state) == ("COPYING", "VALIDATED")


def test_a_late_file_of_a_complete_flow_cell_advances(world, ont):
    world.drop_all(ont, FOLDER)
    world.wait(60)
    name = f"{FLOW_CELL}/fastq_fail/late.fastq"
    world.drop(name, b"@r1\nACGT\n+\nIIII\n", FOLDER)
    world.wait(5)
    assert (world.upload(name).state, world.run(FOLDER).number) == ("ARCHIVED", 1)


def test_a_person_opens_all_flow_cells_below_a_folder(world, second):
    world.drop_all({name: body for name, body in second.items() if "final_summary" not in name}, FOLDER)
    world.drop("S2/seqdrop-complete.txt", b"", FOLDER)
    world.wait(60)
    assert world.states() == {"ARCHIVED"}


def test_a_manifest_may_list_files_that_have_advanced_with_their_flow_cell(world, ont, second):
    summary = next(name for name in second if "final_summary" in name)
    world.drop_all({**ont, **{name: body for name, body in second.items() if name != summary}}, FOLDER)
    world.wait(60)
    assert {world.upload(name).state for name in ont} == {"ARCHIVED"}
    entries = [{"name": name, "size": len(body)} for name, body in {**ont, **second}.items()]
    world.drop(summary, second[summary], FOLDER)
    world.drop("seqdrop-manifest.json", json.dumps({"files": entries}).encode(), FOLDER)
    world.wait(2)
    assert (world.run(FOLDER).state, world.states()) == ("ARCHIVED", {"ARCHIVED"})
    assert "not there" not in world.mails[-1][1]
    assert "missing" not in world.mails[-1][1]
