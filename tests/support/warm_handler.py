"""A model's handler process, forked from one that has imported PyTorch and transformers; saves 3 seconds per test."""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.warm import Zygote


class WarmPopen:
    """A replacement of subprocess.Popen in seqdrop_cli.handler."""

    def __init__(self, zygote: Zygote, command: list[str], stderr, env: dict[str, str], cwd, **_):
        (requests, stdin), (stdout, child_stdout) = os.pipe(), os.pipe()
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
        self._forked = zygote.fork(command[2:], env, cwd, [requests, child_stdout, stderr.fileno()])
        for end in (requests, child_stdout):
            os.close(end)

    def wait(self) -> int:
        return self._forked.wait()

    def kill(self) -> None:
        self._forked.kill()


def warm_subprocess(zygote: Zygote) -> SimpleNamespace:
    """Return a replacement of the module subprocess for seqdrop_cli.handler."""

    def popen(command, **options):
        return WarmPopen(zygote, command, **options)

    return SimpleNamespace(Popen=popen, PIPE=subprocess.PIPE)
