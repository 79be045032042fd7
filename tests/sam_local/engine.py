"""A Docker engine: the one that runs on this machine, or one of our own, which is stopped again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

BRIDGE = Path("/sys/class/net/docker0")  # dockerd makes it, and leaves it
PACKAGES = "apt-get install docker.io debootstrap"


class MissingError(Exception):
    """Something that `make sam-local` needs is not on this machine; the message says what."""


@contextmanager
def engine() -> Iterator[dict[str, str]]:
    """Yield the environment with which `docker` and `sam` reach an engine. Raise MissingError if there is none."""
    if not shutil.which("docker"):
        raise MissingError(f"docker is not installed ({PACKAGES})")
    if _responds(dict(os.environ)):
        yield dict(os.environ)
    else:
        with _own_engine() as environment:
            yield environment


def _responds(environment: dict[str, str]) -> bool:
    return not subprocess.run(["docker", "info"], env=environment, capture_output=True).returncode


@contextmanager
def _own_engine() -> Iterator[dict[str, str]]:
    """Start dockerd with folders of its own, and end it with all that it holds.

    It changes no firewall rules: containers only talk to this machine, by the address of the bridge.
    """
    if not shutil.which("dockerd"):
        raise MissingError(f"no Docker engine responds, and dockerd is not installed ({PACKAGES})")
    if os.geteuid():
        raise MissingError("no Docker engine responds; start one, or run this as root, so that it can start its own")
    with tempfile.TemporaryDirectory(prefix="sam-local-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/socket"}
        command = ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p", f"{folder}/pid"]
        command += ["-H", environment["DOCKER_HOST"], "--iptables=false", "--ip-masq=false"]
        had_bridge = BRIDGE.exists()
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                wait_for(lambda: process.poll() is not None or _responds(environment), timeout=60, pause=0.5)
                if process.poll() is not None:
                    raise MissingError(f"dockerd does not run here:\n{(folder / 'log').read_text()[-1500:]}")
                yield environment
            finally:
                process.terminate()
                process.wait(60)
                if not had_bridge and BRIDGE.exists() and shutil.which("ip"):
                    subprocess.run(["ip", "link", "delete", BRIDGE.name], check=False)


def find_gateway(environment: dict[str, str]) -> str:
    """Return the address of this machine in the network of the containers."""
    template = "{{(index .IPAM.Config 0).Gateway}}"
    command = ["docker", "network", "inspect", "bridge", "--format", template]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
