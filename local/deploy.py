"""template.yaml, built with `sam build` and deployed with `sam deploy` to the embedded AWS, and the seed models."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seqdrop.analyses import packaged
from seqdrop.jobs.code import push_code
from seqdrop.jobs.models import push_archive
from seqdrop.jobs.programs import ENTRY, PROGRAMS, push_program
from seqdrop.services import now
from seqdrop_cli.pack import pack_model
from seqdrop_cli.processing import pack
from seqdrop_cli.sourcedir import MODEL_CODE, pack_program

from local.embedded import EmbeddedAws

REPOSITORY = Path(__file__).resolve().parent.parent
SEEDS = {
    "masked-6": REPOSITORY / "model_code/dnabert/seeds/masked-6",
    "promoter-70": REPOSITORY / "model_code/dnabert/seeds/promoter-70",
    "promoter-300": REPOSITORY / "model_code/dnabert/seeds/promoter-300",
    "structure": REPOSITORY / "model_code/protein/seeds/cnn-ss3",
}
STACK = "seqdrop"


class DeployFailed(Exception):
    """`sam` said no; the message ends with what it printed."""


@dataclass(frozen=True)
class Stack:
    """Physical names of what template.yaml made: its outputs."""

    landing: str
    work: str
    results: str
    archive: str
    table: str
    topic: str

    @classmethod
    def of(cls, aws: EmbeddedAws, name: str = STACK) -> Stack:
        found = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return cls(**{item["OutputKey"].lower(): item["OutputValue"] for item in found["Outputs"]})


def deploy(
    aws: EmbeddedAws,
    say: Callable[[str], None] = lambda text: None,
    *,
    tree: Path = REPOSITORY,
    name: str = STACK,
    **parameters: str | int,
) -> Stack:
    """Build, deploy, push the code of processing jobs and the seed models. Takes 15 to 30 seconds.

    `tree` may be another checkout, whose template, functions and layers are deployed under another `name`; `parameters`
    are of the template.
    """
    build_dir = aws.workdir / f"sam-build-{name}"
    say("sam build")
    with _builds_alone(tree) as shared:
        places = ("--build-dir", str(shared / "build"), "--cache-dir", str(shared / "cache"))
        _sam(aws, tree, "build", "--cached", *places, *overrides(parameters))
        shutil.rmtree(build_dir, ignore_errors=True)
        shutil.copytree(shared / "build", build_dir, copy_function=_link)
    say("sam deploy")
    _sam(
        aws,
        tree,
        "deploy",
        *("--template-file", str(build_dir / "template.yaml"), "--stack-name", name, "--resolve-s3"),
        *("--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *("--no-progressbar", *overrides(parameters)),
    )
    stack = Stack.of(aws, name)
    say("code and seed models")
    push_layers(aws, stack, build_dir)
    push_programs(aws, stack)
    push_seeds(aws, stack)
    return stack


def push_layers(aws: EmbeddedAws, stack: Stack, build_dir: Path) -> None:
    """Make the layers, as they were built for this Python, the code of processing jobs.

    The embedded SageMaker runs this Python, too; for AWS's image `seqdrop processing push` fetches other wheels.
    """
    layers = [build_dir / name / "python" for name in ("ReadsLayer", "SeqdropLayer")]
    push_code(aws.client("s3"), stack.results, pack(layers), now())


def push_programs(aws: EmbeddedAws, stack: Stack) -> None:
    """Make the training scripts of this checkout what training jobs run."""
    for program in PROGRAMS:
        if (MODEL_CODE / program / ENTRY).is_file():
            push_program(aws.client("s3"), stack.results, program, pack_program(MODEL_CODE / program), now())


def push_seeds(aws: EmbeddedAws, stack: Stack) -> None:
    """Make the committed seeds the current models of the analyses that name them."""
    for model in sorted({analysis.use.model for analysis in packaged().by_name.values() if analysis.use}):
        push_seed(aws.client("s3"), stack.results, model)


def push_seed(s3, results: str, model: str) -> None:
    """Make a committed seed the current model of its name.

    A model whose head fills masks is packed for that; any other as a classifier, which serves embeddings as well.
    """
    uses = [analysis.use for analysis in packaged().by_name.values() if analysis.use]
    fills = any(use.task == "masked" for use in uses if use.model == model)
    push_archive(s3, results, model, pack_model(SEEDS[model], task="masked" if fills else None), now())


def overrides(parameters: dict[str, str | int]) -> list[str]:
    """The embedded Lambda runs this Python on this processor, so that is what is built for."""
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    values = {"Runtime": runtime, "Architecture": architecture, "BatchingWindow": "1"} | parameters
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in values.items())]


@contextmanager
def _builds_alone(tree: Path) -> Iterator[Path]:
    """The folder of what was built last, from which `sam build` takes what has not changed; for one at a time.

    It is a checkout's own, for each Python that builds there: two builds at a time trip over each other.
    """
    shared = tree / ".aws-sam" / f"embedded-{sys.implementation.cache_tag}"
    shared.mkdir(parents=True, exist_ok=True)
    with (shared.parent / "building").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield shared


def _link(source: str, target: str) -> None:
    """One file under two names, which costs nothing, or a copy where the two folders lie on two disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sam(aws: EmbeddedAws, tree: Path, command: str, *options: str) -> None:
    binaries = Path(sys.executable).parent
    environment = aws.environment()
    environment["PATH"] = f"{binaries}:{environment['PATH']}"  # sam looks for python3.x and pip there
    environment["SAM_CLI_POLL_DELAY"] = "0.5"  # seconds between two looks at a stack that is made; sam's own are 5
    done = subprocess.run(
        [str(binaries / "sam"), command, *options],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    (aws.workdir / f"sam-{command}.log").write_text(done.stdout)
    if done.returncode:
        raise DeployFailed(f"sam {command} failed:\n{done.stdout[-3000:]}")
