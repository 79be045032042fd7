"""A sequencer run in the AWS in memory: its files land, the real functions work, and each call is counted by its price.

Calls go through real boto3 clients. Units of DynamoDB are computed from the sizes of the items.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.lambdas import Invocation
from tests.faults.world import World
from tests.support.aws import template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.aws.account import Call
    from tests.support.aws.wire import Wire

ANALYSES = (
    '[analyses.runs]\nprefix = "runs/"\nformats = ["any"]\nmax_gb = 100\ngate = "run"\nbundle_below = 0\n'  # objects
)
NAME = "20260105_LH00999_0012_A22ABCDLT4"
FOLDER = f"runs/{NAME}/"
SMALL = 4096  # bytes of a file of base calls
INFO = b"""<?xml version="1.0"?>
<RunInfo Version="6"><Run Id="20260105_LH00999_0012_A22ABCDLT4" Number="12"><Flowcell>22ABCDLT4</Flowcell>
<Instrument>LH00999</Instrument><Reads><Read Number="1" NumCycles="151" IsIndexedRead="N"/></Reads>
<FlowcellLayout LaneCount="8" SurfaceCount="2" SwathCount="2" TileCount="98"/></Run></RunInfo>"""
MARKERS = ("RTAComplete.txt", "CopyComplete.txt")
LANES, SURFACES = 8, 2

# The price class (costs/prices.py) of each operation of S3. A DELETE is free. Multipart uploads are those of bundles:
# S3 bills their end at the price of the storage class, and what comes before it as in S3 Standard.
CLASSES = {
    "PutObject": "put",
    "ListObjectVersions": "put",
    "ListObjectsV2": "put",
    "GetObject": "get",
    "HeadObject": "get",
    "DeleteObject": "free",
    "DeleteObjects": "free",
    "ListMultipartUploads": "put",
    "ListParts": "put",
    "CreateMultipartUpload": "put",
    "UploadPart": "put",
    "CompleteMultipartUpload": "deep_put",
}
READ_KB, WRITE_KB = 4, 1
CONSISTENT = {"GetItem", "BatchGetItem"}


class Played:
    """A run whose functions are called until no work is left.

    `calls` has the calls by price class, `units` those of DynamoDB, `by_function` all calls by the function that made
    them, and `invocations` the invocations by function.
    """

    def __init__(self, wire: Wire) -> None:
        self.world = World()
        self.calls: Counter[str] = Counter()
        self.units: Counter[str] = Counter()  # the numbers of writes, and units of writes and reads
        self.by_function: Counter[str] = Counter()
        self.invocations: Counter[str] = Counter()
        self._function = ""
        wire.respond, wire.clock = self._respond, self.world.clock

    def drop(self, name: str, body: bytes) -> None:
        """Put a file of the run into the landing bucket."""
        self.world.s3.put(self.world.name("landing"), FOLDER + name, body)

    def drop_run(self, files: int) -> None:
        """Put a run of this many files into the landing bucket: RunInfo.xml, files of base calls, the markers.

        RunInfo.xml is judged before the others land, as it is the first file that an instrument writes.
        """
        self.drop("RunInfo.xml", INFO)
        self.work()
        for number, name in enumerate(list_names(files - 1 - len(MARKERS))):
            self.drop(name, number.to_bytes(8, "big") * (SMALL // 8))
        for marker in MARKERS:
            self.drop(marker, b"")

    def work(self) -> None:
        """Deliver all messages that are visible now, and those that follow from them."""
        while sum(self._drain(function) for function in template.functions()):
            pass

    def play(self) -> None:
        """Deliver all messages, also those that are delayed, until none is left."""
        while True:
            self.work()
            times = [self.world.queues.next_at(function.queue) for function in template.functions()]
            left = [time for time in times if time is not None]
            if not left:
                return
            self.world.clock.advance(min(left) - self.world.clock.seconds)

    def invoke(self, function: str) -> None:
        """Invoke a function that runs on a schedule."""
        self._invoke(Invocation(function))

    def states(self, kind: str) -> Counter[str]:
        """Return the number of records of a kind in each state."""
        items = self.world.table.items.values()
        return Counter(item["state"]["S"] for item in items if item.get("kind", {}).get("S") == kind)

    def _drain(self, function: template.Function) -> bool:
        queues = self.world.queues
        visible = queues.visible(function.queue)
        for start in range(0, len(visible), function.batch):
            messages = queues.receive(function.queue, visible[start : start + function.batch])
            self._invoke(Invocation(function.folder, function.queue, messages))
            for message in messages:
                queues.done(function.queue, message)
        return bool(visible)

    def _invoke(self, invocation: Invocation) -> None:
        self._function = invocation.folder
        self.invocations[invocation.folder] += 1
        invocation.proceed(lambda _: None)
        if invocation.error or invocation.failed:
            raise SystemExit(f"{invocation.folder} failed: {invocation.error or invocation.failed}")

    def _respond(self, call: Call) -> dict:
        self.calls[classify(call)] += 1
        self.by_function[self._function] += 1
        if call.operation == "TransactWriteItems":
            self.units.update(dict(self._write_units(call.request)))
        response = self.world.call(call)  # a refused call is billed as well
        if call.service == "dynamodb" and call.operation != "TransactWriteItems":
            self.units["read"] += read_units(call.operation, response, self.world.table.name)
        return response

    def _write_units(self, request: dict) -> Iterator[tuple[str, int]]:
        """Yield the units that a transaction costs, and the number of its writes, before it is made."""
        puts = [write["Put"]["Item"] for write in request["TransactItems"]]
        yield "writes", len(puts)
        yield "write", sum(self._units_of(item) for item in puts)

    def _units_of(self, item: dict) -> int:
        """Return the units of a write: two for each KB in the table, one for each KB that the index loses or gains."""
        kilobytes = math.ceil(item_bytes(item) / 1024)
        if "kind_state" not in item:
            return 2 * kilobytes
        before = self.world.table.items.get((item["pk"]["S"], item["sk"]["S"]))
        index_key = ("kind_state", "moved_at")
        is_moved = before is not None and any(before[name] != item[name] for name in index_key)
        return 2 * kilobytes + kilobytes * (2 if is_moved else 1)


def list_names(count: int) -> Iterator[str]:
    """Yield names of base calls as a NovaSeq X writes them: by lane, cycle and surface."""
    for number in range(count):
        cycle, place = divmod(number, LANES * SURFACES)
        lane, surface = divmod(place, SURFACES)
        folder = f"Data/Intensities/BaseCalls/L00{lane + 1}/C{cycle + 1}.1"
        yield f"{folder}/L00{lane + 1}_{surface + 1}.cbcl"


def classify(call: Call) -> str:
    """Return the price class of a call: a name of costs/prices.py, or that of its service."""
    if call.service != "s3":
        return call.service
    if call.operation == "CopyObject":
        return "deep_put" if call.request.get("StorageClass") == "DEEP_ARCHIVE" else "put"
    return CLASSES[call.operation]


def read_units(operation: str, response: dict, table: str) -> float:
    """Return the units of a read. Only reads of the index, by queries, are eventually consistent."""
    if operation == "GetItem":
        return _read(item_bytes(response.get("Item", {})))
    if operation == "BatchGetItem":
        return sum(_read(item_bytes(item)) for item in response["Responses"][table])
    items = response["Items"]
    total = _read(sum(map(item_bytes, items)))
    is_of_index = any("kind_state" in item for item in items)
    return total / 2 if is_of_index and operation == "Query" else total


def _read(size: int) -> int:
    return max(1, math.ceil(size / READ_KB / 1024))


def item_bytes(item: dict) -> int:
    """Return the size of an item as DynamoDB bills it: names and values in UTF-8, and 100 bytes of the index entry."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "M":
        return 3 + sum(len(name.encode()) + 1 + _value_bytes(child) for name, child in content.items())
    if kind == "L":
        return 3 + sum(1 + _value_bytes(child) for child in content)
    return len(content) // 2 + 2 if kind == "N" else 1
