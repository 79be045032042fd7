"""The embedded AWS as a process: `python -m local.server --port N --workdir D [--region R]`.

The server listens on loopback only and writes all its files below the working directory: `server.json` once its port
is known, and its log to `server.log`.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from local.account import Account
from local.sagemaker_process import SageMakerProcess
from local.warden import leave_nothing_behind

LOOPBACK = "127.0.0.1"
STATE_FILE = "server.json"
LOG_FILE = "server.log"
PORT_TAKEN_STATUS = 98  # errno EADDRINUSE, which a user of the shell recognises
ACCOUNT = "000000000000"


@dataclass(frozen=True)
class ServerState:
    """The data with which another process finds, uses and stops a running server."""

    pid: int
    port: int
    region: str


def main(argv: list[str] | None = None) -> None:
    """Serve until a signal ends the process; exit with PORT_TAKEN_STATUS if the port is in use."""
    options = parse(argv)
    workdir = options.workdir.resolve()
    listener = listen(options.port)
    prepare_files(workdir)
    port = listener.getsockname()[1]
    prepare_environment(workdir, port, options)
    leave_nothing_behind(workdir, options.with_parent)
    state = ServerState(os.getpid(), port, options.region)
    limits = {
        "Transform": options.transform_limit,
        "Processing": options.processing_limit,
        "Training": options.training_limit,
    }
    asyncio.run(serve(listener, workdir, state, limits, options))


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.server", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=4566, help="0 selects a free port, which server.json then names")
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--transform-limit", type=int, help="refuse more transform jobs than this at a time")
    parser.add_argument("--processing-limit", type=int, help="refuse more processing jobs than this at a time")
    parser.add_argument("--training-limit", type=int, help="refuse more training jobs than this at a time")
    parser.add_argument(
        "--warm", action="store_true", help="fork containers from a process that has done their imports"
    )
    parser.add_argument(
        "--minute", type=float, default=60, help="seconds of each minute in which an endpoint waits during an update"
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input is closed")
    return parser.parse_args(argv)


def listen(port: int) -> socket.socket:
    """Return a listening socket on loopback; opening it first reserves the port.

    Exit with PORT_TAKEN_STATUS if that fails.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(1024)
    except OSError as error:
        print(f"cannot listen on {LOOPBACK}:{port}: {error}", file=sys.stderr)
        raise SystemExit(PORT_TAKEN_STATUS) from error
    return listener


def prepare_files(workdir: Path) -> None:
    """Make the working directory, and redirect standard output and standard error to its log."""
    shutil.rmtree(workdir / "tmp", ignore_errors=True)
    (workdir / "tmp").mkdir(parents=True)
    log = os.open(workdir / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def prepare_environment(workdir: Path, port: int, options: argparse.Namespace) -> None:
    """Set the variables that ministack reads at import, and remove the user's AWS settings, also for Lambda workers."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.pop("PYTHONPATH", None)
    os.environ |= {
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": options.region,
        "SEQDROP_LOCAL_MINUTE": str(options.minute),
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "INFO",
        "STATE_DIR": str(workdir / "state"),
        "S3_DATA_DIR": str(workdir / "s3"),
        "TMPDIR": str(workdir / "tmp"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    tempfile.tempdir = None


async def serve(
    listener: socket.socket,
    workdir: Path,
    state: ServerState,
    limits: dict[str, int | None],
    options: argparse.Namespace,
) -> None:
    """Start SageMaker, import ministack, install the additions, and serve requests until the process ends."""
    endpoint, account = f"http://{LOOPBACK}:{state.port}", Account(asyncio.get_running_loop())
    sagemaker = SageMakerProcess(workdir, endpoint, limits, options.warm, options.minute)
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config
    from ministack import app

    from local.additions import install

    install(app, sagemaker.remote, account, endpoint)
    sagemaker.attend(account)
    config = Config()
    config.bind, config.keep_alive_timeout = [f"fd://{listener.fileno()}"], 75
    write_state(workdir, state)
    await serve_asgi(app.app, config, shutdown_trigger=asyncio.Event().wait)


def write_state(workdir: Path, state: ServerState) -> None:
    """Record the state atomically: a reader sees all of it or none."""
    draft = workdir / f"{STATE_FILE}.new"
    draft.write_text(json.dumps(asdict(state)))
    draft.replace(workdir / STATE_FILE)


if __name__ == "__main__":
    main()
