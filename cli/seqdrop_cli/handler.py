"""The handler of an unpacked model archive, run without AWS in a clean Python process."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from seqdrop.errors import SeqdropError

from seqdrop_cli.handler_process import LENGTH, RESPONSE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

PROGRAM = Path(__file__).with_name("handler_process.py")
LOG_TAIL = 2000  # bytes from the end of the process's log that a message quotes
OWN_SETTINGS = ("SEQDROP_PRECISION", "SEQDROP_THREADS")  # settings of this machine's user, not of a job


class HandlerError(SeqdropError):
    """The handler did not load its model, did not respond, or died; the message quotes its error or its log."""


class Handler:
    """A process that holds the model loaded until it is closed; a context manager.

    `settings` are the SEQDROP_ variables of the job.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._log = TemporaryFile()  # noqa: SIM115 (`close` closes it)
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_clean(os.environ) | settings,
            cwd=folder,
            start_new_session=True,  # Ctrl-C reaches only the command; the handler completes its request
        )
        self._requests, self._responses = _pipe(self._process.stdin), _pipe(self._process.stdout)

    def __enter__(self) -> Handler:
        try:
            self._receive("the model failed to load")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def ask(self, body: bytes) -> list[bytes]:
        """Return one line of predictions for each work item (line) of the body, in order. Raise HandlerError."""
        with suppress(BrokenPipeError):  # the process died; `_receive` reports it
            self._requests.write(LENGTH.pack(len(body)) + body)
            self._requests.flush()
        return self._receive("the model did not respond").split(b"\n")

    def close(self) -> None:
        """Kill the process and close its pipes and its log."""
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._responses, self._log):
            with suppress(BrokenPipeError):
                stream.close()

    def _receive(self, failure: str) -> bytes:
        head = self._responses.read(RESPONSE.size)
        is_success, length = RESPONSE.unpack(head) if len(head) == RESPONSE.size else (False, -1)
        body = self._responses.read(length) if length >= 0 else b""
        if length < 0 or len(body) < length:
            status = self._process.wait()
            raise HandlerError(f"{failure}: its process died (status {status})\n{self._read_log_tail()}")
        if not is_success:
            raise HandlerError(f"{failure}: {body.decode(errors='replace')}")
        return body

    def _read_log_tail(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_TAIL))
        return self._log.read().decode(errors="replace").strip()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise HandlerError("the process of the model has no pipes")
    return stream


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without SEQDROP_ and PYTHON variables, except OWN_SETTINGS, and with the hub offline."""
    plain = {name: value for name, value in environment.items() if not name.startswith(("SEQDROP_", "PYTHON"))}
    own = {name: environment[name] for name in OWN_SETTINGS if name in environment}
    return plain | own | {"HF_HUB_OFFLINE": "1"}
