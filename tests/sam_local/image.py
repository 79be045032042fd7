"""A stand-in for AWS's image of the Python runtime: Debian's Python with AWS's runtime client and boto3.

`sam` adds the Lambda emulator. The packages are those of .venv, so its Python must be that of Debian.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sam_local.engine import MissingError
from tests.support.emulator import Runtime

SUITE, PYTHON = "bookworm", (3, 11)
IMAGE = "seqdrop-lambda-python:3.11"
BASE = "seqdrop-debian:bookworm"
INCLUDE = "python3,python3-venv,ca-certificates"
DOCKERFILE = f"""\
FROM {BASE}
COPY provided /var/runtime
COPY bootstrap /var/runtime/bootstrap
ENV PYTHONPATH=/var/task:/opt/python:/var/runtime PATH=/usr/bin:/bin LAMBDA_TASK_ROOT=/var/task
WORKDIR /var/task
"""
BOOTSTRAP = '#!/bin/sh\nexec python3 -m awslambdaric "$_HANDLER"\n'


def make_image(cache: Path, environment: dict[str, str]) -> str:
    """Return the name of the image, which is built anew. `cache` keeps the files of Debian for the next time."""
    if sys.version_info[:2] != PYTHON:
        raise MissingError(f"the stand-in image has Python 3.11, and .venv has {sys.version.split()[0]}; set IMAGE=…")
    rootfs = cache / "rootfs.tar"
    if not rootfs.is_file():
        _make_rootfs(rootfs)
    subprocess.run(["docker", "import", str(rootfs), BASE], env=environment, check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(Runtime.make(folder).provided, folder / "context/provided")
        (folder / "context/bootstrap").write_text(BOOTSTRAP)
        (folder / "context/bootstrap").chmod(0o755)
        (folder / "context/Dockerfile").write_text(DOCKERFILE)
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", IMAGE, str(folder / "context")],
            env=environment | {"DOCKER_BUILDKIT": "0"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return IMAGE


def _make_rootfs(target: Path) -> None:
    """Write Debian with Python as a tar file. Raise MissingError if that is impossible here."""
    if not shutil.which("debootstrap"):
        raise MissingError("debootstrap is not installed (apt-get install debootstrap)")
    if os.geteuid():
        raise MissingError("debootstrap works only as root")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        rootfs = Path(name) / "rootfs"
        command = ["debootstrap", "--variant=minbase", f"--include={INCLUDE}", SUITE, str(rootfs)]
        process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if process.returncode:
            raise MissingError(f"debootstrap failed (is a Debian mirror within reach?):\n{process.stdout[-1500:]}")
        draft = target.with_suffix(".new")
        subprocess.run(["tar", "-C", str(rootfs), "-cf", str(draft), "."], check=True)
        draft.replace(target)
