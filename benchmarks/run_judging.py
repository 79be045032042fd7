"""CPU time and memory of judging and opening a run: `python benchmarks/run_judging.py [--files 20000 100000] [--list]`.

The function `advance_run` does it in one invocation of validate, which has one vCPU, 1,769 MB and 900 seconds. Here it
runs with real boto3 clients, which sign, send and parse real XML and JSON; only the network is replaced, below them.
The time in which the responses are made is measured and subtracted. With `--list`, the run has a list with the SHA-256
of each file, which is compared and noted. Each size has a process of its own, whose peak memory is printed: it includes
Python, the clients and the responses.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from typing import TYPE_CHECKING

from botocore.awsrequest import AWSResponse
from seqdrop.ledger.run_record import Run
from seqdrop.runtime.services import services as lambda_services
from seqdrop.stages.runs.run import advance_run
from seqdrop.uploads import upload_id

from benchmarks.run_play import ANALYSES, FOLDER, INFO, MARKERS, SMALL, list_names
from tests.faults.world import World
from tests.support.aws.wire import Wire, wire_services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import SimpleNamespace

PAGE = 1000  # versions in one listing
LIST = "sha256sum.txt"
SOON = "2026-01-05T08:00:00.000Z"
CALL_SECONDS = 0.02  # assumed: the time of a call besides the CPU time of the client
LAMBDA_SECONDS, LAMBDA_MB = 900, 1769


class Body(io.BytesIO):
    """The body of a response, as botocore reads it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield all bytes."""
        yield self.getvalue()


class Landed(Wire):
    """A run that landed. What is frequent is below botocore; all other calls go to the AWS in memory."""

    def __init__(self, files: int, has_list: bool) -> None:
        super().__init__()
        self.world, self.seconds, self.calls = World(), 0.0, Counter[str]()
        self.respond, self.clock = self._respond, self.world.clock
        self.bucket = self.world.name("landing")
        names = [*list_names(files), "RunInfo.xml", *MARKERS, *([LIST] if has_list else [])]
        self.names = sorted(names)
        self.numbers = {self.id_of(number): number for number in range(len(self.names))}
        for name, body in {"RunInfo.xml": INFO, **dict.fromkeys(MARKERS, b"")}.items():
            self._put(name, body)
        if has_list:
            lines = (f"{sha256_of(number)}  {name}\n" for number, name in enumerate(self.names) if name != LIST)
            self._put(LIST, "".join(lines).encode())

    def _put(self, name: str, body: bytes) -> None:
        landing = self.world.s3.buckets[self.bucket]
        number = self.names.index(name)
        self.world.s3.put(self.bucket, FOLDER + name, body)
        (version,) = landing.keys[FOLDER + name]
        landing.keys[FOLDER + name] = [type(version)(**{**vars(version), "id": f"v{number}"})]

    def id_of(self, number: int) -> str:
        """Return the id of the upload of the file with this number."""
        return upload_id(self.bucket, FOLDER + self.names[number], f"v{number}")

    def attach(self, client) -> None:  # noqa: ANN001 - any client
        """Attach a client, and replace its network."""
        super().attach(client)
        client.meta.events.register_first("before-send", self._send)

    def _respond(self, call):  # noqa: ANN001, ANN202 - as World.call
        return self.world.call(call)

    def _call(self, model, params: dict, context: dict, **more):  # noqa: ANN001, ANN003, ANN202 - as Wire
        """Let calls that are frequent pass to `_send`."""
        self.calls[model.name] += 1
        is_long = len(context["request"].get("TransactItems", ())) > 1
        if is_long or model.name in ("ListObjectVersions", "BatchGetItem", "SendMessageBatch"):
            return None
        return super()._call(model, params, context, **more)

    def _send(self, request, **_: object) -> AWSResponse:  # noqa: ANN001 - AWSPreparedRequest
        began = time.process_time()
        response = self.make_response(request.url, request.headers, request.body)
        self.seconds += time.process_time() - began
        return response

    def make_response(self, url: str, headers: dict, body: bytes) -> AWSResponse:
        """Return the response of a service to a request."""
        target = str(headers.get("X-Amz-Target", b""))
        if "BatchGetItem" in target:
            content = self._records(json.loads(body))
        elif "SendMessageBatch" in target:
            entries = json.loads(body)["Entries"]
            content = json.dumps({"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in entries]})
        elif "TransactWriteItems" in target:
            content = "{}"
        else:
            content = self._page(parse_qs(urlsplit(url).query))
        return AWSResponse(url, 200, {"content-type": "application/x-amz-json-1.0"}, Body(content.encode()))

    def _page(self, query: dict) -> str:
        first = int(query["version-id-marker"][0][1:]) + 1 if "version-id-marker" in query else 0
        last = min(first + PAGE, len(self.names))
        is_cut = last < len(self.names)
        marker = f"<NextKeyMarker>{quote(FOLDER + self.names[last - 1])}</NextKeyMarker>" if is_cut else ""
        marker += f"<NextVersionIdMarker>v{last - 1}</NextVersionIdMarker>" if is_cut else ""
        versions = "".join(
            f"<Version><Key>{quote(FOLDER + self.names[number])}</Key><VersionId>v{number}</VersionId>"
            f"<IsLatest>true</IsLatest><LastModified>2026-01-05T07:00:00.000Z</LastModified>"
            f"<ETag>&quot;{number:032x}&quot;</ETag><Size>{SMALL}</Size><StorageClass>STANDARD</StorageClass>"
            "<Owner><ID>65a011a29cdf8ec533ec3d1ccaae921c</ID></Owner></Version>"
            for number in range(first, last)
        )
        space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        head = f"<IsTruncated>{str(is_cut).lower()}</IsTruncated><EncodingType>url</EncodingType>{marker}"
        return f'<?xml version="1.0"?><ListVersionsResult {space}>{head}{versions}</ListVersionsResult>'

    def _records(self, request: dict) -> str:
        ((table, keys),) = request["RequestItems"].items()
        ids = [key["pk"]["S"].removeprefix("UPLOAD#") for key in keys["Keys"]]
        items = ",".join(self._record(self.numbers[identity], identity) for identity in ids)
        return f'{{"Responses": {{"{table}": [{items}]}}, "UnprocessedKeys": {{}}}}'

    def _record(self, number: int, identity: str) -> str:
        """Return the item of a VALIDATED upload, as the table returns it."""
        name = self.names[number]
        key = FOLDER + name
        size = len(self.world.s3.read(self.bucket, key) or b"") if name == LIST else SMALL
        texts = {
            "pk": f"UPLOAD#{identity}", "sk": "UPLOAD", "id": identity, "state": "VALIDATED", "kind": "upload",
            "kind_state": "upload#VALIDATED", "bucket": self.bucket, "key": key, "version_id": f"v{number}",
            "etag": f"{number:032x}", "sequencer": f"{number:018X}", "analysis": "runs", "run": FOLDER,
            "format": "other", "sha256": sha256_of(number), "crc32": f"{number:08x}", "created_at": SOON,
            "moved_at": SOON, "trace_id": "1-67891233-abcdef012345678912345678",
        }  # fmt: skip
        numbers = {"size": size, "revision": 2, "pushes": 0, "records": 0, "read_for": 1}
        item: dict = {name: {"S": text} for name, text in texts.items()}
        item |= {name: {"N": str(value)} for name, value in numbers.items()}
        item["timeline"] = {"M": {"RECEIVED": {"S": SOON}, "VALIDATED": {"S": SOON}}}
        item["duplicates_with"] = {"L": []}
        return json.dumps(item)


def sha256_of(number: int) -> str:
    """Return the SHA-256 of the file with this number, which is made up."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def measure(files: int, has_list: bool) -> dict:
    """Open a run of this many files in this process, and return the figures."""
    with wire_services(ANALYSES) as first:
        first.clock = World().clock
        landed = Landed(files, has_list)
        _replace_wire(first, landed)
        services = lambda_services()
        run = Run.of_folder(landed.bucket, FOLDER, "runs")
        services.ledger.create(run)
        landed.seconds, memory = 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.process_time()
        advance_run(services, run.id)
        seconds = time.process_time() - began
        opened = services.ledger.find_run(run.id)
    if opened is None or opened.state != "COMPLETE":
        raise SystemExit(f"the run was not opened: {opened}")
    calls = sum(landed.calls.values())
    return {
        "files": files,
        "cpu": seconds - landed.seconds,
        "responses": landed.seconds,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "before": memory,
        "calls": calls,
        "invocation": seconds - landed.seconds + calls * CALL_SECONDS,
    }


def _replace_wire(first: Wire, landed: Landed) -> None:
    """Attach the clients of this process to another wire."""
    services: SimpleNamespace = lambda_services()
    for client in (services.s3, services.sqs, services.sns, services.ledger._client):
        for event, handler in first._handlers:
            client.meta.events.unregister(event, handler)
        landed.attach(client)
    first.clock = landed.clock


def main() -> None:
    """Measure each size in a process of its own, and print the table of docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--list", action="store_true", help="the run has a list with the SHA-256 of each file")
    parser.add_argument("--here", action="store_true", help="print the figures of one size as JSON")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.files[0], options.list)))
        return
    print("| files | list | CPU | peak memory | calls | one invocation |\n|---|---|---|---|---|---|")
    for files in options.files:
        words = [sys.executable, __file__, "--here", "--files", str(files), *(["--list"] if options.list else [])]
        row = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        print(
            f"| {files:,} | {'yes' if options.list else 'no'} | {row['cpu']:.0f} s | {row['peak']:,.0f} MB "
            f"| {row['calls']:,} | {row['invocation']:.0f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
