"""A program that runs the packaged handler. Its argument is the folder of the unpacked archive.

It imports nothing of this project, because the module path belongs to the model's code. A request on standard input is
a length of 8 bytes, big-endian, and the body. A response on standard output is a flag of 1 byte for success, a length,
and the body. The first response says whether the model was loaded.
"""

import importlib
import os
import struct
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

LENGTH, RESPONSE = struct.Struct("!Q"), struct.Struct("!?Q")
LINES = "application/jsonlines"


def main(folder: str) -> None:
    """Load the model of a folder and respond to requests until standard input is closed."""
    requests, responses = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of the model's code must not mix with the responses
    sys.meta_path[:] = [finder for finder in sys.meta_path if not _is_editable_finder(finder)]
    sys.path.insert(0, str(Path(folder, "code")))
    try:
        code = importlib.import_module("inference")
        model = code.model_fn(folder)
    except Exception as error:  # noqa: BLE001 - the model's code may raise any exception
        traceback.print_exc()
        send(responses, False, describe(error))
        return
    send(responses, True, b"")
    while head := requests.read(LENGTH.size):
        body = requests.read(LENGTH.unpack(head)[0])
        try:
            text = code.output_fn(code.predict_fn(code.input_fn(body, LINES), model), LINES)
        except Exception as error:  # noqa: BLE001 - as above
            traceback.print_exc()
            send(responses, False, describe(error))
        else:
            send(responses, True, text.encode())


def _is_editable_finder(finder: object) -> bool:
    return getattr(finder, "__module__", "").startswith("__editable__")


def describe(error: Exception) -> bytes:
    """Return the type and the message of an error, as UTF-8."""
    return f"{type(error).__name__}: {error}".encode()


def send(responses: BinaryIO, is_success: bool, body: bytes) -> None:
    """Write one response."""
    responses.write(RESPONSE.pack(is_success, len(body)) + body)
    responses.flush()


if __name__ == "__main__":
    main(sys.argv[1])
