"""A process that has done the imports of models and forks programs, which saves each of them 3 s of imports.

`local/warm.py` starts it by path with a connected socket. A message is a JSON object (argv, environment, cwd, keep)
with file descriptors: the program's standard input, output and error, then others, whose numbers in the program are in
`keep`. The response is the program's process id, 8 bytes, big-endian. The program is reparented to the nearest
subreaper, which waits for it as for a child of its own. The zygote ends when the socket is closed. It must import
nothing of this project.
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
MESSAGE = 1 << 20  # bytes; SageMaker accepts an environment of at most 16 KB
MAX_DESCRIPTORS = 8  # in a message


def main(channel: socket.socket) -> None:
    """Do the imports, then fork a program for each message."""
    for name in IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    while message := receive(channel):
        request, descriptors = message
        channel.sendall(fork(channel, request, descriptors).to_bytes(8, "big"))
        for descriptor in descriptors:
            os.close(descriptor)


def receive(channel: socket.socket) -> tuple[dict, list[int]] | None:
    """Return a message and its file descriptors; None if the other side has closed the socket."""
    text, descriptors, _, _ = socket.recv_fds(channel, MESSAGE, MAX_DESCRIPTORS)
    return (json.loads(text), list(array.array("i", descriptors))) if text else None


def fork(channel: socket.socket, request: dict, descriptors: list[int]) -> int:
    """Start the program and return its process id. It is a grandchild, so it is reparented immediately.

    The program closes the channel; otherwise the other side would wait for a zygote that has ended.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            channel.close()
            run(request, descriptors)
        with contextlib.suppress(OSError):  # the grandchild may have done this, or have ended
            os.setpgid(grandchild, grandchild)  # before its id is known and its group can be killed
        os.write(writing, grandchild.to_bytes(8, "big"))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        return int.from_bytes(pipe.read(8), "big")


def run(request: dict, descriptors: list[int]) -> None:
    """Run the program as if newly started, in its own process group, folder and environment; never return."""
    status = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Numbers from 256 on cannot collide with those that the program expects.
        duplicates = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 256) for descriptor in descriptors]
        for number, descriptor in zip([0, 1, 2, *request["keep"]], duplicates, strict=True):
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
    except BaseException:  # noqa: BLE001 - a forked program must not return into the zygote
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
