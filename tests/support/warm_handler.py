"""A model's handler process, forked from one that has imported PyTorch and transformers: 3 seconds less a test."""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.warm import Zygote


class WarmPopen:
    """In place of subprocess.Popen in seqdrop_cli.handler."""

    def __init__(self, zygote: Zygote, command: list[str], stderr, env: dict[str, str], cwd, **_):
        (requests, ours), (theirs, answers) = os.pipe(), os.pipe()
        self.stdin, self.stdout = os.fdopen(ours, "wb"), os.fdopen(theirs, "rb")
        self._forked = zygote.fork(command[2:], env, cwd, [requests, answers, stderr.fileno()])
        for end in (requests, answers):
            os.close(end)

    def wait(self) -> int:
        return self._forked.wait()

    def kill(self) -> None:
        self._forked.kill()


def warm_subprocess(zygote: Zygote) -> SimpleNamespace:
    """Return what seqdrop_cli.handler may take for the module subprocess."""

    def popen(command, **options):
        return WarmPopen(zygote, command, **options)

    return SimpleNamespace(Popen=popen, PIPE=subprocess.PIPE)
