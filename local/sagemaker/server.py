"""SageMaker as a process of its own: `python -m local.sagemaker.server WORKDIR`, started by the embedded AWS.

A line of JSON on standard input says how to call the account and under which address to serve. Standard input stays
open while the embedded AWS lives. The process leads a session: if it is killed, its jobs end too, and nothing else.
"""

import json
import logging
import shutil
import sys
from pathlib import Path

from local.calls import Remote, serve
from local.sagemaker.service import ENDPOINTS, KINDS, OFFLINE, ONLINE, RECORDS, REQUESTS, SageMaker
from local.warden import leave_nothing_behind


def main() -> None:
    """Continue the work of an earlier process unless the settings ask for a fresh start, and serve until the end."""
    workdir = Path(sys.argv[1])
    settings = json.loads(sys.stdin.buffer.readline())
    leave_nothing_behind(workdir, with_parent=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if settings["fresh"]:
        remove_state(workdir)
    key = bytes.fromhex(settings["key"])
    account = Remote(settings["account"], key)
    options = {name: settings[name] for name in ("warm", "minute")}
    service = SageMaker(workdir, settings["endpoint"], account, settings["limits"], **options)
    service.resume()
    serve(settings["address"], key, service).join()


def remove_state(workdir: Path) -> None:
    """Remove the records and job folders of an earlier embedded AWS, whose buckets and roles no longer exist."""
    for name in (RECORDS, REQUESTS, ENDPOINTS, ONLINE, OFFLINE, *(folder for folder, _ in KINDS.values())):
        shutil.rmtree(workdir / name, ignore_errors=True)


if __name__ == "__main__":
    main()
