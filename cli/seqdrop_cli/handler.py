"""A model archive's own handler, asked without AWS: it runs in a clean Python process, from the unpack archive."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from seqdrop.errors import SeqdropError

from seqdrop_cli.handler_process import ANSWER, LENGTH

PROGRAM = Path(__file__).with_name("handler_process.py")
TOLD = 2000  # bytes of the process's last words in a message


class HandlerError(SeqdropError):
    """The handler did not load its model, did not answer, or died; the message has its own words."""


class Handler:
    """Holds the model loaded until it is closed; a context manager. `settings` are the job's SEQDROP_ variables."""

    def __init__(self, folder: Path, settings: dict[str, str]):
        self._log = TemporaryFile()  # noqa: SIM115 (`close` closes it)
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_clean(os.environ) | settings,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the command: what the model was asked, it answers
        )

    def __enter__(self) -> Handler:
        try:
            self._receive("the model failed to load")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def ask(self, body: bytes) -> list[bytes]:
        """The answers' lines, one for each line of the body, in order. Raises HandlerError."""
        with suppress(BrokenPipeError):  # it died; what there is to say about that, receiving finds out
            self._process.stdin.write(LENGTH.pack(len(body)) + body)
            self._process.stdin.flush()
        return self._receive("the model did not answer").split(b"\n")

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for one in (self._process.stdin, self._process.stdout, self._log):
            with suppress(BrokenPipeError):
                one.close()

    def _receive(self, trouble: str) -> bytes:
        head = self._process.stdout.read(ANSWER.size)
        well, length = ANSWER.unpack(head) if len(head) == ANSWER.size else (False, -1)
        body = self._process.stdout.read(length) if length >= 0 else b""
        if length < 0 or len(body) < length:
            status = self._process.wait()
            raise HandlerError(f"{trouble}: its process died (status {status})\n{self._last_words()}")
        if not well:
            raise HandlerError(f"{trouble}: {body.decode(errors='replace')}")
        return body

    def _last_words(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - TOLD))
        return self._log.read().decode(errors="replace").strip()


def _clean(environment) -> dict[str, str]:
    """No settings but those of the job; SEQDROP_PRECISION and SEQDROP_THREADS are the user's own."""
    kept = ("SEQDROP_PRECISION", "SEQDROP_THREADS")
    plain = {name: value for name, value in environment.items() if not name.startswith(("SEQDROP_", "PYTHON"))}
    return plain | {name: environment[name] for name in kept if name in environment} | {"HF_HUB_OFFLINE": "1"}
