"""A process that has imported what models import, and forks programs that need not do so again: 3 s each.

Started by path with a connected socket, by `local/warm.py`. A message is a JSON object (argv, environment, cwd) with
file descriptors: the program's standard input, output and error, and others whose numbers are in `keep`, as the
program knows them. The response is the program's process id. It is reparented to whoever has made itself a subreaper,
which waits for it as for a child of its own. The zygote ends when the socket is closed. It imports nothing of ours.
"""

import array
import contextlib
import fcntl
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import traceback

IMPORTS = (
    "torch",
    "torch._dynamo",
    "torch.distributed.tensor",
    "transformers.models.bert.modeling_bert",
    "transformers.modeling_utils",
    "safetensors.torch",
)
MESSAGE = 1 << 20  # bytes; an environment of 16 KB is the most that SageMaker takes
MOST = 8  # file descriptors in a message


def main(channel: socket.socket) -> None:
    """Import, then fork a program for each message."""
    for name in IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    while message := receive(channel):
        request, descriptors = message
        channel.sendall(fork(channel, request, descriptors).to_bytes(8, "big"))
        for descriptor in descriptors:
            os.close(descriptor)


def receive(channel: socket.socket) -> tuple[dict, list[int]] | None:
    """Return a message and its file descriptors; None when the other side is gone."""
    text, descriptors, _, _ = socket.recv_fds(channel, MESSAGE, MOST)
    return (json.loads(text), list(array.array("i", descriptors))) if text else None


def fork(channel: socket.socket, request: dict, descriptors: list[int]) -> int:
    """Return the process id of the program: a grandchild, so that it is reparented at once.

    It does not keep the channel, whose other side would otherwise wait for a zygote that is gone.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            channel.close()
            run(request, descriptors)
        with contextlib.suppress(OSError):  # it may have done so, or ended
            os.setpgid(grandchild, grandchild)  # before anyone knows it, and may end its group
        os.write(writing, grandchild.to_bytes(8, "big"))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        return int.from_bytes(pipe.read(8), "big")


def run(request: dict, descriptors: list[int]) -> None:
    """Be the program: as if started anew, in a process group, a folder and an environment of its own."""
    status = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        apart = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 256) for descriptor in descriptors]  # no number is taken twice
        for number, descriptor in zip([0, 1, 2, *request["keep"]], apart, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["cwd"])
        sys.argv = request["argv"]
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
