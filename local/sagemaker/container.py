"""What runs in a job's own process: the model's code under the contract of the Hugging Face container.

Started by path with the model folder and a connected socket; it speaks frames (see `read_frame`), answers
`{"event": "ready"}` once the model is loaded, then one answer a request until the socket is closed. It must
import nothing of ours: the module path belongs to the model's code.
"""

import importlib
import inspect
import json
import os
import socket
import struct
import sys
import traceback
from pathlib import Path
from types import ModuleType

HEAD = struct.Struct("!IQ")  # lengths of the JSON header and of the body that follow
TEXT_TYPES = frozenset({"application/json", "text/csv"})
JSON_TYPE = "application/json"
ANY_TYPE = "*/*"


class Context:
    """What a handler that takes a context is given: as much of the model server's as has a meaning here."""

    def __init__(self, model_dir: str):
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        self.manifest = {}


class Handler:
    """The functions of the model's code, called as the container's toolkit calls them."""

    def __init__(self, module: ModuleType, model_dir: str):
        self._module, self._context = module, Context(model_dir)
        custom = [name for name in ("input_fn", "predict_fn", "output_fn") if hasattr(module, name)]
        if hasattr(module, "transform_fn") and custom:
            raise ValueError(f"transform_fn cannot be used together with {', '.join(custom)}")
        if not (hasattr(module, "transform_fn") or hasattr(module, "predict_fn")):
            raise ValueError("the model's code defines neither transform_fn nor predict_fn")
        self._model = self._call(module.model_fn, model_dir)

    def answer(self, body: bytes, content_type: str, accept: str) -> bytes:
        """The response to one request."""
        data = body.decode() if content_type in TEXT_TYPES else bytearray(body)
        if hasattr(self._module, "transform_fn"):
            return encoded(self._call(self._module.transform_fn, self._model, data, content_type, accept))
        request = self._call(getattr(self._module, "input_fn", decode), data, content_type)
        prediction = self._call(self._module.predict_fn, request, self._model)
        return encoded(self._call(getattr(self._module, "output_fn", encode), prediction, accept))

    def _call(self, function, *arguments):
        """Add the context for a function that has room for one more argument."""
        room = len(inspect.signature(function).parameters)
        return function(*arguments) if room == len(arguments) else function(*arguments, self._context)


def decode(data, content_type: str):
    """The default input_fn: JSON only."""
    if content_type != JSON_TYPE:
        raise ValueError(f"no input_fn, and content type {content_type} is not {JSON_TYPE}")
    return json.loads(data)


def encode(prediction, accept: str):
    """The default output_fn: JSON only."""
    if accept != JSON_TYPE:
        raise ValueError(f"no output_fn, and accept {accept} is not {JSON_TYPE}")
    return json.dumps(prediction)


def encoded(response) -> bytes:
    """A response as bytes: text and bytes as they are, anything else as the model server would, in JSON."""
    if isinstance(response, (bytes, bytearray)):
        return bytes(response)
    return (response if isinstance(response, str) else json.dumps(response, indent=2)).encode()


def load(model_dir: str) -> Handler:
    """Import the model's program, its folder first on the path, and load the model."""
    sys.path.insert(0, str(Path(model_dir, "code")))
    program = os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    return Handler(importlib.import_module(program.removesuffix(".py")), model_dir)


def hide_checkout() -> None:
    """Take what is installed from a source tree off the module path: the real image does not have it."""
    homes = tuple(os.path.realpath(home) + os.sep for home in (sys.prefix, sys.base_prefix))
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry).startswith(homes)]
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not getattr(finder, "__module__", "").startswith("__editable__")
    ]


def serve(connection: socket.socket, model_dir: str) -> None:
    """Load the model, say so, and answer requests one by one."""
    try:
        handler = load(model_dir)
    except BaseException as error:
        traceback.print_exc()
        write_frame(connection, {"event": "failed", "error": describe(error)})
        return
    write_frame(connection, {"event": "ready"})
    while request := read_frame(connection):
        head, body = request
        write_frame(connection, *respond(handler, head, body))


def respond(handler: Handler, head: dict, body: bytes) -> tuple[dict, bytes]:
    """The answer's header and body; an exception of the handler is a 400, as in the real container."""
    accept = JSON_TYPE if head.get("accept") in (None, "", ANY_TYPE) else head["accept"]
    try:
        content = handler.answer(body, head.get("content_type") or JSON_TYPE, accept)
    except Exception as error:
        traceback.print_exc()
        return {"status": 400, "error": describe(error)}, b""
    return {"status": 200}, content


def describe(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}"


def write_frame(connection: socket.socket, head: dict, body: bytes = b"") -> None:
    """Send a header and a body."""
    text = json.dumps(head).encode()
    connection.sendall(HEAD.pack(len(text), len(body)) + text)
    connection.sendall(body)


def read_frame(connection: socket.socket) -> tuple[dict, bytes] | None:
    """Receive a header and a body; None when the other side is gone."""
    lengths = read_exactly(connection, HEAD.size)
    if lengths is None:
        return None
    head_size, body_size = HEAD.unpack(lengths)
    text, body = read_exactly(connection, head_size), read_exactly(connection, body_size)
    return None if text is None or body is None else (json.loads(text), bytes(body))


def read_exactly(connection: socket.socket, size: int) -> bytearray | None:
    """Receive so many bytes; None when the other side is gone before."""
    content = bytearray(size)
    view = memoryview(content)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            return None
        view = view[count:]
    return content


if __name__ == "__main__":
    hide_checkout()
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
