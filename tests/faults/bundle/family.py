"""Runs whose small files are archived in bundles, in seeded schedules.

A run has a folder that is completed by a marker of its own. Files come in any order, late, again and changed, and the
lab deletes some. The sizes of bundles, parts and batches are patched, so that a few files have two bundles, a bundle
has three parts, and each batch ends between two files.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import strategies as st
from seqdrop.runs import bundle_layout, bundle_policy
from seqdrop.stages.bundle import bundle, candidates, closing, packing, planning, tar_object

from tests.faults import schedule as s
from tests.faults.evidence import Drop
from tests.faults.schedule import Schedule, with_trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.faults.world import World

ROOT, UNIT = "runs/r1/", "unit"
ANALYSES = '[analyses.runs]\nprefix = "runs/"\nformats = ["any"]\nmax_gb = 1\ngate = "run"\n'
SMALL, SAME, EMPTY, SIGNAL, MARKER, UNIT_MARKER = KINDS = (
    "small",
    "same bytes",
    "empty",
    "signal",
    "marker",
    "marker of the unit",
)
BUNDLED = frozenset(KINDS) - {SIGNAL}
MARKERS = {MARKER: "CopyComplete.txt", UNIT_MARKER: f"{UNIT}/CopyComplete.txt"}
PART = 4096  # bytes of a part of a tar
SIZE = 900  # bytes of a small file, about
# The calls that only bundles make come more often than the others.
OPERATIONS = (
    *("GetItem", "Query", "HeadObject", "PutObject", "CopyObject", "DeleteObject", "SendMessage"),
    *(2 * ("TransactWriteItems", "BatchGetItem", "ListObjectVersions", "SendMessageBatch", "DeleteObjects")),
    *(2 * ("GetObject", "CreateMultipartUpload", "ListMultipartUploads", "ListParts", "AbortMultipartUpload")),
    *(3 * ("UploadPart", "CompleteMultipartUpload")),
)
FAULTS = (*s.FAULTS, *2 * s.FLIPS)
Acts = tuple[tuple[int, str, int], ...]


def drop(world: World, kind: str, slot: int, number: int) -> Drop:
    """Put a file into the landing bucket. Those of odd slots are in the folder that is completed by itself."""
    world.clock.advance(1)
    key = ROOT + (MARKERS.get(kind) or _place(kind, slot))
    version = world.s3.put(world.name("landing"), key, _body(kind, slot, number))
    return Drop(kind, key, version.id, version.body, number, slot)


def _place(kind: str, slot: int) -> str:
    name = kind.replace(" ", "-")
    return (f"{UNIT}/" if slot % 2 else "") + f"{name}{slot}é." + ("pod5" if kind == SIGNAL else "bin")


def _body(kind: str, slot: int, number: int) -> bytes:
    if kind in (EMPTY, *MARKERS):
        return b""
    text = f"{kind} {slot} {'' if kind == SAME else number};".encode()
    return text * ((SIZE + 40 * slot) // len(text))


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules: the files of a run and its markers in any order, and later acts."""
    files = st.lists(st.sampled_from((SMALL, SMALL, SMALL, SAME, EMPTY, SIGNAL)), min_size=3, max_size=9)
    markers = st.sampled_from(((MARKER,), (MARKER, UNIT_MARKER), (UNIT_MARKER,)))
    whole = st.builds(lambda files, markers: [*files, *markers], files, markers).flatmap(st.permutations)
    later = st.sampled_from((*(s.DROPS + kind for kind in KINDS), *OTHER_ACTS))
    acts = st.builds(
        lambda *parts: tuple(act for part in parts for act in part),
        st.builds(_number, whole, st.lists(st.integers(0, 2), min_size=11, max_size=11)),
        st.lists(st.tuples(st.integers(0, 30), later, st.integers(0, 9)), max_size=6),
    )
    return with_trouble(acts, OPERATIONS, ("breaks",), most_endings=0, faults=FAULTS)


OTHER_ACTS = (s.DELETE, s.DELETE, s.COVER, s.RECONCILE, s.WAIT, s.WAIT)


def _number(kinds: list[str], gaps: list[int]) -> Acts:
    return tuple((gap, s.DROPS + kind, slot) for slot, (kind, gap) in enumerate(zip(kinds, gaps, strict=False)))


class OneThread:
    """A replacement of ThreadPoolExecutor, which does the work at once: only one thread of a schedule may run.

    A crash is raised where it happens, as it ends all threads of a process.
    """

    def __init__(self, _: int = 0):
        pass

    def __enter__(self) -> OneThread:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function: Callable, *args: object) -> Future:
        future: Future = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:  # noqa: BLE001  # as the pool does
            future.set_exception(error)
        return future

    def map(self, function: Callable, rows: Iterable) -> Iterator:
        return map(function, rows)


@contextlib.contextmanager
def small_bundles() -> Iterator[None]:
    """Make bundles of few files, in small parts and batches."""
    changes = [
        (bundle_policy, "LEAST_FILES", 2),
        (bundle_policy, "FULL_FILES", 5),
        (bundle_layout, "PART", PART),
        (candidates, "MOST", 8),
        (candidates, "BATCH", 3),
        (closing, "BATCH", 3),
        (closing, "FILES", 2),
        (closing, "MOVES", 2),
        (planning, "MOST", 8),
        (planning, "CLAIMS", 2),
        (planning, "NOTES", 2),
        (bundle, "NOTES", 2),
        (packing, "PARALLEL", 2),
        (tar_object, "ThreadPoolExecutor", OneThread),
        (closing, "ThreadPoolExecutor", OneThread),
    ]
    with contextlib.ExitStack() as stack:
        for change in changes:
            stack.enter_context(mock.patch.object(*change))
        yield
