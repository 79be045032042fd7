"""The packaged handler in a Python of its own. Started by path with the unpacked archive's folder; imports nothing
of ours, since the module path belongs to the model's code.

On standard input come requests, on standard output go answers, each a length and so many bytes; an answer has a
flag before it: whether it went well. The first answer says whether the model was loaded.
"""

import importlib
import os
import struct
import sys
import traceback
from pathlib import Path

LENGTH, ANSWER = struct.Struct("!Q"), struct.Struct("!?Q")
LINES = "application/jsonlines"


def main(folder: str) -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the code prints must not stand among the answers
    sys.meta_path[:] = [one for one in sys.meta_path if not getattr(one, "__module__", "").startswith("__editable__")]
    sys.path.insert(0, str(Path(folder, "code")))
    try:
        code = importlib.import_module("inference")
        model = code.model_fn(folder)
    except Exception as error:
        send(answers, False, describe(error))
        return
    send(answers, True, b"")
    while head := requests.read(LENGTH.size):
        body = requests.read(LENGTH.unpack(head)[0])
        try:
            text = code.output_fn(code.predict_fn(code.input_fn(body, LINES), model), LINES)
        except Exception as error:
            send(answers, False, describe(error))
        else:
            send(answers, True, text.encode())


def describe(error: Exception) -> bytes:
    traceback.print_exc()
    return f"{type(error).__name__}: {error}".encode()


def send(answers, well: bool, body: bytes) -> None:
    answers.write(ANSWER.pack(well, len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
