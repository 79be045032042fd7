"""The reconciler and runs: their messages when one was lost, and the many files that wait for them."""

from __future__ import annotations

from seqdrop.stages.reconcile.due_runs import judge_due_runs, leave_out_waiting

from tests.unit.stages.runs.test_run import of_run


def lose_messages(world) -> None:
    world.queues.waiting.clear()


def test_a_run_whose_message_was_lost_is_judged_when_it_is_due(world, novaseq):
    world.drop_all(of_run(novaseq))
    world.work()
    lose_messages(world)
    world.clock.advance(9 * 60)
    assert judge_due_runs(world.services) == 0  # its grace time is not over
    world.clock.advance(2 * 60)
    assert judge_due_runs(world.services) == 1
    world.work()
    world.wait(5)
    assert (world.run().state, world.states()) == ("ARCHIVED", {"ARCHIVED"})


def test_a_run_whose_judgement_fails_gets_a_message_every_twenty_minutes(world, novaseq):
    world.drop_all(of_run(novaseq))
    world.work()
    sent = []
    for _ in range(12):  # every five minutes
        lose_messages(world)
        world.clock.advance(5 * 60)
        sent.append(judge_due_runs(world.services))
    assert sent == [0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]


def test_an_archived_run_gets_no_message(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    world.clock.advance(30 * 86400)
    assert judge_due_runs(world.services) == 0


def test_files_that_wait_for_a_run_are_left_out_with_one_read_of_its_record(world, novaseq):
    world.drop_all({name: body for name, body in of_run(novaseq).items() if name != "CopyComplete.txt"})
    world.work()
    uploads = [world.upload(name) for name in world.dropped]
    reads = []
    find = world.ledger.find_run
    world.ledger.find_run = lambda run_id: reads.append(run_id) or find(run_id)
    assert list(leave_out_waiting(world.services, uploads)) == []
    assert len(reads) == 1


def test_a_file_of_a_complete_folder_is_not_left_out(world, novaseq):
    world.drop_all(of_run(novaseq))
    world.wait(11)
    late = world.drop("Logs/late.log", b"late")
    world.queues.waiting = [message for message in world.queues.waiting if message.queue == "landed"]
    world.work()
    upload = world.ledger.require_upload(late.id)
    assert list(leave_out_waiting(world.services, [upload])) == [upload]
