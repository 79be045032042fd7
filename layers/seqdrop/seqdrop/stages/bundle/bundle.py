"""Bundle: plan the bundles of a run, or make one of them: its tar, the receipts of its files, and their moves.

A message may arrive twice, and each step may be repeated. Two invocations of one bundle continue the same multipart
upload, whose parts have the same bytes, and only one of them completes it.

If files cannot be packed, the plan is given up before its tar is complete, and its other files are planned again: the
unfinished upload is aborted first, so that no other invocation completes it, and then the plan is taken out of the
run's record. In the moment between, another invocation may begin again; a tar of it that is completed all the same has
no receipts, and the reconciliation of the inventory finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import ArchiveMismatchError, RecordNotFoundError, RetryableError
from seqdrop.ledger.records import Step
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import now
from seqdrop.stages.bundle.closing import Closing
from seqdrop.stages.bundle.eligibility import make_message
from seqdrop.stages.bundle.packing import UnpackableError
from seqdrop.stages.bundle.plan import read_plan
from seqdrop.stages.bundle.planning import NOTES, PlansChangedError, plan_bundles
from seqdrop.stages.bundle.savings import BundleSize, compute_savings
from seqdrop.stages.bundle.tar_object import TarObject
from seqdrop.stages.runs.report import add_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services
    from seqdrop.stages.bundle.plan import Plan
    from seqdrop.stages.bundle.tar_object import Tar
    from seqdrop.stages.runs.report import BundleEntry

MAX_TRIES = 5


class OutOfTimeError(Exception):
    """The invocation must end before the next part. What was sent is not sent again."""


def bundle(services: Services, run_id: str, plan_id: str = "", has_time: Callable[[], bool] = lambda: True) -> None:
    """Plan the bundles of a run or, with `plan_id`, make one of them.

    `has_time` returns False if the invocation should end soon; the message is then sent again. A bundle that is not
    recorded any more was made, or given up.
    """
    run = services.ledger.find_run(run_id)
    if run is None:
        raise RecordNotFoundError("run", run_id)
    if not plan_id:
        return plan_bundles(services, run)
    if plan_id not in services.ledger.run_bundles(run_id).plans:
        return None
    plan = read_plan(services, plan_id)
    if plan is None:  # it expired; what it did not archive is planned again
        return plan_bundles(services, run)
    try:
        _make(services, run, plan, has_time)
    except UnpackableError as error:
        _give_up(services, plan, error.uploads)
    except OutOfTimeError:
        services.send(services.settings.bundle_queue, make_message(run_id, plan_id))
    return None


def _make(services: Services, run: Run, plan: Plan, has_time: Callable[[], bool]) -> None:
    def check_time() -> None:
        if not has_time():
            raise OutOfTimeError(plan.id)

    target = TarObject(services.s3, services.settings.archive, plan)
    tar = target.find()
    if tar is None:
        tar = target.send(check_time)
    elif tar.crc32 != (crc32 := plan.compute_crc32()):  # an invocation completed it, and ended
        raise ArchiveMismatchError(f"the CRC32 of bundle {plan.id} is {tar.crc32:08x}, and should be {crc32:08x}")
    _close(services, run, plan, tar, check_time)


def _close(services: Services, run: Run, plan: Plan, tar: Tar, check_time: Callable[[], None]) -> None:
    Closing(services, plan, tar).close(check_time)
    add_bundle(services, run, _describe(plan))
    _forget(services, plan, ())
    logger().info("bundle archived", extra={"run": run.id, "bundle": plan.id, "files": len(plan.uploads)})


def _describe(plan: Plan) -> BundleEntry:
    """Return what the report of the run says of a bundle."""
    sizes = [entry.size for entry in plan.index.entries]
    size = BundleSize(len(sizes), len(plan.parts), sum(sizes), plan.size)
    return {
        "bundle": plan.id,
        "key": plan.key,
        "index": keys.bundle_index(plan.key),
        "savings": compute_savings([size], sizes, plan.storage_class),
    }


def _give_up(services: Services, plan: Plan, unpackable: Sequence[str]) -> None:
    """Give up a plan because of files that cannot be packed; the archive stage finds out what becomes of them.

    If a file is missing because another invocation completed the tar and deleted it, the plan stays.
    """
    target = TarObject(services.s3, services.settings.archive, plan)
    target.abort()
    if target.find():
        raise RetryableError(f"another invocation completed bundle {plan.id}")
    _forget(services, plan, unpackable)
    logger().warning("bundle given up", extra={"bundle": plan.id, "unpackable": len(unpackable)})
    services.send_all([(services.settings.archive_queue, {"upload": upload}) for upload in unpackable])
    services.send(services.settings.bundle_queue, make_message(plan.run))


def _forget(services: Services, plan: Plan, alone: Sequence[str]) -> None:
    """Take a plan out of the record of its run, and note that some of its files are objects of their own."""
    for _ in range(MAX_TRIES):
        bundles = services.ledger.run_bundles(plan.run)
        if plan.id not in bundles.plans:
            return
        uploads = services.ledger.load_uploads(alone[:NOTES]).values()
        steps = [
            Step(upload, "VALIDATED", {"unbundled_at": now()}) for upload in uploads if upload.state == "VALIDATED"
        ]
        if services.ledger.move_all(steps, [bundles.without_plan(plan.id)]):
            return
    raise PlansChangedError(f"the bundles of run {plan.run} were planned at the same moment")
