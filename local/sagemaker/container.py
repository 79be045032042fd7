"""The process of a transform job: the model's code under the contract of the Hugging Face container.

Started by path with a connected socket, the model folder, and "isolated" if the model has no network. It sends frames
(see `read_frame`): `{"event": "ready"}` once the model is loaded, then a response to each request until the socket is
closed. It must import nothing of this project, because the module path belongs to the model's code.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import runpy
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HEAD = struct.Struct("!IQ")  # lengths of the JSON header and of the body that follow
TEXT_TYPES = frozenset({"application/json", "text/csv"})
JSON_TYPE = "application/json"
ANY_TYPE = "*/*"


class Context:
    """The context of a handler that takes one: the part of the model server's context that applies here."""

    def __init__(self, model_dir: str) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        self.manifest = {}


class Handler:
    """The functions of the model's code, called as the container's toolkit calls them."""

    def __init__(self, module: ModuleType, model_dir: str) -> None:
        self._module, self._context = module, Context(model_dir)
        custom = [name for name in ("input_fn", "predict_fn", "output_fn") if hasattr(module, name)]
        if hasattr(module, "transform_fn") and custom:
            raise ValueError(f"transform_fn cannot be used together with {', '.join(custom)}")
        if not (hasattr(module, "transform_fn") or hasattr(module, "predict_fn")):
            raise ValueError("the model's code defines neither transform_fn nor predict_fn")
        self._model = self._call(module.model_fn, model_dir)

    def transform(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Return the response to one request."""
        data = body.decode() if content_type in TEXT_TYPES else bytearray(body)
        if hasattr(self._module, "transform_fn"):
            return to_bytes(self._call(self._module.transform_fn, self._model, data, content_type, accept))
        request = self._call(getattr(self._module, "input_fn", decode), data, content_type)
        prediction = self._call(self._module.predict_fn, request, self._model)
        return to_bytes(self._call(getattr(self._module, "output_fn", encode), prediction, accept))

    def _call(self, function: Callable[..., object], *arguments: object) -> object:
        """Call a function; if it has more parameters than `arguments`, the context is the last argument."""
        count = len(inspect.signature(function).parameters)
        return function(*arguments) if count == len(arguments) else function(*arguments, self._context)


def decode(data: str | bytearray, content_type: str) -> object:
    """Decode a request of type JSON: the default input_fn. Raise ValueError for any other type."""
    if content_type != JSON_TYPE:
        raise ValueError(f"no input_fn, and content type {content_type} is not {JSON_TYPE}")
    return json.loads(data)


def encode(prediction: object, accept: str) -> str:
    """Encode a prediction as JSON: the default output_fn. Raise ValueError if another type is accepted."""
    if accept != JSON_TYPE:
        raise ValueError(f"no output_fn, and accept {accept} is not {JSON_TYPE}")
    return json.dumps(prediction)


def to_bytes(response: object) -> bytes:
    """Return a response as bytes: text and bytes unchanged, anything else as JSON, as the model server does."""
    if isinstance(response, (bytes, bytearray)):
        return bytes(response)
    return (response if isinstance(response, str) else json.dumps(response, indent=2)).encode()


def load(model_dir: str) -> Handler:
    """Import the model's program, with its folder first on the module path, and load the model."""
    sys.path.insert(0, str(Path(model_dir, "code")))
    program = os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    return Handler(importlib.import_module(program.removesuffix(".py")), model_dir)


def hide_checkout() -> None:
    """Remove packages that are installed from a checkout from the module path: the real image lacks them."""
    homes = tuple(os.path.realpath(home) + os.sep for home in (sys.prefix, sys.base_prefix))
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry).startswith(homes)]
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not getattr(finder, "__module__", "").startswith("__editable__")
    ]


def serve(connection: socket.socket, model_dir: str) -> None:
    """Load the model, report the outcome, and respond to requests one at a time."""
    try:
        handler = load(model_dir)
    except BaseException as error:  # noqa: BLE001 - whatever the model's code raises is reported to the service
        traceback.print_exc()
        write_frame(connection, {"event": "failed", "error": describe(error)})
        return
    write_frame(connection, {"event": "ready"})
    while request := read_frame(connection):
        head, body = request
        write_frame(connection, *respond(handler, head, body))


def respond(handler: Handler, head: dict, body: bytes) -> tuple[dict, bytes]:
    """Return the response's header and body; an exception of the handler is a 400, as in the real container."""
    accept = JSON_TYPE if head.get("accept") in (None, "", ANY_TYPE) else head["accept"]
    try:
        content = handler.transform(body, head.get("content_type") or JSON_TYPE, accept)
    except Exception as error:  # noqa: BLE001 - the model's code may raise any exception
        traceback.print_exc()
        return {"status": 400, "error": describe(error)}, b""
    return {"status": 200}, content


def describe(error: BaseException) -> str:
    """Return an exception as one line."""
    return f"{type(error).__name__}: {error}"


def write_frame(connection: socket.socket, head: dict, body: bytes = b"") -> None:
    """Send a header and a body."""
    text = json.dumps(head).encode()
    connection.sendall(HEAD.pack(len(text), len(body)) + text)
    connection.sendall(body)


def read_frame(connection: socket.socket) -> tuple[dict, bytes] | None:
    """Receive a header and a body; return None if the other side has closed the socket."""
    lengths = read_exactly(connection, HEAD.size)
    if lengths is None:
        return None
    head_size, body_size = HEAD.unpack(lengths)
    text, body = read_exactly(connection, head_size), read_exactly(connection, body_size)
    return None if text is None or body is None else (json.loads(text), bytes(body))


def read_exactly(connection: socket.socket, size: int) -> bytearray | None:
    """Receive `size` bytes; return None if the other side closes the socket before."""
    content = bytearray(size)
    view = memoryview(content)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            return None
        view = view[count:]
    return content


if __name__ == "__main__":
    if sys.argv[3:] == ["isolated"]:
        runpy.run_path(str(Path(__file__).with_name("isolation.py")))["isolate"]()
    hide_checkout()
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
