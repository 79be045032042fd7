"""SageMaker as a process of its own: `python -m local.sagemaker.server WORKDIR`, started by the embedded AWS.

It is told how to reach the account, and where to answer, by a line of JSON on standard input, which stays open for
as long as the embedded AWS lives. It leads a session: killed, it takes its jobs along, and nothing else.
"""

import json
import logging
import shutil
import sys
from pathlib import Path

from local.calls import Remote, serve
from local.sagemaker.service import KINDS, RECORDS, SageMaker
from local.warden import leave_nothing_behind


def main() -> None:
    """Take up the work of an earlier process, if it is not told to begin afresh, and answer until the end."""
    workdir = Path(sys.argv[1])
    told = json.loads(sys.stdin.buffer.readline())
    leave_nothing_behind(workdir, with_parent=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if told["fresh"]:
        forget(workdir)
    key = bytes.fromhex(told["key"])
    service = SageMaker(workdir, told["endpoint"], Remote(told["account"], key), told["limits"], told["warm"])
    service.resume()
    serve(told["address"], key, service).join()


def forget(workdir: Path) -> None:
    """Remove all that the SageMaker of an earlier embedded AWS left: its buckets and roles are gone, too."""
    for name in (RECORDS, *(folder for folder, _ in KINDS.values())):
        shutil.rmtree(workdir / name, ignore_errors=True)


if __name__ == "__main__":
    main()
